"""The query catalogue: every read of the state, with its parameters, the type of its rows, and what makes it stale.

Rows are NamedTuples whose fields are the SELECT's columns in order; TypeScript gets the same rows as objects with
camelCase keys. Values are SQLite's: text, integers (flags 0 or 1) and NULL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar, cast

RowT = TypeVar("RowT", bound=tuple[object, ...])
RowT_co = TypeVar("RowT_co", bound=tuple[object, ...], covariant=True)


class MetadataRow(NamedTuple):
    """One key of the notebook's metadata; `value` is JSON text."""

    key: str
    value: str


class CellRow(NamedTuple):
    """A cell, without its outputs."""

    id: str
    cell_type: str
    source: str
    position: str
    source_visible: int
    output_visible: int
    ai_context_visible: int
    metadata: str
    attachments: str | None
    created_by: str
    last_execution_id: str | None


class RuntimeSessionRow(NamedTuple):
    """One life of a runtime agent; `capabilities` is a JSON list of cell types, `info` a JSON object."""

    session_id: str
    ord: int
    store_session_id: str
    runtime_id: str
    runtime_type: str
    client_id: str
    status: str
    resume_status: str | None
    lost_after_ms: int
    capabilities: str
    info: str
    started_ms: int
    ended_reason: str | None


class ExecutionRow(NamedTuple):
    """One requested execution and what became of it."""

    id: str
    ord: int
    cell_id: str
    cell_type: str | None
    source: str
    batch_id: str | None
    stop_on_error: int
    requested_by: str
    requested_ms: int
    status: str
    session_id: str | None
    execution_count: int | None
    started_ms: int | None
    finished_ms: int | None
    error_name: str | None
    error_value: str | None
    reason: str | None


class QueueRow(NamedTuple):
    """An execution that waits or runs."""

    id: str
    status: str


class OutputRow(NamedTuple):
    """One output; the text of `stream` and `markdown` kinds is in its chunks. `bundle`, `metadata`, `traceback` are JSON text."""

    id: str
    ord: int
    cell_id: str
    execution_id: str
    kind: str
    stream: str | None
    display_id: str | None
    execution_count: int | None
    bundle: str | None
    metadata: str | None
    error_name: str | None
    error_value: str | None
    traceback: str | None


class ChunkRow(NamedTuple):
    """One piece of a text output; the text is the pieces in `n` order."""

    output_id: str
    n: int
    text: str


class InputRequestRow(NamedTuple):
    """A line that running code asked for: `pending`, `answered` or `closed`."""

    id: str
    execution_id: str
    prompt: str
    password: int
    status: str
    value: str | None


class ActorRow(NamedTuple):
    """Somebody who acts in the notebook."""

    id: str
    kind: str
    name: str
    avatar: str | None


class FileRow(NamedTuple):
    """A file that the notebook holds."""

    path: str
    sha256: str
    mime_type: str
    size_bytes: int
    created_by: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Query(Generic[RowT_co]):
    """One read of the state.

    `reads` maps each table read to the parameter that names its rows, or None: an event that wrote that table under
    another value of the same-named arg leaves the query fresh.
    """

    name: str
    sql: str
    row: type[RowT_co]
    reads: Mapping[str, str | None]
    params: tuple[str, ...] = ()


def _select(row: type[RowT], table: str, rest: str) -> str:
    columns = cast("type[MetadataRow]", row)._fields  # every row class is a NamedTuple; the checker needs one to know of _fields
    return f"SELECT {', '.join(columns)} FROM {table} {rest}"


def _query(
    name: str, row: type[RowT], table: str, rest: str, *params: str, key: str | None = None, also: tuple[str, ...] = ()
) -> Query[RowT]:
    return Query(name, _select(row, table, rest), row, {table: key, **dict.fromkeys(also)}, params)


