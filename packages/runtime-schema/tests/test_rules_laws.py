"""Laws of the rules under any log of valid events: replay never raises, and what must always hold holds after each event."""

import sqlite3
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_schema.materialize import create_state, materialize
from runtime_schema.tables import TABLES

CELLS = st.sampled_from(["c1", "c2", "m"])
EXECUTIONS = st.sampled_from(["e1", "e2", "e3", "e4"])
SESSIONS = st.sampled_from(["R1", "R2", "R3"])
STORES = st.sampled_from(["s1", "s2", "s3"])
OUTPUTS = st.sampled_from(["o1", "o2", "o3"])
BUNDLE = st.just({"text/plain": {"type": "inline", "data": "x"}})
TERMINAL = "('ok', 'error', 'cancelled', 'lost')"


def event(name: str, **args: Any) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    fixed: dict[str, st.SearchStrategy[Any]] = {
        key: value if isinstance(value, st.SearchStrategy) else st.just(value) for key, value in args.items()
    }
    return st.tuples(st.just(f"v1.{name}"), st.fixed_dictionaries(fixed))


WORK = {"executionId": EXECUTIONS, "sessionId": SESSIONS}
EVENTS = st.one_of(
    event("CellCreated", cellId=CELLS, cellType=st.sampled_from(["code", "sql", "markdown"]), position="a0", source="1"),
    event("CellDeleted", cellId=CELLS),
    event("CellTypeSet", cellId=CELLS, cellType=st.sampled_from(["code", "raw"])),
    event(
        "RuntimeSessionStarted",
        sessionId=SESSIONS,
        replaces=SESSIONS,
        runtimeId="r",
        runtimeType="python",
        capabilities=st.sampled_from([["code"], ["code", "sql"]]),
        info="{}",
        lostAfterMs=1,
        startedMs=1,
    ),
    event("RuntimeSessionStatusSet", sessionId=SESSIONS, status=st.sampled_from(["ready", "ready", "restarting"])),
    event("RuntimeSessionUnreachable", sessionId=SESSIONS),
    event("RuntimeSessionResumed", sessionId=SESSIONS),
    event("RuntimeSessionTerminated", sessionId=SESSIONS, reason=st.sampled_from(["shutdown", "lost", "crashed", "evicted"])),
    event("ExecutionRequested", executionId=EXECUTIONS, cellId=CELLS, source="1", requestedMs=1),
    event(
        "ExecutionBatchRequested",
        batchId=st.sampled_from(["b1", "b2"]),
        stopOnError=st.booleans(),
        items=st.lists(st.fixed_dictionaries({"executionId": EXECUTIONS, "cellId": CELLS, "source": st.just("1")}), max_size=3),
        requestedMs=1,
    ),
    event("ExecutionStarted", **WORK, executionCount=1, startedMs=1),
    event("ExecutionStarted", **WORK, executionCount=1, startedMs=1),
    event("ExecutionFinished", **WORK, status=st.sampled_from(["ok", "error", "cancelled"]), finishedMs=1),
    event("ExecutionCancelRequested", executionId=EXECUTIONS, reason="user"),
    event("ExecutionCancelRequested", all=True, reason="all"),
    event("StreamAppended", **WORK, outputId=OUTPUTS, stream="stdout", n=st.integers(0, 2), text="x"),
    event("DisplayAdded", **WORK, outputId=OUTPUTS, displayId="d", bundle=BUNDLE, metadata="{}"),
    event("DisplayUpdated", **WORK, displayId="d", bundle=BUNDLE, metadata="{}"),
    event("OutputsCleared", **WORK, wait=st.booleans()),
    event("CellOutputsCleared", cellId=CELLS),
    event("InputRequested", **WORK, requestId="i1", prompt="?", password=False),
    event("InputReplied", requestId="i1", value="x"),
)
LOGS = st.lists(st.tuples(EVENTS, STORES, st.sampled_from(["ada", "server"])), max_size=60)

