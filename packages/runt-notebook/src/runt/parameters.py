"""Parameters of a run, by papermill's convention: a cell tagged `parameters` has the defaults, one behind it sets others. Pure."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from runtime_schema.ipynb import FileCell, NotebookFile

from .errors import UsageError

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

TAG, INJECTED_TAG = "parameters", "injected-parameters"
_INTEGER, _NUMBER = re.compile(r"[+-]?\d+"), re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "none": None, "": None}
_NAME = re.compile(r"[A-Za-z_]\w*")


def parse_parameters(words: Sequence[str], raw: Sequence[str] = ()) -> dict[str, Value]:
    """Read `NAME=VALUE` words: numbers, true, false, null, JSON lists and objects, else text; of `raw` always text.

    Raises:
        UsageError: A word has no name or no `=`.
    """
    values: dict[str, Value] = {}
    for word, read in (*((word, parse_value) for word in words), *((word, str) for word in raw)):
        name, equals, text = word.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise UsageError("bad-parameter", f"{word!r} sets no parameter: write NAME=VALUE, where NAME is a variable's name")
        values[name] = read(text)
    return values


def parse_value(text: str) -> Value:
    """Read a value as papermill's `-p` does."""
    stripped = text.strip()
    if stripped.lower() in _WORDS:
        return _WORDS[stripped.lower()]
    if _INTEGER.fullmatch(stripped) and len(stripped) < 1000:
        return int(stripped)
    if _NUMBER.fullmatch(stripped) and math.isfinite(float(stripped)):
        return float(stripped)
    if stripped[0] in "[{":
        try:
            return cast("Value", json.loads(stripped))
        except ValueError:
            return text
    return text


def tags_of(metadata: str) -> frozenset[str]:
    """The tags in a cell's metadata, which is JSON text."""
    parsed: Any = json.loads(metadata)
    tags = cast("dict[str, object]", parsed).get("tags") if isinstance(parsed, dict) else None
    return frozenset(tag for tag in cast("list[object]", tags) if isinstance(tag, str)) if isinstance(tags, list) else frozenset()


def inject(notebook: NotebookFile, values: Mapping[str, Value], language: str = "python") -> NotebookFile:
    """Put a cell that sets the values behind the one tagged `parameters`, or first; one of an earlier run is replaced.

    Raises:
        UsageError: Values cannot be written in this language.
    """
    if not values:
        return notebook
    cells = [cell for cell in notebook.cells if INJECTED_TAG not in tags_of(cell.metadata)]
    place = next((place + 1 for place, cell in enumerate(cells) if TAG in tags_of(cell.metadata)), 0)
    metadata = json.dumps({"tags": [INJECTED_TAG]})
    cells.insert(place, FileCell(id=INJECTED_TAG, cell_type="code", source=assignments(values, language), metadata=metadata))
    return replace(notebook, cells=tuple(cells))


def assignments(values: Mapping[str, Value], language: str) -> str:
    """Write the values as code.

    Raises:
        UsageError: The language is none of those that are known.
    """
    if language == "python":
        return "# Parameters\n" + "".join(f"{name} = {value!r}\n" for name, value in values.items())
    if language in ("javascript", "typescript"):
        return "// Parameters\n" + "".join(f"var {name} = {json.dumps(value)};\n" for name, value in values.items())
    if language == "bash" and all(not isinstance(value, (list, dict)) for value in values.values()):
        return "# Parameters\n" + "".join(f"{name}={_bash(value)}\n" for name, value in values.items())
    raise UsageError("no-parameters", f"parameters cannot be written in {language}; set them in the notebook")


def _bash(value: Value) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return "'" + text.replace("'", "'\\''") + "'"
