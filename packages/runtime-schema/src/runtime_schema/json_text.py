"""The one strict JSON decoder and the one canonical encoder of the project's standard-library parts.

Accepts exactly what Python and JavaScript agree on: no NaN or Infinity, no duplicate keys, no lone surrogates,
integers within ±(2^53-1), finite floats, depth at most 64. Faster edges (server, store) use their own decoder and
the same limits.
"""

import json
import math
import re
from typing import NoReturn

from .errors import InvalidJsonError

MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def decode(text: str | bytes) -> Json:
    """Parse one JSON value strictly.

    Raises:
        InvalidJsonError: The text is not JSON, or is JSON on which Python and JavaScript would disagree.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        _check_nesting(text)
        value: Json = _DECODER.decode(text)
    except UnicodeDecodeError as exc:
        raise InvalidJsonError(f"byte {exc.start} is not UTF-8") from None
    except ValueError as exc:
        raise InvalidJsonError(str(exc)) from None
    check_value(value)
    return value


def encode(value: object) -> str:
    """Write compact JSON text: no spaces, no ASCII escapes, keys in the order given.

    Byte-equal to JavaScript's `JSON.stringify` for strings, integers, booleans, null and nests of these.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def check_value(value: Json, depth: int = 0) -> None:
    """Check a parsed value against the limits that both languages share.

    Raises:
        InvalidJsonError: Too deep, a number out of range, or a lone surrogate.
    """
    if depth > MAX_DEPTH:
        raise InvalidJsonError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        check_string(value)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise InvalidJsonError(f"integer beyond ±{MAX_INTEGER}")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidJsonError("number is not finite")
    elif isinstance(value, list):
        for item in value:
            check_value(item, depth + 1)
    else:
        for key, item in value.items():
            check_string(key)
            check_value(item, depth + 1)


def check_string(text: str) -> None:
    """Refuse lone surrogates, which neither SQLite nor UTF-8 can carry.

    Raises:
        InvalidJsonError: The string holds one.
    """
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidJsonError(f"lone surrogate at character {exc.start}") from None


def _check_nesting(text: str) -> None:
    # Before the parser sees it: in Pyodide a few thousand levels are the end of the interpreter, not a RecursionError.
    if text.count("[") + text.count("{") <= _HARMLESS_BRACKETS:
        return
    depth = 0
    for opening, closing in _BRACKETS.findall(text):
        depth += bool(opening) - bool(closing)
        if depth > MAX_DEPTH:
            raise InvalidJsonError(f"nested deeper than {MAX_DEPTH}")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"duplicate key {next(key for key in keys if keys.count(key) > 1)!r}")
    return made


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    # Python refuses to parse over 4,300 digits with a message about its own settings; anything over 17 is out of range anyway.
    if len(digits) > 17:
        raise ValueError(f"integer beyond ±{MAX_INTEGER}")
    return int(digits)


_HARMLESS_BRACKETS = 256
# Strings match too, to be skipped; also one without an end, or a text full of quotes would be searched again from each.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|([\[{])|([\]}])', re.DOTALL)
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer)
