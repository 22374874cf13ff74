"""`runt pyodide mirror`: a release of Pyodide with chosen packages in a folder of one's own, every package checked against the lock file.

The runtime's own files stand in no lock file; they are taken as their source gives them.
"""

import difflib
import hashlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, final
from urllib.parse import quote, urlsplit

from .errors import FailedError, UsageError

LOCK = "pyodide-lock.json"

_RUNTIME = ("pyodide.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_COMPANIONS = frozenset({"ipython", "micropip"})  # a page takes them from a release whose Python is not that of our own archive
_CHUNK_BYTES = 1024 * 1024
_TIMEOUT_S = 60.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!~-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """What a lock file says of one package; `depends` are keys of the lock file."""

    file_name: str
    sha256: str
    depends: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A pyodide-lock.json. `asm` is its runtime's script: a module from 314 on, since when lock files do not name the version."""

    packages: Mapping[str, LockedPackage]
    asm: str


class Source(Protocol):
    """Where a release is taken from."""

    def open(self, name: str) -> BinaryIO:
        """Open one of its files; raises OSError (urllib's errors are)."""
        ...


@final
class FolderSource(Source):
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, name: str) -> BinaryIO:
        return (self._folder / name).open("rb")


@final
class WebSource(Source):
    """A folder on the web."""

    def __init__(self, address: str) -> None:
        self._base = address.rstrip("/") + "/"

    def open(self, name: str) -> BinaryIO:
        return urllib.request.urlopen(self._base + quote(name), timeout=_TIMEOUT_S)  # the scheme is checked in find_source


def find_source(given: str) -> Source:
    """Tell an address from a folder.

    Raises:
        UsageError: It is neither an https address nor a folder.
    """
    if "://" in given:
        parts = urlsplit(given)
        if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            return WebSource(given)
        raise UsageError("bad-source", f"{given} is no https:// address; give --from one, or a folder")
    if not Path(given).expanduser().is_dir():
        raise UsageError(
            "bad-source",
            f"{given}: there is no such folder; give --from a folder with a release of Pyodide, or the https:// address of one",
        )
    return FolderSource(Path(given).expanduser())


def mirror(target: Path, source: Source, wanted: Sequence[str], say: Callable[[str], None], *, everything: bool = False) -> None:
    """Bring a release's runtime and packages, with what these depend on, into a folder. What is there already and fits stays.

    Args:
        target: The folder; it is made.
        source: Where from.
        wanted: Names of packages, as the lock file or pip spells them; IPython and micropip come in any case.
        say: Told of every file.
        everything: All packages of the lock file.

    Raises:
        UsageError: There is no such package, or the folder holds another release.
        FailedError: A file cannot be read or written, or is not what the lock file says.
    """
    with _translated(LOCK), source.open(LOCK) as stream:
        data = stream.read()
    lock = read_lock(data)
    names = list(lock.packages) if everything else resolve(lock.packages, [*wanted, *(_COMPANIONS & lock.packages.keys())])
    with _translated(str(target)):
        target.mkdir(parents=True, exist_ok=True)
        kept = (target / LOCK).read_bytes() if (target / LOCK).exists() else data
    if kept != data:
        raise UsageError("other-release", f"{target} holds another release of Pyodide; choose another folder, or empty it")
    with _translated(LOCK):
        (target / LOCK).write_bytes(data)
    for name in (*_RUNTIME, lock.asm):
        _bring(source, name, target / name, None, say)
    for name in names:
        package = lock.packages[name]
        _bring(source, package.file_name, target / package.file_name, package.sha256, say)


def read_lock(data: bytes) -> Lock:
    """Parse a lock file.

    Raises:
        FailedError: It is none.
    """
    try:
        content: Any = json.loads(data)  # Any: JSON, whose shape is what is tried here
        packages = {
            str(name): LockedPackage(
                file_name=_plain(entry["file_name"]),
                sha256=str(entry["sha256"]).lower(),
                depends=tuple(str(depend) for depend in entry["depends"]),
            )
            for name, entry in content["packages"].items()
        }
        return Lock(packages=packages, asm="pyodide.asm.js" if "version" in content["info"] else "pyodide.asm.mjs")
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise FailedError("bad-lock", f"{LOCK} is no lock file of Pyodide: {type(exc).__name__} {exc}") from exc


def resolve(packages: Mapping[str, LockedPackage], wanted: Iterable[str]) -> list[str]:
    """Give the keys of what is wanted and of all that it depends on, sorted.

    Raises:
        UsageError: The lock file knows no such package.
    """
    by_name = {_normal(key): key for key in packages}
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        key = by_name.get(_normal(name))
        if key is None:
            near = difflib.get_close_matches(_normal(name), by_name, n=1)
            hint = f"did you mean {by_name[near[0]]}?" if near else f"it has {len(packages)} others"
            raise UsageError("no-package", f"the lock file has no package {name!r}; {hint}")
        if key not in found:
            found.add(key)
            waiting += packages[key].depends
    return sorted(found)


def _bring(source: Source, name: str, target: Path, expected: str | None, say: Callable[[str], None]) -> None:
    """Fetch a file unless it is there; it appears under its name when it is whole and is what was expected."""
    with _translated(name):
        if target.is_file() and (expected is None or _digest(target) == expected):
            return
        part = target.with_name(f"{name}.part")
        digest = hashlib.sha256()
        with source.open(name) as stream, part.open("wb") as out:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
                out.write(chunk)
        size = part.stat().st_size
        if expected is not None and digest.hexdigest() != expected:
            part.unlink()
            raise FailedError(
                "wrong-hash", f"{name} is not what {LOCK} says: expected sha256 {expected}, found {digest.hexdigest()}; it was not kept"
            )
        part.replace(target)
    say(f"{name}  {size / 1e6:.1f} MB")


@contextmanager
def _translated(what: str) -> Generator[None]:
    try:
        yield
    except urllib.error.HTTPError as exc:
        raise FailedError("not-mirrored", f"{what} cannot be fetched: {exc.code} {exc.reason} ({exc.url})") from exc
    except OSError as exc:
        reason = getattr(exc, "reason", None) or exc.strerror or exc
        raise FailedError(
            "not-mirrored", f"{what} cannot be fetched or kept: {reason}; what came so far stays, so run the command again"
        ) from exc


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()  # PEP 503


def _plain(name: str) -> str:
    if not _FILE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a file beside it")
    return name
