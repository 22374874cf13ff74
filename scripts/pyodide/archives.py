"""Packs what a page boots: `python_stdlib.zip` and `site.tar`, with byte code. Runs inside Pyodide.

The standard library is imported from its zip, as Pyodide has it; what every start loads is stored there, so that nothing is inflated
in Python. All else is unpacked in the page, in 10 ms by JavaScript: IPython and jedi read files that lie beside their modules.
"""

import io
import py_compile
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

BUILD = Path("/build")
STDLIB = next(entry for entry in sys.path if entry.endswith(".zip"))
SITE = Path(next(entry for entry in sys.path if entry.endswith("/site-packages")))
OURS = ("runtime_browser/", "runtime_core/", "runtime_python/", "runtime_schema/")
# Stubs of Django and of packages that a page rarely has: 10 MB for completing their names.
LEFT_OUT = ("bin/", "share/", "jedi/third_party/django-stubs/", "jedi/third_party/typeshed/stubs/")
# They tell how a folder was installed, not what is in it.
INSTALLERS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json")


def pack(warm: frozenset[str]) -> None:
    """Write both archives; `warm` are the files that every start loads."""
    pack_stdlib(warm)
    pack_site(warm)


def pack_stdlib(warm: frozenset[str]) -> None:
    """Put byte code beside every source that is worth it; `encodings` has a hundred tables that hardly anybody reads."""
    unpacked = BUILD / "stdlib"
    with zipfile.ZipFile(BUILD / "stdlib.zip") as archive:
        archive.extractall(unpacked)
        names = sorted(name for name in archive.namelist() if not name.endswith("/"))
    with zipfile.ZipFile(BUILD / "python_stdlib.zip", "w") as archive:
        for name in names:
            shown = f"{STDLIB}/{name}"
            if name.endswith(".py") and (shown in warm or not name.startswith("encodings/")):
                method = zipfile.ZIP_STORED if shown in warm else zipfile.ZIP_DEFLATED
                archive.writestr(zipfile.ZipInfo(name + "c"), compiled(unpacked / name, shown), method, 9)
            archive.writestr(zipfile.ZipInfo(name), (unpacked / name).read_bytes(), zipfile.ZIP_DEFLATED, 9)


def pack_site(warm: frozenset[str]) -> None:
    """Pack what goes to `site-packages`: files only, with names below 100 bytes, so that a page can read it in ten lines."""
    with tarfile.open(BUILD / "site.tar", "w", format=tarfile.USTAR_FORMAT) as archive:

        def add(name: str, content: bytes) -> None:
            if len(name.encode()) >= 100:
                raise ValueError(f"{name} is too long a name for a page")
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))

        for path in sorted(path for path in SITE.rglob("*") if path.is_file()):
            name = path.relative_to(SITE).as_posix()
            if not wanted(name):
                continue
            add(name, path.read_bytes())
            if name.endswith(".py") and (str(path) in warm or name.startswith(OURS)):
                cached = PurePosixPath(name).parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
                add(str(cached), compiled(path, str(path)))


def wanted(name: str) -> bool:
    """Tell whether a file of `site-packages` belongs in the page."""
    path = PurePosixPath(name)
    if name.startswith(LEFT_OUT) or name == ".lock" or {"tests", "__pycache__"} & set(path.parts[:-1]):
        return False
    return not (path.parts[0].endswith(".dist-info") and path.name in INSTALLERS)


def compiled(source: Path, shown: str) -> bytes:
    """Compile a file that a page will know as `shown`, to byte code that is used without a look at the file."""
    target = BUILD / "module.pyc"
    py_compile.compile(str(source), str(target), shown, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return target.read_bytes()
