"""Runs inside Pyodide: imports our packages and nothing else first, then hands over to pytest.

`main` is called by run.mjs, in an interpreter that has imported nothing yet.
"""

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader
from pathlib import Path

PACKAGES = ("runtime-schema", "runtime-core", "runtime-python", "runtime-browser")
NATIVE = {"apsw", "msgspec", "obstore", "orjson", "psutil", "pydantic_core", "uvloop", "websockets", "zmq"}
"""What the packages of the host and the server stand on; none of it exists in a page."""
UNCLOSED = "ignore:unclosed database in <sqlite3.Connection:ResourceWarning"
"""From Python 3.13; the databases of these suites are in memory, and garbage like any other object."""


def native_modules() -> list[str]:
    """Name what was imported and is not Python, the interpreter's own aside."""
    named = NATIVE & {name.partition(".")[0] for name in sys.modules}
    specs = [(name, getattr(module, "__spec__", None)) for name, module in list(sys.modules.items())]
    loaded = {name for name, spec in specs if spec is not None and isinstance(spec.loader, ExtensionFileLoader)}
    return sorted(named | loaded)


def import_all(root: Path) -> int:
    """Import every module of our packages; say how many there are.

    Raises:
        ImportError: One of them needs something that is not in a page.
    """
    count = 0
    for package in PACKAGES:
        name = package.replace("-", "_")
        module = importlib.import_module(name)
        assert Path(str(module.__file__)).is_relative_to(root), f"{name} is not the one of this checkout: {module.__file__}"
        for found in pkgutil.walk_packages(module.__path__, f"{name}."):
            importlib.import_module(found.name)
            count += 1
    return count


def main(root: str, arguments: Sequence[str]) -> int:
    """Import our packages, check what came with them, run pytest with arguments; its exit code."""
    sys.path[:0] = [f"{root}/packages/{package}/src" for package in PACKAGES]
    modules = import_all(Path(root))
    if found := native_modules():
        print(f"importing our packages loads native modules, which a page does not have: {', '.join(found)}")
        return 1
    print(f"imported {modules} modules of ours and nothing native")
    import pytest

    code = pytest.main(["-p", "no:cacheprovider", "-p", "plain_loop", "-W", UNCLOSED, *arguments])
    if not native_modules():
        print("the check for native modules sees none, although Hypothesis, which has one, is loaded: mend the check")
        return 1
    return code