METADATA = _query("metadata", MetadataRow, "notebook", "ORDER BY key")
CELLS = _query("cells", CellRow, "cells", "ORDER BY position, id")
CELL = _query("cell", CellRow, "cells", "WHERE id = :cellId", "cellId", key="cellId")
ACTIVE_SESSION = _query("activeSession", RuntimeSessionRow, "runtime_sessions", "WHERE status <> 'terminated'")
LATEST_SESSION = _query("latestSession", RuntimeSessionRow, "runtime_sessions", "ORDER BY ord DESC LIMIT 1")
SESSION = _query("session", RuntimeSessionRow, "runtime_sessions", "WHERE session_id = :sessionId", "sessionId")
# What a session has in hand and the two that it is to start next: a runtime hears of every change, and a thousand may be queued.
SESSION_WORK = _query(
    "sessionWork",
    ExecutionRow,
    "executions",
    "WHERE id IN (SELECT id FROM executions WHERE session_id = :sessionId AND status IN ('running', 'cancelling')"
    " UNION ALL SELECT id FROM (SELECT id FROM executions WHERE session_id = :sessionId AND status = 'queued' ORDER BY +ord LIMIT 2))"
    " ORDER BY +ord",
    "sessionId",
)
# Two lookups by the partial indexes of few rows: asked for by OR, SQLite walks all executions there ever were.
_OPEN = (
    "WHERE id IN (SELECT id FROM executions WHERE status = 'queued'"
    " UNION ALL SELECT id FROM executions WHERE status IN ('running', 'cancelling')) ORDER BY +ord"
)
OPEN_EXECUTIONS = _query("openExecutions", ExecutionRow, "executions", _OPEN)
# The same without what they are: a page looks at every change where each stands.
QUEUE = _query("queue", QueueRow, "executions", _OPEN)
EXECUTION = _query("execution", ExecutionRow, "executions", "WHERE id = :executionId", "executionId")
EXECUTIONS = _query("executions", ExecutionRow, "executions", "ORDER BY ord")
LATEST_EXECUTION = _query(
    "latestExecution",
    ExecutionRow,
    "executions",
    "WHERE id = coalesce("
    "(SELECT id FROM executions WHERE cell_id = :cellId AND reason IS NOT 'duplicate' ORDER BY ord DESC LIMIT 1),"
    " (SELECT id FROM executions WHERE cell_id = :cellId ORDER BY ord DESC LIMIT 1))",
    "cellId",
)
OUTPUTS = _query("outputs", OutputRow, "outputs", "WHERE execution_id = :executionId ORDER BY ord", "executionId", key="executionId")
ALL_OUTPUTS = _query("allOutputs", OutputRow, "outputs", "ORDER BY ord")
CHUNKS = _query(
    "chunks", ChunkRow, "output_chunks", "WHERE output_id = :outputId AND n > :after ORDER BY n", "outputId", "after", key="outputId"
)
ALL_CHUNKS = _query("allChunks", ChunkRow, "output_chunks", "ORDER BY output_id, n")
PENDING_INPUTS = _query("pendingInputs", InputRequestRow, "input_requests", "WHERE status = 'pending' ORDER BY +id")
INPUT_REQUEST = _query("inputRequest", InputRequestRow, "input_requests", "WHERE id = :requestId", "requestId")
ACTORS = _query("actors", ActorRow, "actors", "ORDER BY id")
FILES = _query("files", FileRow, "files", "ORDER BY path")

QUERIES: tuple[Query[tuple[object, ...]], ...] = (
    METADATA,
    CELLS,
    CELL,
    ACTIVE_SESSION,
    LATEST_SESSION,
    SESSION,
    SESSION_WORK,
    OPEN_EXECUTIONS,
    QUEUE,
    EXECUTION,
    EXECUTIONS,
    LATEST_EXECUTION,
    OUTPUTS,
    ALL_OUTPUTS,
    CHUNKS,
    ALL_CHUNKS,
    PENDING_INPUTS,
    INPUT_REQUEST,
    ACTORS,
    FILES,
)
"""Every query, in the order of the generated catalogue."""


def is_stale(
    query: Query[tuple[object, ...]], params: Mapping[str, object], writes: Mapping[str, str | None], args: Mapping[str, object]
) -> bool:
    """Tell whether an applied event can have changed a query's rows.

    Args:
        query: The query.
        params: Its parameters.
        writes: What the event's materializer writes.
        args: The event's args.
    """
    for table, key in query.reads.items():
        if table in writes and (key is None or writes[table] != key or args.get(key) == params.get(key)):
            return True
    return False
