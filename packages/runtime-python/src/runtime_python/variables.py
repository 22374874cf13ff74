"""What a namespace holds, as a person wants to see it: names, types and one line about each value.

Values belong to user code, so little of theirs is called, and what they raise is not shown.
"""

import inspect
from collections.abc import Mapping, Sized
from types import FunctionType, ModuleType
from typing import Any, cast

from .bundles import clean_text

MOST = 500
SUMMARY_CHARACTERS = 120
_SMALL = (bool, int, float, complex, str, bytes, type(None))
_LONGEST_REPR = 4096


def list_variables(namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> list[dict[str, str]]:
    """List the user's variables, values first, then functions and classes.

    Args:
        namespace: All names.
        hidden: Names that the shell put there, unless user code has given them another value.
    """
    own = [
        (name, value)
        for name, value in list(namespace.items())
        if not name.startswith("_") and not isinstance(value, ModuleType) and not (name in hidden and hidden[name] is value)
    ]
    own.sort(key=lambda item: (isinstance(item[1], (type, FunctionType)), item[0]))
    return [{"name": clean_text(name), "type": clean_text(type(value).__name__), "summary": summarize(value)} for name, value in own[:MOST]]


def summarize(value: Any) -> str:
    """Say in one line what a value is."""
    try:
        text = _summary(value)
    except Exception as error:  # whatever its attributes and its repr do
        text = f"<cannot be shown: {type(error).__name__}>"
    line = " ".join(clean_text(text).split())
    return line if len(line) <= SUMMARY_CHARACTERS else f"{line[: SUMMARY_CHARACTERS - 1]}…"


def _summary(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > _LONGEST_REPR:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, (str, bytes)) and len(value) > SUMMARY_CHARACTERS:
        return f"{value[:SUMMARY_CHARACTERS]!r}"
    if type(value) in _SMALL:
        return repr(value)
    if isinstance(value, (type, FunctionType)):
        return f"{value.__qualname__}{_signature(value)}" if isinstance(value, FunctionType) else f"class {value.__qualname__}"
    shape: Any = getattr(value, "shape", None)
    dtype: Any = getattr(value, "dtype", None)
    if type(shape) is tuple:
        size = " × ".join(str(length) for length in cast("tuple[Any, ...]", shape)) or "scalar"  # noqa: RUF001  # as people write it
        return size if dtype is None else f"{size}, {dtype}"
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return _container(value)  # pyright: ignore[reportUnknownArgumentType]  # isinstance cannot say of what
    if isinstance(value, Sized) and type(value).__repr__ is not object.__repr__ and len(value) > SUMMARY_CHARACTERS:
        return f"{len(value)} items"
    return repr(value)


def _container(value: Any) -> str:
    count = f"{len(value)} item{'' if len(value) == 1 else 's'}"
    if len(value) > 10:
        return count
    parts: list[Any] = [*value, *value.values()] if type(value) is dict else list(value)  # pyright: ignore[reportUnknownVariableType]  # as above
    small = all(type(part) in _SMALL and len(str(part)) < SUMMARY_CHARACTERS for part in parts)
    return f"{count}: {value!r}" if small and parts else count


def _signature(function: FunctionType) -> str:
    try:
        return str(inspect.signature(function))
    except (ValueError, TypeError):
        return "(…)"
