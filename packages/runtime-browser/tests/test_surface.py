"""What importing the package gives, and what it does not pull in."""

import sys
from importlib import import_module
from types import ModuleType

import runtime_browser
import runtime_core

NATIVE = {"msgspec", "apsw", "orjson", "uvicorn", "websockets", "psutil", "platformdirs", "runtime_store", "runtime_node", "runtime_server"}


def test_all_names_every_public_import_in_order() -> None:
    names = {name for name, value in vars(runtime_browser).items() if not name.startswith("_") and not isinstance(value, ModuleType)}
    assert set(runtime_browser.__all__) == names
    assert len(runtime_browser.__all__) == len(names)


def test_the_core_is_had_from_here() -> None:
    assert set(runtime_core.__all__) <= set(runtime_browser.__all__)


def test_importing_it_imports_no_ipython_nothing_native_and_nothing_of_pyodide() -> None:
    before = {name: sys.modules.pop(name) for name in tuple(sys.modules) if _is_ours_or_forbidden(name)}
    try:
        import_module("runtime_browser.worker")
        loaded = {name.partition(".")[0] for name in sys.modules}
        assert loaded & (NATIVE | {"IPython", "runtime_python", "js"}) == set()
    finally:
        for name in tuple(sys.modules):
            if _is_ours_or_forbidden(name):
                del sys.modules[name]
        sys.modules.update(before)


def _is_ours_or_forbidden(name: str) -> bool:
    root = name.partition(".")[0]
    return root in NATIVE or root in ("IPython", "js", "runtime_browser", "runtime_core", "runtime_python", "runtime_schema")
