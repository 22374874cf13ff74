"""The rules of the notebook: for each event one boolean guard and the SQL statements that it runs on the state.

Rule numbers are SCHEMA's. A condition that can be wrong on its own has a name, and a test that fails when
`build(without={name})` leaves it out. In the text it stands as `[[name: condition]]`. Statements bind the event's args and,
of the envelope, `:clientId` and `:storeSessionId`; nothing else: no clock, no randomness, no rowid.

One active session exists at most (rule 1), so the session that holds the fence is the one that is not terminated.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .events import (
    ActorSet,
    CellCreated,
    CellDeleted,
    CellMetadataSet,
    CellMoved,
    CellOutputsCleared,
    CellSourceSet,
    CellTypeSet,
    CellVisibilitySet,
    DisplayAdded,
    DisplayUpdated,
    ErrorAdded,
    Event,
    ExecutionBatchRequested,
    ExecutionCancelRequested,
    ExecutionFinished,
    ExecutionRequested,
    ExecutionStarted,
    FileDeleted,
    FilePut,
    InputReplied,
    InputRequested,
    MarkdownAppended,
    NotebookMetadataSet,
    OutputsCleared,
    ResultAdded,
    RuntimeSessionResumed,
    RuntimeSessionStarted,
    RuntimeSessionStatusSet,
    RuntimeSessionTerminated,
    RuntimeSessionUnreachable,
    StreamAppended,
    wire_name,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Materializer:
    """What one event does to the state.

    `guard` is a SELECT of one integer, or None when the event always applies: at 0 nothing happens, at 1 all statements
    run but the first `rare` ones, at 2 these too. With `each`, the guard is evaluated once and the statements run once
    for every item of that list arg, in order, with the item's fields bound.
    `writes` maps each table written to the arg that names the rows, or None when the rows are not one arg's.
    """

    guard: str | None
    statements: tuple[str, ...]
    rare: int
    each: str | None
    writes: Mapping[str, str | None]


# What a terminated session leaves behind (rule 3): its running work is lost, its queue waits for the next one.
_LOSE = (
    "UPDATE executions SET status = 'lost', reason ="
    " (SELECT s.ended_reason FROM runtime_sessions s WHERE s.session_id = executions.session_id)"
    " WHERE status IN ('running', 'cancelling') AND"
    " (SELECT s.status FROM runtime_sessions s WHERE s.session_id = executions.session_id) = 'terminated'"
)
_UNASSIGN = (
    "UPDATE executions SET session_id = NULL WHERE status = 'queued' AND session_id IS NOT NULL AND"
    " (SELECT s.status FROM runtime_sessions s WHERE s.session_id = executions.session_id) = 'terminated'"
)
# A WHERE repeats the condition of the partial index that it needs, here and below.
# Rule 2: assignment is derived after every event that can leave a ready session and an unassigned execution.
_ASSIGN = (
    "UPDATE executions SET session_id = (SELECT s.session_id FROM runtime_sessions s WHERE s.status <> 'terminated' AND s.status = 'ready')"
    " WHERE status = 'queued' AND session_id IS NULL AND EXISTS (SELECT 1 FROM runtime_sessions s"
    " WHERE s.status <> 'terminated' AND s.status = 'ready'"
    " AND [[assign.capable: instr(s.capabilities, '\"' || executions.cell_type || '\"') > 0]])"
)


# Rule 7. Items that this cancels never started, so it needs no fixpoint.
def _failed_batch(batch: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM executions b WHERE b.batch_id = {batch} AND b.status IN ('error', 'cancelled', 'lost')"
        " AND [[batch.started: b.started_ms IS NOT NULL]])"
    )


_STOP_BATCH = (
    "UPDATE executions SET status = 'cancelled', reason = 'batch' WHERE status = 'queued' AND batch_id IS NOT NULL"
    f" AND [[batch.stop: stop_on_error = 1]] AND {_failed_batch('executions.batch_id')}"
)
_CLOSE_INPUT = (
    "UPDATE input_requests SET status = 'closed' WHERE status = 'pending' AND NOT EXISTS"
    " (SELECT 1 FROM executions e WHERE e.id = input_requests.execution_id AND e.status IN ('running', 'cancelling'))"
)
_ENDED = (_LOSE, _UNASSIGN, _STOP_BATCH, _CLOSE_INPUT)


# Rule 8: every requested id has a row; what cannot run has a cancelled one that says why.
def _request(batch: str, stop: str) -> str:
    return (
        "INSERT INTO executions (id, ord, cell_id, cell_type, source, batch_id, stop_on_error, requested_by, requested_ms, status, reason)"
        f" SELECT :executionId, (SELECT coalesce(max(ord), 0) + 1 FROM executions), :cellId, r.cell_type, :source, {batch}, {stop},"
        " :clientId, :requestedMs, CASE WHEN r.reason IS NULL THEN 'queued' ELSE 'cancelled' END, r.reason"
        " FROM (SELECT c.cell_type AS cell_type, CASE"
        " WHEN NOT [[request.cell: c.id IS NOT NULL]] THEN 'no-cell'"
        " WHEN NOT [[request.executable: c.cell_type NOT IN ('markdown', 'raw')]] THEN 'not-executable'"
        " WHEN NOT [[request.duplicate: NOT EXISTS (SELECT 1 FROM executions q WHERE q.status = 'queued' AND q.cell_id = :cellId)]]"
        " THEN 'duplicate'"
        f" WHEN {stop} = 1 AND {_failed_batch(batch)} THEN 'batch' END AS reason"
        " FROM (SELECT 1) LEFT JOIN cells c ON c.id = :cellId) r WHERE true ON CONFLICT (id) DO NOTHING"
    )


# Rules 4 and 5: whose event this is. `e` is the execution, `s` the session that the event names.
_OWN = (
    "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId"
    " LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND "
)
# A start may be the authority's, who is asked for it by a session that waits (ARCHITECTURE, "A runtime that waits").
_START = _OWN + (
    "[[start.queued: e.status = 'queued']] AND [[start.assigned: e.session_id = s.session_id]]"
    " AND [[start.store-session: s.store_session_id = :storeSessionId OR :clientId = 'server']])"
)
_FINISH = _OWN + (
    "[[finish.running: e.status IN ('running', 'cancelling')]] AND [[finish.session: e.session_id = s.session_id]]"
    " AND [[finish.store-session: s.store_session_id = :storeSessionId]])"
)
# A session that is not terminated cannot have lost executions, so background output needs no look at the status.
_OUTPUT = _OWN + (
    "[[output.cell: c.id IS NOT NULL]] AND [[output.session: e.session_id = s.session_id]]"
    " AND [[output.store-session: s.store_session_id = :storeSessionId]] AND (e.status IN ('running', 'cancelling')"
    " OR ([[background.fence: s.status <> 'terminated']] AND [[background.last: c.last_execution_id = e.id]])))"
)
_INPUT = _OWN + (
    "[[input.running: e.status IN ('running', 'cancelling')]] AND [[input.session: e.session_id = s.session_id]]"
    " AND [[input.store-session: s.store_session_id = :storeSessionId]])"
)

# Rule 10: a cell that waits to be cleared is cleared by its next output. Few do, and these statements would take half of the
# time of an output, so its guard tells whether this one does.
_SHOWN = _OUTPUT + (
    " * (1 + EXISTS (SELECT 1 FROM pending_clears WHERE cell_id = (SELECT e.cell_id FROM executions e WHERE e.id = :executionId)))"
)
_CLEAR_PENDING = (
    "DELETE FROM output_chunks WHERE output_id IN (SELECT o.id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id"
    " JOIN outputs o ON o.cell_id = e.cell_id WHERE e.id = :executionId)",
    "DELETE FROM outputs WHERE cell_id ="
    " (SELECT p.cell_id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id WHERE e.id = :executionId)",
    "DELETE FROM pending_clears WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId)",
)


def _clear(cell: str, condition: str = "") -> tuple[str, ...]:
    return (
        f"DELETE FROM output_chunks WHERE output_id IN (SELECT id FROM outputs WHERE cell_id = {cell}){condition}",
        f"DELETE FROM outputs WHERE cell_id = {cell}{condition}",
        f"DELETE FROM pending_clears WHERE cell_id = {cell}{condition}",
    )


def _output(columns: str, values: str) -> str:
    return (
        f"INSERT INTO outputs (id, ord, cell_id, execution_id, {columns})"
        " VALUES (:outputId, (SELECT coalesce(max(ord), 0) + 1 FROM outputs),"
        f" (SELECT e.cell_id FROM executions e WHERE e.id = :executionId), :executionId, {values}) ON CONFLICT (id) DO NOTHING"
    )


_CHUNK = "INSERT INTO output_chunks (output_id, n, text) VALUES (:outputId, :n, :text) ON CONFLICT (output_id, n) DO NOTHING"
_UPDATE_DISPLAY = "UPDATE outputs SET bundle = :bundle, metadata = :metadata WHERE display_id = :displayId"
_CELL_OF_EXECUTION = "(SELECT cell_id FROM executions WHERE id = :executionId)"
_CELL_EXISTS = "SELECT EXISTS (SELECT 1 FROM cells WHERE [[cell.exists: id = :cellId]])"
# Rule 6. Each WHERE repeats its partial index's, so that cancelling all looks at open executions only.
_CANCEL_QUEUED = "WHERE status = 'queued' AND (id = :executionId OR :all = 1)"
_CANCEL_RUNNING = "WHERE status IN ('running', 'cancelling') AND status = 'running' AND (id = :executionId OR :all = 1)"
_SESSION = "SELECT EXISTS (SELECT 1 FROM runtime_sessions s WHERE s.session_id = :sessionId AND "

_RULES: dict[type[Event], tuple[str | None, tuple[str, ...]]] = {
    NotebookMetadataSet: (
        None,
        ("INSERT INTO notebook (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",),
    ),
    CellCreated: (
        "SELECT [[cell.new: NOT EXISTS (SELECT 1 FROM cells WHERE id = :cellId)]]",
        (
            "INSERT INTO cells (id, cell_type, source, position, metadata, attachments, created_by)"
            " VALUES (:cellId, :cellType, :source, :position, coalesce(:metadata, '{}'), :attachments, :clientId)",
        ),
    ),
    CellSourceSet: (_CELL_EXISTS, ("UPDATE cells SET source = :source WHERE id = :cellId",)),
    CellTypeSet: (_CELL_EXISTS, ("UPDATE cells SET cell_type = :cellType WHERE id = :cellId",)),
    CellMoved: (_CELL_EXISTS, ("UPDATE cells SET position = :position WHERE id = :cellId",)),
    CellDeleted: (
        _CELL_EXISTS,
        (
            "UPDATE executions SET status = 'cancelled', reason = 'cell-deleted' WHERE cell_id = :cellId AND status = 'queued'",
            "UPDATE executions SET status = 'cancelling', reason = 'cell-deleted' WHERE cell_id = :cellId AND status = 'running'",
            *_clear(":cellId"),
            "DELETE FROM cells WHERE id = :cellId",
        ),
    ),
    CellMetadataSet: (_CELL_EXISTS, ("UPDATE cells SET metadata = :metadata WHERE id = :cellId",)),
    CellVisibilitySet: (
        _CELL_EXISTS,
        (
            "UPDATE cells SET source_visible = coalesce(:source, source_visible), output_visible = coalesce(:output, output_visible),"
            " ai_context_visible = coalesce(:aiContext, ai_context_visible) WHERE id = :cellId",
        ),
    ),
    RuntimeSessionStarted: (
        None,
        (
            "UPDATE runtime_sessions SET status = 'terminated', ended_reason = 'displaced' WHERE status <> 'terminated'"
            " AND [[session.replaces: session_id = :replaces]]"
            " AND [[session.once: NOT EXISTS (SELECT 1 FROM runtime_sessions t WHERE t.session_id = :sessionId)]]",
            "INSERT INTO runtime_sessions (session_id, ord, store_session_id, runtime_id, runtime_type, client_id, status, lost_after_ms,"
            " capabilities, info, started_ms, ended_reason)"
            " SELECT :sessionId, (SELECT coalesce(max(ord), 0) + 1 FROM runtime_sessions), :storeSessionId, :runtimeId,"
            " :runtimeType, :clientId,"
            " CASE WHEN r.free THEN 'starting' ELSE 'terminated' END, :lostAfterMs, :capabilities, :info, :startedMs,"
            " CASE WHEN r.free THEN NULL ELSE 'refused' END FROM (SELECT"
            " [[session.one-active: NOT EXISTS (SELECT 1 FROM runtime_sessions a WHERE a.status <> 'terminated')]] AS free) r"
            " WHERE true ON CONFLICT (session_id) DO NOTHING",
            *_ENDED,
        ),
    ),
    RuntimeSessionStatusSet: (
        _SESSION + "[[status.alive: s.status <> 'terminated']] AND [[status.store-session: s.store_session_id = :storeSessionId]])",
        (
            "UPDATE runtime_sessions SET resume_status = CASE WHEN status = 'unreachable' THEN :status END,"
            " status = CASE WHEN status = 'unreachable' THEN status ELSE :status END WHERE session_id = :sessionId",
            _ASSIGN,
        ),
    ),
    RuntimeSessionUnreachable: (
        _SESSION
        + "[[unreachable.authority: :clientId = 'server']] AND [[unreachable.reachable: s.status NOT IN ('unreachable', 'terminated')]])",
        ("UPDATE runtime_sessions SET resume_status = status, status = 'unreachable' WHERE session_id = :sessionId",),
    ),
    RuntimeSessionResumed: (
        _SESSION + "[[resumed.authority: :clientId = 'server']] AND [[resumed.unreachable: s.status = 'unreachable']])",
        (
            "UPDATE runtime_sessions SET status = coalesce(resume_status, status), resume_status = NULL WHERE session_id = :sessionId",
            _ASSIGN,
        ),
    ),
    RuntimeSessionTerminated: (
        _SESSION + "[[terminated.alive: s.status <> 'terminated']] AND [[terminated.by: CASE :reason"
        " WHEN 'evicted' THEN 1 WHEN 'lost' THEN :clientId = 'server'"
        " WHEN 'crashed' THEN :clientId IN ('server', s.client_id) ELSE :storeSessionId = s.store_session_id END]])",
        ("UPDATE runtime_sessions SET status = 'terminated', ended_reason = :reason WHERE session_id = :sessionId", *_ENDED),
    ),
    ExecutionRequested: (None, (_request("NULL", "0"), _ASSIGN)),
    ExecutionBatchRequested: (None, (_request(":batchId", ":stopOnError"), _ASSIGN)),
    ExecutionStarted: (
        _START,
        (
            "UPDATE executions SET status = 'running', execution_count = :executionCount, started_ms = :startedMs WHERE id = :executionId",
            *_clear(_CELL_OF_EXECUTION),
            f"UPDATE cells SET last_execution_id = :executionId WHERE id = {_CELL_OF_EXECUTION}",
        ),
    ),
    ExecutionFinished: (
        _FINISH,
        (
            "UPDATE executions SET status = CASE WHEN [[finish.cancelled: status = 'running']] THEN :status ELSE 'cancelled' END,"
            " error_name = :errorName, error_value = :errorValue, finished_ms = :finishedMs WHERE id = :executionId",
            _STOP_BATCH,
            _CLOSE_INPUT,
        ),
    ),
    ExecutionCancelRequested: (
        f"SELECT EXISTS (SELECT 1 FROM executions {_CANCEL_QUEUED}) OR EXISTS (SELECT 1 FROM executions {_CANCEL_RUNNING})",
        (
            f"UPDATE executions SET status = 'cancelled', reason = :reason {_CANCEL_QUEUED}",
            f"UPDATE executions SET status = 'cancelling', reason = :reason {_CANCEL_RUNNING}",
        ),
    ),
    StreamAppended: (_SHOWN, (*_CLEAR_PENDING, _output("kind, stream", "'stream', :stream"), _CHUNK)),
    DisplayAdded: (
        _SHOWN,
        (
            *_CLEAR_PENDING,
            _UPDATE_DISPLAY,
            _output("kind, display_id, bundle, metadata", "'display', :displayId, :bundle, :metadata"),
        ),
    ),
    DisplayUpdated: (_OUTPUT, (_UPDATE_DISPLAY,)),
    ResultAdded: (
        _SHOWN,
        (
            *_CLEAR_PENDING,
            _output("kind, execution_count, bundle, metadata", "'result', :executionCount, :bundle, :metadata"),
        ),
    ),
    ErrorAdded: (
        _SHOWN,
        (
            *_CLEAR_PENDING,
            _output("kind, error_name, error_value, traceback", "'error', :name, :value, :traceback"),
        ),
    ),
    MarkdownAppended: (_SHOWN, (*_CLEAR_PENDING, _output("kind", "'markdown'"), _CHUNK)),
    OutputsCleared: (
        _OUTPUT,
        (
            *_clear(_CELL_OF_EXECUTION, " AND :wait = 0"),
            f"INSERT INTO pending_clears (cell_id) SELECT {_CELL_OF_EXECUTION} WHERE :wait = 1 ON CONFLICT (cell_id) DO NOTHING",
        ),
    ),
    CellOutputsCleared: (_CELL_EXISTS, _clear(":cellId")),
    InputRequested: (
        _INPUT,
        (
            "INSERT INTO input_requests (id, execution_id, prompt, password, status)"
            " VALUES (:requestId, :executionId, :prompt, :password, 'pending') ON CONFLICT (id) DO NOTHING",
        ),
    ),
    InputReplied: (
        "SELECT EXISTS (SELECT 1 FROM input_requests r WHERE r.id = :requestId"
        " AND [[reply.pending: r.status = 'pending']] AND [[reply.password: r.password = 0 OR :value IS NULL]])",
        ("UPDATE input_requests SET status = 'answered', value = :value WHERE id = :requestId",),
    ),
    ActorSet: (
        None,
        (
            "INSERT INTO actors (id, kind, name, avatar) VALUES (:actorId, :kind, :name, :avatar)"
            " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name, avatar = excluded.avatar",
        ),
    ),
    FilePut: (
        None,
        (
            "INSERT INTO files (path, sha256, mime_type, size_bytes, created_by, created_ms)"
            " VALUES (:path, :sha256, :mimeType, :sizeBytes, :clientId, :createdMs) ON CONFLICT (path) DO UPDATE SET"
            " sha256 = excluded.sha256, mime_type = excluded.mime_type, size_bytes = excluded.size_bytes,"
            " created_by = excluded.created_by, created_ms = excluded.created_ms",
        ),
    ),
    FileDeleted: (
        "SELECT EXISTS (SELECT 1 FROM files WHERE path = :path)",
        ("DELETE FROM files WHERE path = :path",),
    ),
}

_KEYS: dict[type[Event], dict[str, str]] = {
    StreamAppended: {"outputs": "executionId", "output_chunks": "outputId"},
    MarkdownAppended: {"outputs": "executionId", "output_chunks": "outputId"},
    ResultAdded: {"outputs": "executionId"},
    ErrorAdded: {"outputs": "executionId"},
}
"""Tables of which an event touches only the rows that one arg names, as far as a query keyed by that arg can tell.

