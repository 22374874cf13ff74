"""The Python that pages run: which files it has and where, as `/pyodide/index.json` tells it.

Ours is made at build time and lies beside this module; another one may be chosen, in a folder or on the web. The archive with
our own packages is always ours.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from .errors import DistributionError

OWN = Path(__file__).parent / "pyodide"

_LOCK = "pyodide-lock.json"
_SITE = "site.tar"
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_AUTHORITY = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")  # it goes into a header, so nothing else may be in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What is served below `/pyodide/`.

    `index` is JSON; None in a source tree where nothing was built. `files` are by their path there, `<hash>/<name>`: one whose
    file ends with .gz and whose name does not is kept compressed. `origin` is where else pages fetch from.
    """

    index: bytes | None
    files: Mapping[str, Path]
    origin: str | None = None


class _Built(msgspec.Struct):
    """The index.json that the build leaves beside the files."""

    version: str
    python: str
    abi: str
    hash: str
    boot: tuple[str, ...]
    files: dict[str, int]

    @property
    def base(self) -> str:
        return f"/pyodide/{self.hash}/"


class _LockInfo(msgspec.Struct):
    python: str
    abi_version: str = ""
    version: str | None = None  # the lock files of 314 do not say it


class _LockPackage(msgspec.Struct):
    file_name: str


class _Lock(msgspec.Struct):
    """The part of pyodide-lock.json that a server needs."""

    info: _LockInfo
    packages: dict[str, _LockPackage]


class _Runtime(msgspec.Struct, kw_only=True):
    """A Pyodide as a page is told of it; null is what only the page can find out, from an address on the web."""

    base: str
    version: str | None = None
    python: str | None = None
    boot: tuple[str, ...] | None = None
    files: dict[str, int] = {}


def open_distribution(chosen: Path | str | None = None, own: Path = OWN) -> Distribution:
    """Find out what there is to serve; it reads two small files and lists a folder.

    Args:
        chosen: A folder, an https address of one, or None for ours.
        own: Where ours is.

    Raises:
        DistributionError: What was chosen is none.
    """
    built = _read_built(own)
    files = {} if built is None else {f"{built.hash}/{name}": own / f"{name}.gz" for name in built.files}
    origin = runtime = None
    if isinstance(chosen, str):
        runtime, origin = _at_address(chosen)
    elif chosen is not None:
        runtime, more = _in_folder(chosen, built, files)
        files |= more
    elif built is not None:
        runtime = _Runtime(base=built.base, version=built.version, python=built.python, boot=built.boot, files=built.files)
    if built is None or runtime is None:
        return Distribution(index=None, files=files, origin=origin)
    site = {"url": built.base + _SITE, "format": "tar", "size": built.files[_SITE], "python": built.python.rpartition(".")[0]}
    ours = {"python": built.python, "abi": built.abi, "base": built.base}
    index = msgspec.json.encode({**msgspec.structs.asdict(runtime), "site": site, "own": ours})
    return Distribution(index=index, files=files, origin=origin)


def _read_built(own: Path) -> _Built | None:
    try:
        return msgspec.json.decode((own / "index.json").read_bytes(), type=_Built)
    except FileNotFoundError:
        return None


def _at_address(address: str) -> tuple[_Runtime, str]:
    parts = urlsplit(address)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not safe or not _AUTHORITY.fullmatch(parts.netloc):
        raise DistributionError(address, "it is no https:// address")
    if parts.query or parts.fragment:
        raise DistributionError(address, "an address with ? or # cannot be that of a folder")
    return _Runtime(base=address.rstrip("/") + "/"), f"{parts.scheme}://{parts.netloc}"


def _in_folder(folder: Path, built: _Built | None, own_files: Mapping[str, Path]) -> tuple[_Runtime, dict[str, Path]]:
    """Take a folder's runtime and packages.

    Where interpreter and ABI are ours, only its packages: our standard library is compiled, so Python starts in a third of the time.
    """
    found = _list_files(folder)
    lock = _read_lock(folder, found)
    asm = "pyodide.asm.mjs" if "pyodide.asm.mjs" in found else "pyodide.asm.js"  # a module from 314 on
    boot = ("pyodide.asm.wasm", "python_stdlib.zip", asm, "pyodide.mjs", _LOCK)
    ours: dict[str, int] = {}
    if built is not None and (lock.info.python, lock.info.abi_version) == (built.python, built.abi):
        boot, ours = built.boot, {name: built.files[name] for name in built.boot if name != _LOCK}
    for name in boot:
        if name not in found and name not in ours:
            raise DistributionError(str(folder), f"it has no {name}")
    names = sorted({*boot, *(package.file_name for package in lock.packages.values())} & found.keys() - ours.keys())
    digest = hashlib.sha256(b"" if built is None else built.hash.encode())
    for name in names:
        digest.update(f"{name}\0{found[name].st_size}\0{found[name].st_mtime_ns}\n".encode())
    hash_ = digest.hexdigest()[:16]
    files = {f"{hash_}/{name}": folder / name for name in names}
    if built is not None:
        files |= {f"{hash_}/{name}": own_files[f"{built.hash}/{name}"] for name in ours}
    sizes = {**ours, **{name: found[name].st_size for name in names}}
    version = lock.info.version or (built.version if built is not None and ours else None)
    return _Runtime(base=f"/pyodide/{hash_}/", version=version, python=lock.info.python, boot=boot, files=sizes), files


def _list_files(folder: Path) -> dict[str, os.stat_result]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat() for entry in entries if entry.is_file()}
    except OSError as exc:
        raise DistributionError(str(folder), f"it cannot be read: {exc.strerror}") from exc


def _read_lock(folder: Path, found: Mapping[str, os.stat_result]) -> _Lock:
    if _LOCK not in found:
        raise DistributionError(str(folder), f"it has no {_LOCK}")
    try:
        return msgspec.json.decode((folder / _LOCK).read_bytes(), type=_Lock)
    except OSError as exc:
        raise DistributionError(str(folder), f"its {_LOCK} cannot be read: {exc.strerror}") from exc
    except msgspec.DecodeError as exc:
        raise DistributionError(str(folder), f"its {_LOCK} is no lock file of Pyodide: {exc}") from exc
