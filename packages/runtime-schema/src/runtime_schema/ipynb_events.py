"""Between an .ipynb and the log: the events that bring a file into a notebook, and the file that a state is.

A file's outputs enter as executions of a runtime session of type `import`, so that they obey the rules of all outputs.
Pure: bytes too large for an event are returned to be kept first, and looked up through a function given.
"""

import base64
import binascii
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from .errors import InvalidNotebookError
from .events import (
    CellCreated,
    CellDeleted,
    CellMetadataSet,
    CellMoved,
    CellSourceSet,
    CellTypeSet,
    CellVisibilitySet,
    DisplayAdded,
    ErrorAdded,
    Event,
    ExecutionFinished,
    ExecutionRequested,
    ExecutionStarted,
    JsonText,
    NotebookMetadataSet,
    ResultAdded,
    RuntimeSessionStarted,
    RuntimeSessionStatusSet,
    RuntimeSessionTerminated,
    StreamAppended,
)
from .ids import CellId, ExecutionId, OutputId, RuntimeId, RuntimeSessionId
from .ipynb import FileCell, FileOutput, NotebookFile
from .json_text import decode, encode
from .media import INLINE_LIMIT_BYTES, Artifact, Bundle, Inline, is_text
from .outputs import DisplayData, ErrorOutput, ExecuteResult, StreamName, StreamText
from .position import positions_between
from .queries import (
    ALL_CHUNKS,
    ALL_OUTPUTS,
    CELLS,
    EXECUTIONS,
    METADATA,
    CellRow,
    ChunkRow,
    ExecutionRow,
    MetadataRow,
    OutputRow,
    Query,
)
from .wire import Limits

RowT = TypeVar("RowT", bound=tuple[object, ...])
NewId = Callable[[], str]
FetchArtifact = Callable[[str], bytes]
"""Give the bytes of an artifact by its sha256."""

METADATA_PREFIX = "metadata."
"""Keys of the file's own metadata stand in the `notebook` table behind this; `title` and the like are ours."""

_CHUNK_CHARS = 32 * 1024
_MAX_SOURCE_BYTES = Limits().event_bytes - 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookState:
    """The rows of a state that a file is made of."""

    metadata: Sequence[MetadataRow] = ()
    cells: Sequence[CellRow] = ()
    executions: Sequence[ExecutionRow] = ()
    outputs: Sequence[OutputRow] = ()
    chunks: Sequence[ChunkRow] = ()

    @classmethod
    def read(cls, query: "ReadRows") -> "NotebookState":
        """Read all of it with what answers queries, such as the method of a store."""
        return cls(
            metadata=query(METADATA),
            cells=query(CELLS),
            executions=query(EXECUTIONS),
            outputs=query(ALL_OUTPUTS),
            chunks=query(ALL_CHUNKS),
        )


class ReadRows(Protocol):
    """Gives the rows of a query that takes no parameters."""

    def __call__(self, query: Query[RowT], /) -> Sequence[RowT]:
        """Read them now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Events in order, and the bytes (with their MIME type) that must be kept before the events are committed."""

    events: tuple[Event, ...]
    artifacts: Mapping[str, tuple[bytes, str]]


def import_notebook(
    notebook: NotebookFile,
    *,
    new_id: NewId,
    now_ms: int,
    title: str | None = None,
    state: NotebookState | None = None,
    with_outputs: bool = True,
) -> Import:
    """Plan the events that make a notebook equal to a file.

    Args:
        notebook: The file.
        new_id: Makes ids for cells without one, executions and outputs.
        now_ms: The time to give to imported executions.
        title: The notebook's title, when it shall be set.
        state: What the notebook holds now; nothing by default. Cells are matched by id, so what the file left
            unchanged makes no event.
        with_outputs: Whether to bring in outputs that differ; not while a runtime session is active.

    Raises:
        InvalidNotebookError: A source that no event can carry, or bytes that are not base64.
    """
    return _Importer(new_id, now_ms, state or NotebookState()).run(notebook, title, with_outputs)