INVARIANTS = {
    "one active session": "SELECT count(*) > 1 FROM runtime_sessions WHERE status <> 'terminated'",
    "a terminated session has a reason": "SELECT count(*) FROM runtime_sessions"
    " WHERE (status = 'terminated') <> (ended_reason IS NOT NULL)",
    "what runs, runs under a live session": "SELECT count(*) FROM executions e JOIN runtime_sessions s USING (session_id)"
    " WHERE e.status IN ('queued', 'running', 'cancelling') AND s.status = 'terminated'",
    "what a ready session can run is its": "SELECT count(*) FROM executions e"
    " JOIN runtime_sessions s ON s.status = 'ready' WHERE e.status = 'queued'"
    " AND instr(s.capabilities, '\"' || e.cell_type || '\"') AND e.session_id IS NOT s.session_id",
    "a cell is queued once": "SELECT count(*) FROM executions WHERE status = 'queued' GROUP BY cell_id HAVING count(*) > 1",
    "what is queued has a cell": "SELECT count(*) FROM executions e WHERE e.status = 'queued' AND e.cell_id NOT IN (SELECT id FROM cells)",
    "outputs have a cell": "SELECT count(*) FROM outputs WHERE cell_id NOT IN (SELECT id FROM cells)",
    "chunks have an output": "SELECT count(*) FROM output_chunks WHERE output_id NOT IN (SELECT id FROM outputs)",
    "open input has a running execution": "SELECT count(*) FROM input_requests i JOIN executions e ON e.id = i.execution_id"
    f" WHERE i.status = 'pending' AND e.status IN {TERMINAL}",
    "a stopped batch has no queue": "SELECT count(*) FROM executions q JOIN executions f USING (batch_id) WHERE q.status = 'queued'"
    " AND q.stop_on_error AND f.started_ms IS NOT NULL AND f.status IN ('error', 'cancelled', 'lost')",
}


def fresh() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    create_state(db)
    return db


def dump(db: sqlite3.Connection) -> list[list[Any]]:
    return [sorted(map(repr, db.execute(f"SELECT * FROM {table}"))) for table in TABLES]


@given(LOGS)
@settings(max_examples=300)
def test_invariants_hold_after_every_event(log: list[Any]) -> None:
    db = fresh()
    ended: dict[str, str] = {}
    starts: dict[str, int] = {}
    for (name, args), store, client in log:
        applied = materialize(db, name, args, client, store)
        if name == "v1.ExecutionStarted" and applied:
            starts[args["executionId"]] = starts.get(args["executionId"], 0) + 1
        for law, sql in INVARIANTS.items():
            broken = [row for row in db.execute(sql) if row[0]]
            assert not broken, law
        now = dict(db.execute(f"SELECT id, status FROM executions WHERE status IN {TERMINAL}"))
        assert ended.items() <= now.items(), "terminal states never change"
        ended = now
    assert max(starts.values(), default=0) <= 1, "at most one start is applied"


@given(LOGS, st.integers(0, 60))
@settings(max_examples=150)
def test_an_image_and_the_events_behind_it_equal_a_replay(log: list[Any], place: int) -> None:
    whole, first = fresh(), fresh()
    for (name, args), store, client in log:
        materialize(whole, name, args, client, store)
    for (name, args), store, client in log[:place]:
        materialize(first, name, args, client, store)
    image = sqlite3.connect(":memory:", isolation_level=None)
    image.deserialize(first.serialize())
    for (name, args), store, client in log[place:]:
        materialize(image, name, args, client, store)
    assert dump(image) == dump(whole)


@given(LOGS)
@settings(max_examples=50)
def test_an_event_that_does_not_apply_changes_nothing(log: list[Any]) -> None:
    db = fresh()
    for (name, args), store, client in log:
        before = dump(db)
        if materialize(db, name, args, client, store) is False:
            assert dump(db) == before
