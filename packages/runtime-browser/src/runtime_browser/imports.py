"""Which modules a cell imports that are not here yet."""

import ast
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec

MAGICS = {"matplotlib": ("matplotlib",), "pylab": ("matplotlib", "numpy"), "pip": ("micropip",)}
"""What magics import themselves."""


def missing_imports(source: str, without_magics: Callable[[str], str] = str) -> tuple[str, ...]:
    """Name the top-level modules that a source imports and that cannot be found here, in their order.

    Args:
        source: A cell; what does not parse imports nothing.
        without_magics: Makes Python of a cell with magics, which become calls of `run_line_magic` and `run_cell_magic`.
    """
    names = dict.fromkeys(_imports(source, without_magics))
    return tuple(name for name in names if not is_here(name))


def is_here(name: str) -> bool:
    """Tell whether a top-level module can be imported, without importing it."""
    if name in sys.modules:
        return True
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # an import hook that says no in its own way
        return False


def _imports(source: str, without_magics: Callable[[str], str]) -> Iterator[str]:
    try:
        tree = ast.parse(without_magics(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(func=ast.Attribute(attr="run_line_magic" | "run_cell_magic"), args=[ast.Constant(value=str(magic)), *rest]):
                yield from MAGICS.get(magic, ())
                match rest:
                    case [*_, ast.Constant(value=str(body))]:  # that of %%time is code; what is not does not parse
                        yield from _imports(body, without_magics)
                    case _:
                        pass
            case _:
                pass
