"""The .ipynb file format: read it strictly into a model, write the model as Jupyter does.

Every value of the file survives: unknown metadata, attachments, cell ids, execution counts, MIME bundles of any type.
What the model becomes in the log is `ipynb_events`'s concern; cell types that Jupyter lacks are code cells with
`metadata.runt.cell_type`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .errors import InvalidJsonError, InvalidNotebookError
from .events import CellType
from .ids import is_id
from .json_text import Json, decode, encode
from .media import is_json, is_mime_type
from .outputs import DisplayData, ErrorOutput, ExecuteResult, StreamText

FileOutput = StreamText | DisplayData | ExecuteResult | ErrorOutput

_CELL_TYPES = ("code", "markdown", "raw")
_OWN_TYPES = ("sql", "ai")
_HIDDEN = (("jupyter", "source_hidden"), ("jupyter", "outputs_hidden"), ("runt", "ai_context_hidden"))
_SPLIT_APPLICATIONS = ("application/javascript", "image/svg+xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCell:
    """One cell of a file; `id` is None where the file has none that is usable. JSON-valued fields are JSON text.

    The three flags are `metadata.jupyter.source_hidden`, `.outputs_hidden` and `metadata.runt.ai_context_hidden` of the file.
    `attachments` maps names to MIME bundles of strings, as the file does.
    """

    id: str | None
    cell_type: CellType
    source: str
    metadata: str = "{}"
    attachments: Mapping[str, Mapping[str, str]] | None = None
    source_visible: bool = True
    output_visible: bool = True
    ai_context_visible: bool = True
    execution_count: int | None = None
    outputs: tuple[FileOutput, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookFile:
    """A whole file: cells in order, and the notebook's metadata as JSON text by key."""

    cells: tuple[FileCell, ...]
    metadata: Mapping[str, str]
    nbformat_minor: int = 5


def read_notebook(data: bytes) -> NotebookFile:
    """Parse the bytes of an .ipynb of nbformat 4.

    Raises:
        InvalidNotebookError: They are not one; says where.
    """
    try:
        top = decode(data)
    except InvalidJsonError as exc:
        raise InvalidNotebookError("", str(exc)) from None
    file = _object(top, "notebook")
    major = file.get("nbformat")
    if major != 4 or isinstance(major, bool):
        hint = "; convert it with `jupyter nbconvert --to notebook`" if major in (1, 2, 3) else ""
        raise InvalidNotebookError("nbformat", f"this version reads nbformat 4, not {encode(major)}{hint}")
    minor = file.get("nbformat_minor", 0)
    if not isinstance(minor, int):
        raise InvalidNotebookError("nbformat_minor", "must be an integer")
    cells = file.get("cells")
    if not isinstance(cells, list):
        raise InvalidNotebookError("cells", "must be a list")
    metadata = _object(file.get("metadata", {}), "metadata")
    seen: set[str] = set()
    return NotebookFile(
        cells=tuple(_read_cell(cell, f"cells[{place}]", seen) for place, cell in enumerate(cells)),
        metadata={key: encode(value) for key, value in metadata.items()},
        nbformat_minor=max(minor, 5),
    )


def write_notebook(notebook: NotebookFile) -> bytes:
    """Write an .ipynb as Jupyter writes it: sorted keys, one space of indent, text as lists of lines, a final newline."""
    top = {
        "cells": [_write_cell(cell) for cell in notebook.cells],
        "metadata": {key: decode(value) for key, value in notebook.metadata.items()},
        "nbformat": 4,
        "nbformat_minor": notebook.nbformat_minor,
    }
    return (json.dumps(top, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _read_cell(value: Json, where: str, seen: set[str]) -> FileCell:
    cell = _object(value, where)
    kind = cell.get("cell_type")
    if kind not in _CELL_TYPES:
        raise InvalidNotebookError(f"{where}.cell_type", f"must be one of {', '.join(_CELL_TYPES)}")
    metadata = dict(_object(cell.get("metadata", {}), f"{where}.metadata"))
    own_type = _take(metadata, "runt", "cell_type", _OWN_TYPES) if kind == "code" else None
    source_hidden, outputs_hidden, ai_context_hidden = (_take(metadata, group, key, (True,)) for group, key in _HIDDEN)
    found = cell.get("id")
    cell_id = found if isinstance(found, str) and is_id(found) and found not in seen else None
    if cell_id is not None:
        seen.add(cell_id)
    outputs = cell.get("outputs", []) if cell.get("cell_type") == "code" else []
    if not isinstance(outputs, list):
        raise InvalidNotebookError(f"{where}.outputs", "must be a list")
    count = cell.get("execution_count")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool)):
        raise InvalidNotebookError(f"{where}.execution_count", "must be an integer or null")
    attachments = cell.get("attachments")
    return FileCell(
        id=cell_id,
        cell_type=cast("CellType", own_type or kind),  # one of the literals checked above
        source=_text(cell.get("source", ""), f"{where}.source"),
        metadata=encode(metadata),
        attachments=None if attachments is None else _read_attachments(attachments, f"{where}.attachments"),
        source_visible=not source_hidden,
        output_visible=not outputs_hidden,
        ai_context_visible=not ai_context_hidden,
        execution_count=count,
        outputs=tuple(_read_output(output, f"{where}.outputs[{place}]") for place, output in enumerate(outputs)),
    )