A pending clear removes other executions' rows too, but a cell shows its last execution's outputs only.
"""

_CONDITION = re.compile(r"\[\[([a-z-]+\.[a-z-]+): (.*?)\]\]")
_WRITE = re.compile(r"^(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")


def condition_names() -> tuple[str, ...]:
    """Name every condition that a guard or statement holds, in order of appearance."""
    texts = [text for guard, statements in _RULES.values() for text in ((guard or ""), *statements)]
    return tuple(dict.fromkeys(name for text in texts for name, _ in _CONDITION.findall(text)))


def build(without: Iterable[str] = ()) -> Mapping[str, Materializer]:
    """Make the materializers, by wire name.

    Args:
        without: Names of conditions to replace by true. For tests that prove that each condition is needed.
    """
    left_out = frozenset(without)

    def fill(text: str) -> str:
        return _CONDITION.sub(lambda found: "1" if found[1] in left_out else f"({found[2]})", text)

    return {
        wire_name(event): _make(event, guard and fill(guard), tuple(fill(text) for text in texts))
        for event, (guard, texts) in _RULES.items()
    }


def _make(event: type[Event], guard: str | None, statements: tuple[str, ...]) -> Materializer:
    keys = _KEYS.get(event, {})
    written = dict.fromkeys(found[1] for text in statements if (found := _WRITE.match(text)))
    return Materializer(
        guard=guard,
        statements=statements,
        rare=len(_CLEAR_PENDING) if statements[: len(_CLEAR_PENDING)] == _CLEAR_PENDING else 0,
        each="items" if event is ExecutionBatchRequested else None,
        writes={table: keys.get(table) for table in written},
    )


MATERIALIZERS: Mapping[str, Materializer] = build()
"""The rules in force, by wire name."""