def export_notebook(state: NotebookState, fetch: FetchArtifact) -> NotebookFile:
    """Make the file that a state is.

    Args:
        state: The rows.
        fetch: Gives the bytes of artifacts; what it raises passes through.
    """
    executions = {row.id: row for row in state.executions}
    texts: dict[str, list[str]] = {}
    for chunk in state.chunks:
        texts.setdefault(chunk.output_id, []).append(chunk.text)
    outputs: dict[str, list[FileOutput]] = {}
    for row in state.outputs:
        outputs.setdefault(row.execution_id, []).append(_export_output(row, "".join(texts.get(row.id, ())), fetch))
    return NotebookFile(
        cells=tuple(_export_cell(cell, executions, outputs, fetch) for cell in state.cells),
        metadata={row.key.removeprefix(METADATA_PREFIX): row.value for row in state.metadata if row.key.startswith(METADATA_PREFIX)},
    )


@dataclass
class _Importer:
    new_id: NewId
    now_ms: int
    state: NotebookState
    events: list[Event] = field(default_factory=list[Event])
    artifacts: dict[str, tuple[bytes, str]] = field(default_factory=dict[str, tuple[bytes, str]])

    def run(self, notebook: NotebookFile, title: str | None, with_outputs: bool) -> Import:
        known = {row.key: row.value for row in self.state.metadata}
        wanted = {METADATA_PREFIX + key: value for key, value in notebook.metadata.items()}
        if title is not None:
            wanted["title"] = encode(title)
        for key, value in wanted.items():
            if known.get(key) != value:
                self.events.append(NotebookMetadataSet(key=key, value=JsonText(value)))
        cells = self._import_cells(notebook.cells)
        if with_outputs:
            self._import_outputs(cells)
        return Import(events=tuple(self.events), artifacts=self.artifacts)

    def _import_cells(self, cells: Sequence[FileCell]) -> list[tuple[str, FileCell]]:
        rows = {row.id: row for row in self.state.cells}
        placed = [(cell.id or self.new_id(), cell) for cell in cells]
        kept = {cell_id for cell_id, _ in placed}
        for row in self.state.cells:
            if row.id not in kept:
                self.events.append(CellDeleted(cell_id=CellId(row.id)))
        positions = self._positions([cell_id for cell_id, _ in placed], rows)
        for place, (cell_id, cell) in enumerate(placed):
            if len(cell.source.encode()) > _MAX_SOURCE_BYTES:
                raise InvalidNotebookError(f"cells[{place}].source", f"is larger than {_MAX_SOURCE_BYTES // 1024} KiB")
            self._import_cell(CellId(cell_id), cell, positions[place], rows.get(cell_id), f"cells[{place}]")
        return placed

    def _import_cell(self, cell_id: CellId, cell: FileCell, position: str, row: CellRow | None, where: str) -> None:
        attachments = self._attachments(cell, where)
        shown = (True, True, True)
        if row is not None and row.attachments != attachments:
            self.events.append(CellDeleted(cell_id=cell_id))
            row = None
        if row is None:
            self.events.append(
                CellCreated(
                    cell_id=cell_id,
                    cell_type=cell.cell_type,
                    position=position,
                    source=cell.source,
                    metadata=JsonText(cell.metadata),
                    attachments=attachments,
                )
            )
        else:
            shown = (bool(row.source_visible), bool(row.output_visible), bool(row.ai_context_visible))
            self._update_cell(cell_id, cell, position, row)
        if shown != (cell.source_visible, cell.output_visible, cell.ai_context_visible):
            self.events.append(
                CellVisibilitySet(
                    cell_id=cell_id, source=cell.source_visible, output=cell.output_visible, ai_context=cell.ai_context_visible
                )
            )

    def _update_cell(self, cell_id: CellId, cell: FileCell, position: str, row: CellRow) -> None:
        if row.cell_type != cell.cell_type:
            self.events.append(CellTypeSet(cell_id=cell_id, cell_type=cell.cell_type))
        if row.source != cell.source:
            self.events.append(CellSourceSet(cell_id=cell_id, source=cell.source))
        if row.metadata != cell.metadata:
            self.events.append(CellMetadataSet(cell_id=cell_id, metadata=JsonText(cell.metadata)))
        if row.position != position:
            self.events.append(CellMoved(cell_id=cell_id, position=position))

    def _positions(self, ids: Sequence[str], rows: Mapping[str, CellRow]) -> list[str]:
        """Keep the positions of known cells when their order did not change; else number all anew."""
        known = [rows[cell_id].position if cell_id in rows else None for cell_id in ids]
        stay = [position for position in known if position is not None]
        if any(first >= second for first, second in itertools.pairwise(stay)):
            return positions_between(None, None, len(ids))
        made: list[str] = []
        place = 0
        while place < len(known):
            position = known[place]
            if position is not None:
                made.append(position)
                place += 1
                continue
            end = next((later for later in range(place, len(known)) if known[later] is not None), len(known))
            after = known[end] if end < len(known) else None
            made.extend(positions_between(made[-1] if made else None, after, end - place))
            place = end
        return made

    def _attachments(self, cell: FileCell, where: str) -> JsonText | None:
        if cell.attachments is None:
            return None
        return JsonText(encode({name: self._bundle(bundle, f"{where}.attachments") for name, bundle in cell.attachments.items()}))

    def _import_outputs(self, cells: Sequence[tuple[str, FileCell]]) -> None:
        current = {row.cell_id: row for row in self.state.executions if row.id in {cell.last_execution_id for cell in self.state.cells}}
        # Stored bytes equal the file's if they have the same hash, so the file's own stand in for what is kept.
        known: dict[str, tuple[bytes, str]] = {}
        for place, (_, cell) in enumerate(cells):
            for output in cell.outputs:
                if isinstance(output, (DisplayData, ExecuteResult)):
                    self._bundle(output.bundle, f"cells[{place}].outputs", known)
        shown = {cell.id: cell.outputs for cell in export_notebook(self.state, lambda sha256: known.get(sha256, (b"", ""))[0]).cells}
        changed: list[tuple[int, str, FileCell]] = []
        for place, (cell_id, cell) in enumerate(cells):
            if cell.cell_type in ("markdown", "raw") or (not cell.outputs and cell.execution_count is None):
                continue
            before = current.get(cell_id)
            if before is None or shown.get(cell_id) != cell.outputs or (before.execution_count or None) != cell.execution_count:
                changed.append((place, cell_id, cell))
        if not changed:
            return
        session_id = RuntimeSessionId(self.new_id())
        self.events.append(
            RuntimeSessionStarted(
                session_id=session_id,
                runtime_id=RuntimeId("import"),
                runtime_type="import",
                capabilities=("code", "sql", "ai"),
                info=JsonText("{}"),
                lost_after_ms=0,
                started_ms=self.now_ms,
            )
        )
        self.events.append(RuntimeSessionStatusSet(session_id=session_id, status="ready"))
        for place, cell_id, cell in changed:
            self._import_execution(CellId(cell_id), cell, session_id, f"cells[{place}]")
        self.events.append(RuntimeSessionTerminated(session_id=session_id, reason="shutdown"))

    def _import_execution(self, cell_id: CellId, cell: FileCell, session_id: RuntimeSessionId, where: str) -> None:
        execution_id = ExecutionId(self.new_id())
        self.events.append(ExecutionRequested(execution_id=execution_id, cell_id=cell_id, source=cell.source, requested_ms=self.now_ms))
        self.events.append(
            ExecutionStarted(
                execution_id=execution_id,
                session_id=session_id,
                execution_count=cell.execution_count or 0,
                started_ms=self.now_ms,
            )
        )
        for place, output in enumerate(cell.outputs):
            self._import_output(execution_id, session_id, output, f"{where}.outputs[{place}]")
        failed = next((output for output in cell.outputs if isinstance(output, ErrorOutput)), None)
        self.events.append(
            ExecutionFinished(
                execution_id=execution_id,
                session_id=session_id,
                status="ok" if failed is None else "error",
                error_name=failed and failed.name,
                error_value=failed and failed.value[:1024],
                finished_ms=self.now_ms,
            )
        )

    def _import_output(self, execution_id: ExecutionId, session_id: RuntimeSessionId, output: FileOutput, where: str) -> None:
        output_id = OutputId(self.new_id())
        match output:
            case StreamText():
                for n, start in enumerate(range(0, max(len(output.text), 1), _CHUNK_CHARS)):
                    self.events.append(
                        StreamAppended(
                            output_id=output_id,
                            execution_id=execution_id,
                            session_id=session_id,
                            stream=output.stream,
                            n=n,
                            text=output.text[start : start + _CHUNK_CHARS],
                        )
                    )
            case DisplayData():
                self.events.append(
                    DisplayAdded(
                        output_id=output_id,
                        execution_id=execution_id,
                        session_id=session_id,
                        bundle=self._bundle(output.bundle, where),
                        metadata=JsonText(output.metadata),
                    )
                )
            case ExecuteResult():
                self.events.append(
                    ResultAdded(
                        output_id=output_id,
                        execution_id=execution_id,
                        session_id=session_id,
                        execution_count=output.execution_count,
                        bundle=self._bundle(output.bundle, where),
                        metadata=JsonText(output.metadata),
                    )
                )
            case _:
                self.events.append(
                    ErrorAdded(
                        output_id=output_id,
                        execution_id=execution_id,
                        session_id=session_id,
                        name=output.name,
                        value=output.value,
                        traceback=output.traceback,
                    )
                )

    def _bundle(self, bundle: Mapping[str, str], where: str, kept_in: dict[str, tuple[bytes, str]] | None = None) -> Bundle:
        artifacts = self.artifacts if kept_in is None else kept_in
        made: dict[str, Inline | Artifact] = {}
        for mime_type, data in bundle.items():
            if len(data) <= INLINE_LIMIT_BYTES // 4 or len(data.encode()) <= INLINE_LIMIT_BYTES:
                made[mime_type] = Inline(type="inline", data=data)
                continue
            try:
                kept = data.encode() if is_text(mime_type) else base64.b64decode(data, validate=False)
            except (binascii.Error, ValueError):
                raise InvalidNotebookError(f"{where}[{mime_type!r}]", "is not base64") from None
            sha256 = hashlib.sha256(kept).hexdigest()
            artifacts[sha256] = (kept, mime_type)
            made[mime_type] = Artifact(type="artifact", sha256=sha256, sizeBytes=len(kept))
        return made