def _take(metadata: dict[str, Json], group: str, key: str, values: tuple[Json, ...]) -> Json:
    """Take `metadata[group][key]` out if it is one of `values`; a group that is left empty goes too."""
    found = metadata.get(group)
    if not isinstance(found, dict) or found.get(key) not in values or isinstance(found[key], int) != isinstance(values[0], int):
        return None
    rest = {name: item for name, item in found.items() if name != key}
    if rest:
        metadata[group] = rest
    else:
        del metadata[group]
    return found[key]


def _read_attachments(value: Json, where: str) -> dict[str, dict[str, str]]:
    return {name: _read_bundle(bundle, f"{where}[{name!r}]") for name, bundle in _object(value, where).items()}


def _read_output(value: Json, where: str) -> FileOutput:
    output = _object(value, where)
    match output.get("output_type"):
        case "stream":
            name = output.get("name", "stdout")
            if name not in ("stdout", "stderr"):
                raise InvalidNotebookError(f"{where}.name", "must be stdout or stderr")
            return StreamText(stream=name, text=_text(output.get("text", ""), f"{where}.text"))
        case "display_data":
            return DisplayData(bundle=_read_bundle(output.get("data", {}), f"{where}.data"), metadata=_read_metadata(output, where))
        case "execute_result":
            count = output.get("execution_count")
            return ExecuteResult(
                execution_count=count if isinstance(count, int) else 0,
                bundle=_read_bundle(output.get("data", {}), f"{where}.data"),
                metadata=_read_metadata(output, where),
            )
        case "error":
            traceback = output.get("traceback", [])
            if not isinstance(traceback, list):
                raise InvalidNotebookError(f"{where}.traceback", "must be a list of strings")
            return ErrorOutput(
                name=_text(output.get("ename", ""), f"{where}.ename"),
                value=_text(output.get("evalue", ""), f"{where}.evalue"),
                traceback=tuple(_text(line, f"{where}.traceback[{place}]") for place, line in enumerate(traceback)),
            )
        case other:
            raise InvalidNotebookError(f"{where}.output_type", f"{encode(other)} is not an output type of nbformat 4")


def _read_metadata(output: dict[str, Json], where: str) -> str:
    return encode(_object(output.get("metadata", {}), f"{where}.metadata"))


def _read_bundle(value: Json, where: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for key, data in _object(value, where).items():
        mime_type = key.lower()
        if not is_mime_type(mime_type):
            raise InvalidNotebookError(f"{where}[{key[:64]!r}]", "is not a MIME type")
        made[mime_type] = encode(data) if is_json(mime_type) else _text(data, f"{where}[{key!r}]")
    return made


def _text(value: Json, where: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(cast("list[str]", value))  # every line checked
    raise InvalidNotebookError(where, "must be a string or a list of strings")


def _object(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise InvalidNotebookError(where, "must be an object")
    return value


def _write_cell(cell: FileCell) -> dict[str, Json]:
    metadata: Any = decode(cell.metadata)  # Any: a JSON object of the notebook's owner
    kind: str = "code" if cell.cell_type in _OWN_TYPES else cell.cell_type
    marks: list[tuple[str, str, Json]] = [("runt", "cell_type", cell.cell_type)] if cell.cell_type in _OWN_TYPES else []
    shown = (cell.source_visible, cell.output_visible, cell.ai_context_visible)
    marks += [(group, key, True) for (group, key), visible in zip(_HIDDEN, shown, strict=True) if not visible]
    for group, key, value in marks:
        metadata = {**metadata, group: {**metadata.get(group, {}), key: value}}
    made: dict[str, Json] = {"cell_type": kind, "metadata": metadata, "source": _lines(cell.source)}
    if cell.id is not None:
        made["id"] = cell.id
    if cell.attachments is not None:
        made["attachments"] = {name: _write_bundle(bundle) for name, bundle in cell.attachments.items()}
    if kind == "code":
        made["execution_count"] = cell.execution_count
        made["outputs"] = [write_output(output) for output in cell.outputs]
    return made


def write_output(output: FileOutput) -> dict[str, Json]:
    """Write one output as an nbformat 4 object."""
    match output:
        case StreamText():
            return {"output_type": "stream", "name": output.stream, "text": _lines(output.text)}
        case DisplayData():
            return {"output_type": "display_data", "data": _write_bundle(output.bundle), "metadata": decode(output.metadata)}
        case ExecuteResult():
            return {
                "output_type": "execute_result",
                "execution_count": output.execution_count or None,
                "data": _write_bundle(output.bundle),
                "metadata": decode(output.metadata),
            }
        case _:
            return {"output_type": "error", "ename": output.name, "evalue": output.value, "traceback": list(output.traceback)}


def _write_bundle(bundle: Mapping[str, str]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for mime_type, data in bundle.items():
        if is_json(mime_type):
            made[mime_type] = decode(data)
        else:
            made[mime_type] = _lines(data) if mime_type.startswith("text/") or mime_type in _SPLIT_APPLICATIONS else data
    return made


def _lines(text: str) -> list[Json]:
    lines: Sequence[str] = text.splitlines(keepends=True)
    return list(lines)