def read_bundle(bundle: str, fetch: FetchArtifact) -> dict[str, str]:
    """Resolve a stored bundle (JSON text) to strings, fetching what is an artifact."""
    made: dict[str, str] = {}
    stored: Mapping[str, Inline | Artifact] = decode(bundle)  # type: ignore[assignment]  # checked when its event was committed
    for mime_type, representation in stored.items():
        if representation["type"] == "inline":
            made[mime_type] = representation["data"]
        else:
            kept = fetch(representation["sha256"])
            made[mime_type] = kept.decode() if is_text(mime_type) else base64.b64encode(kept).decode()
    return made


def _export_cell(
    cell: CellRow, executions: Mapping[str, ExecutionRow], outputs: Mapping[str, list[FileOutput]], fetch: FetchArtifact
) -> FileCell:
    last = executions.get(cell.last_execution_id or "")
    return FileCell(
        id=cell.id,
        cell_type=cell.cell_type,  # type: ignore[arg-type]  # a literal checked when its event was committed
        source=cell.source,
        metadata=cell.metadata,
        attachments=None if cell.attachments is None else _export_attachments(cell.attachments, fetch),
        source_visible=bool(cell.source_visible),
        output_visible=bool(cell.output_visible),
        ai_context_visible=bool(cell.ai_context_visible),
        execution_count=None if last is None else last.execution_count or None,
        outputs=tuple(outputs.get(cell.last_execution_id or "", ())),
    )


def _export_attachments(attachments: str, fetch: FetchArtifact) -> dict[str, dict[str, str]]:
    named: Mapping[str, object] = decode(attachments)  # type: ignore[assignment]  # bundles by name, as `_attachments` wrote them
    return {name: read_bundle(encode(bundle), fetch) for name, bundle in named.items()}


def _export_output(row: OutputRow, text: str, fetch: FetchArtifact) -> FileOutput:
    metadata = row.metadata or "{}"
    match row.kind:
        case "stream":
            stream: StreamName = "stderr" if row.stream == "stderr" else "stdout"
            return StreamText(stream=stream, text=text)
        case "markdown":
            return DisplayData(bundle={"text/markdown": text})
        case "error":
            lines: list[str] = decode(row.traceback or "[]")  # type: ignore[assignment]  # a list of strings by its event's check
            return ErrorOutput(name=row.error_name or "", value=row.error_value or "", traceback=tuple(lines))
        case "result":
            return ExecuteResult(execution_count=row.execution_count or 0, bundle=read_bundle(row.bundle or "{}", fetch), metadata=metadata)
        case _:
            return DisplayData(bundle=read_bundle(row.bundle or "{}", fetch), metadata=metadata)
