"""The golden logs: each one a short story of a notebook, the facts it must show, and the conditions it proves.

`python contract/golden_logs.py` runs every story, checks its facts, and writes `contract/golden/*.json` with the whole
resulting state; `--check` only tells whether the files are as they would be written. Python and TypeScript tests read
the files. A story that names a condition fails when that condition is left out of the rules.
"""

import inspect
import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from runtime_schema.args import check_args
from runtime_schema.materialize import create_state, materialize
from runtime_schema.tables import TABLES

GOLDEN = Path(__file__).parent / "golden"
Story = Callable[["Log"], None]
STORIES: dict[str, tuple[Story, tuple[str, ...]]] = {}


class Log:
    """A log being told: `page` commits as ada from a page, `agent` as ada from an agent's store, `server` as the authority."""

    def __init__(self) -> None:
        """Begin an empty log and its state."""
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        create_state(self.db)
        self.events: list[list[Any]] = []
        self.applied: list[bool | None] = []
        self.facts: list[list[Any]] = []

    def commit(self, store_session: str, client: str, event: str, **args: Any) -> None:
        """Append an event."""
        name = f"v1.{event}"
        check_args(name, args)
        n = 1 + sum(1 for earlier in self.events if earlier[3] == store_session)
        self.events.append([name, args, client, store_session, n])
        self.applied.append(materialize(self.db, name, args, client, store_session))

    def page(self, event: str, **args: Any) -> None:
        """Append an event of a person's page."""
        self.commit("page", "ada", event, **args)

    def agent(self, event: str, *, store: str = "agent", **args: Any) -> None:
        """Append an event of a runtime agent's store."""
        self.commit(store, "ada", event, **args)

    def server(self, event: str, **args: Any) -> None:
        """Append an event of the authority."""
        self.commit("backend", "server", event, **args)

    def fact(self, sql: str, *rows: list[Any]) -> None:
        """State what a query gives at this point of the story."""
        expected = [list(row) for row in rows]
        got = [list(row) for row in self.db.execute(sql)]
        assert got == expected, f"{sql}\n  expected {expected}\n  got      {got}"
        self.facts.append([len(self.events), sql, expected])

    def refused(self) -> None:
        """State that the last event did not apply."""
        assert self.applied[-1] is False, self.events[-1]

    # The steps that most stories share.

    def cell(self, cell_id: str, cell_type: str = "code") -> None:
        """A cell at the end."""
        position = (
            "a" + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[sum(1 for e in self.events if e[0] == "v1.CellCreated")]
        )
        self.page("CellCreated", cellId=cell_id, cellType=cell_type, position=position, source=f"# {cell_id}")

    def session(
        self,
        session_id: str = "R",
        *,
        store: str = "agent",
        replaces: str | None = None,
        ready: bool = True,
        cells: tuple[str, ...] = ("code",),
    ) -> None:
        """A runtime session starts, and is ready."""
        asked = {} if replaces is None else {"replaces": replaces}
        self.agent(
            "RuntimeSessionStarted",
            store=store,
            sessionId=session_id,
            **asked,
            runtimeId=f"runtime-{store}",
            runtimeType="python",
            capabilities=list(cells),
            info='{"python":"3.11"}',
            lostAfterMs=86_400_000,
            startedMs=1_000,
        )
        if ready:
            self.agent("RuntimeSessionStatusSet", store=store, sessionId=session_id, status="ready")

    def request(self, execution_id: str, cell_id: str) -> None:
        """A person runs a cell."""
        self.page("ExecutionRequested", executionId=execution_id, cellId=cell_id, source=f"# {cell_id}", requestedMs=2_000)

    def batch(self, batch_id: str, stop: bool, *items: tuple[str, str]) -> None:
        """A person runs several cells."""
        self.page(
            "ExecutionBatchRequested",
            batchId=batch_id,
            stopOnError=stop,
            items=[{"executionId": execution_id, "cellId": cell_id, "source": f"# {cell_id}"} for execution_id, cell_id in items],
            requestedMs=2_000,
        )

    def start(self, execution_id: str, session_id: str = "R", *, store: str = "agent", count: int = 1) -> None:
        """The agent starts an execution."""
        self.agent("ExecutionStarted", store=store, executionId=execution_id, sessionId=session_id, executionCount=count, startedMs=3_000)

    def finish(self, execution_id: str, session_id: str = "R", *, status: str = "ok", store: str = "agent") -> None:
        """The agent finishes an execution."""
        failed = {"errorName": "ValueError", "errorValue": "no"} if status == "error" else {}
        self.agent(
            "ExecutionFinished", store=store, executionId=execution_id, sessionId=session_id, status=status, **failed, finishedMs=4_000
        )

    def text(
        self, execution_id: str, output_id: str, n: int, text: str, session_id: str = "R", *, store: str = "agent", stream: str = "stdout"
    ) -> None:
        """Running code prints."""
        self.agent(
            "StreamAppended", store=store, outputId=output_id, executionId=execution_id, sessionId=session_id, stream=stream, n=n, text=text
        )

    def display(self, execution_id: str, output_id: str, text: str, display_id: str | None = None, session_id: str = "R") -> None:
        """Running code displays text."""
        known = {} if display_id is None else {"displayId": display_id}
        self.agent(
            "DisplayAdded",
            outputId=output_id,
            executionId=execution_id,
            sessionId=session_id,
            **known,
            bundle={"text/plain": {"type": "inline", "data": text}},
            metadata="{}",
        )


def story(*conditions: str) -> Callable[[Story], Story]:
    """Register a story under its function's name, with the conditions that it proves."""

    def register(tell: Story) -> Story:
        STORIES[tell.__name__] = (tell, conditions)
        return tell

    return register


STATUS = "SELECT id, status, reason FROM executions ORDER BY ord"
SESSIONS = "SELECT session_id, status, ended_reason FROM runtime_sessions ORDER BY ord"
TEXT = "SELECT o.id, o.execution_id, c.n, c.text FROM outputs o JOIN output_chunks c ON c.output_id = o.id ORDER BY o.ord, c.n"


@story("cell.new", "cell.exists")
def cells(log: Log) -> None:
    """Cells are made once, changed, moved and deleted; what names a missing cell changes nothing."""
    log.page("NotebookMetadataSet", key="title", value='"First"')
    log.page("NotebookMetadataSet", key="title", value='"Second \\ud83d\\ude00 1.0e5"')
    log.page(
        "CellCreated",
        cellId="c1",
        cellType="code",
        position="a1",
        source="x = 'é\u2028'\u0000",
        metadata='{"b":1.50,"a":[1e400]}'.replace("1e400", "1e40"),
    )
    log.page("CellCreated", cellId="c1", cellType="markdown", position="a9", source="twin")
    log.refused()
    log.page("CellCreated", cellId="c2", cellType="raw", position="a0", source="", attachments='{"a.png":{}}')
    log.page("CellSourceSet", cellId="c2", source="two")
    log.page("CellTypeSet", cellId="c2", cellType="markdown")
    log.page("CellMoved", cellId="c2", position="a2")
    log.page("CellMetadataSet", cellId="c2", metadata='{"tags":["x"]}')
    log.page("CellVisibilitySet", cellId="c2", output=False)
    log.page("CellSourceSet", cellId="gone", source="?")
    log.refused()
    log.cell("c3")
    log.page("CellDeleted", cellId="c3")
    log.page("CellDeleted", cellId="c3")
    log.refused()
    log.fact("SELECT key, value FROM notebook", ["title", '"Second \\ud83d\\ude00 1.0e5"'])
    log.fact(
        "SELECT id, cell_type, source, source_visible, output_visible, metadata, created_by FROM cells ORDER BY position, id",
        ["c1", "code", "x = 'é\u2028'\u0000", 1, 1, '{"b":1.50,"a":[1e40]}', "ada"],
        ["c2", "markdown", "two", 1, 0, '{"tags":["x"]}', "ada"],
    )


@story()
def one_execution(log: Log) -> None:
    """A cell runs: queued, running, output of every kind, ok; a second run replaces the first one's outputs."""
    log.cell("c1")
    log.session()
    log.request("e1", "c1")
    log.start("e1")
    log.text("e1", "o1", 0, "hello ")
    log.text("e1", "o1", 1, "world\n")
    log.text("e1", "o2", 0, "careful\n", stream="stderr")
    log.display("e1", "o3", "shown")
    log.agent("MarkdownAppended", outputId="o4", executionId="e1", sessionId="R", n=0, text="*so*")
    log.agent(
        "ResultAdded",
        outputId="o5",
        executionId="e1",
        sessionId="R",
        executionCount=1,
        bundle={"application/json": {"type": "inline", "data": '{"a":1.0}'}},
        metadata="{}",
    )
    log.finish("e1")
    log.request("e2", "c1")
    log.start("e2", count=2)
    log.agent(
        "ErrorAdded", outputId="o6", executionId="e2", sessionId="R", name="ValueError", value="no", traceback=["a\u001b[31mb", 'c"d\\']
    )
    log.finish("e2", status="error")
    log.fact(
        "SELECT id, status, execution_count, error_name FROM executions ORDER BY ord",
        ["e1", "ok", 1, None],
        ["e2", "error", 2, "ValueError"],
    )
    log.fact("SELECT id, kind, error_value, traceback FROM outputs", ["o6", "error", "no", '["a\\u001b[31mb","c\\"d\\\\"]'])
    log.fact("SELECT count(*) FROM output_chunks", [0])
    log.fact("SELECT last_execution_id FROM cells", ["e2"])


@story()
def chunks_are_unique(log: Log) -> None:
    """Rule 12: a chunk that comes twice, or late, makes the text that its numbers say."""
    log.cell("c1")
    log.session()
    log.request("e1", "c1")
    log.start("e1")
    log.text("e1", "o1", 1, "b")
    log.text("e1", "o1", 0, "a")
    log.text("e1", "o1", 1, "twin")
    log.fact(TEXT, ["o1", "e1", 0, "a"], ["o1", "e1", 1, "b"])


@story("session.one-active")
def second_runtime_is_refused(log: Log) -> None:
    """Rule 1: of two that start at once the first in the log wins; the other is recorded as refused."""
    log.session("R1", store="first", ready=False)
    log.session("R2", store="second", ready=False)
    log.agent("RuntimeSessionStatusSet", store="second", sessionId="R2", status="ready")
    log.refused()
    log.fact(SESSIONS, ["R1", "starting", None], ["R2", "terminated", "refused"])


@story("session.replaces")
def takeover(log: Log) -> None:
    """Rule 1: a start that names the active session displaces it; its running work is lost, its queue goes on."""
    for cell_id in ("c1", "c2"):
        log.cell(cell_id)
    log.session("R1", store="old")
    log.request("e1", "c1")
    log.request("e2", "c2")
    log.start("e1", "R1", store="old")
    log.session("R2", store="wrong", replaces="R0", ready=False)
    log.session("R3", store="new", replaces="R1", ready=False)
    log.fact(
        "SELECT id, status, reason, session_id FROM executions ORDER BY ord",
        ["e1", "lost", "displaced", "R1"],
        ["e2", "queued", None, None],
    )
    log.agent("RuntimeSessionStatusSet", store="new", sessionId="R3", status="ready")
    log.start("e2", "R1", store="old")
    log.refused()
    log.start("e2", "R3", store="new")
    log.finish("e1", "R1", store="old")
    log.refused()
    log.finish("e2", "R3", store="new")
    log.fact(SESSIONS, ["R1", "terminated", "displaced"], ["R2", "terminated", "refused"], ["R3", "ready", None])


@story("session.once")
def session_id_twice(log: Log) -> None:
    """A session id that is known starts nothing, whatever it says it replaces."""
    log.session("R1", store="one")
    log.session("R1", store="two", replaces="R1", ready=False)
    log.fact(SESSIONS, ["R1", "ready", None])


@story("status.store-session", "status.alive")
def status_is_the_sessions_own(log: Log) -> None:
    """Only a session's own store session sets its status, and not after its end."""
    log.session("R", ready=False)
    log.agent("RuntimeSessionStatusSet", store="other", sessionId="R", status="ready")
    log.refused()
    log.agent("RuntimeSessionTerminated", sessionId="R", reason="shutdown")
    log.agent("RuntimeSessionStatusSet", sessionId="R", status="ready")
    log.refused()
    log.fact(SESSIONS, ["R", "terminated", "shutdown"])


@story("assign.capable")
def assignment_is_derived(log: Log) -> None:
    """Rule 2: what waits is assigned when a capable session is ready; what it cannot run goes on waiting."""
    log.cell("c1")
    log.cell("c2", "sql")
    log.request("e1", "c1")
    log.request("e2", "c2")
    log.session("R", cells=("code", "ai"))
    log.fact("SELECT id, status, session_id FROM executions ORDER BY ord", ["e1", "queued", "R"], ["e2", "queued", None])


@story("unreachable.authority", "resumed.authority", "resumed.unreachable", "unreachable.reachable")
def unreachable_ends_nothing(log: Log) -> None:
    """Rule 3: an unreachable session keeps its work and its place; a status set meanwhile holds after it resumes."""
    for cell_id in ("c1", "c2", "c3"):
        log.cell(cell_id)
    log.session()
    log.request("e1", "c1")
    log.request("e2", "c2")
    log.start("e1")
    log.page("RuntimeSessionUnreachable", sessionId="R")
    log.refused()
    log.server("RuntimeSessionResumed", sessionId="R")
    log.refused()
    log.server("RuntimeSessionUnreachable", sessionId="R")
    log.server("RuntimeSessionUnreachable", sessionId="R")
    log.refused()
    log.page("RuntimeSessionResumed", sessionId="R")
    log.refused()
    log.request("e3", "c3")
    log.text("e1", "o1", 0, "still here")
    log.agent("RuntimeSessionStatusSet", sessionId="R", status="restarting")
    log.fact(
        "SELECT id, status, session_id FROM executions ORDER BY ord", ["e1", "running", "R"], ["e2", "queued", "R"], ["e3", "queued", None]
    )
    log.server("RuntimeSessionResumed", sessionId="R")
    log.fact("SELECT status, resume_status FROM runtime_sessions", ["restarting", None])
    log.fact(TEXT, ["o1", "e1", 0, "still here"])
    log.agent("RuntimeSessionStatusSet", sessionId="R", status="ready")
    log.fact("SELECT id, session_id FROM executions WHERE id = 'e3'", ["e3", "R"])
    log.fact("SELECT status, resume_status FROM runtime_sessions", ["ready", None])


@story("terminated.by", "terminated.alive")
def who_may_terminate(log: Log) -> None:
    """Rule 3: shutdown is the session's own word, lost the authority's, crashed its user's; nothing ends twice."""
    log.cell("c1")
    log.session()
    log.request("e1", "c1")
    log.start("e1")
    log.agent("RuntimeSessionTerminated", store="other", sessionId="R", reason="shutdown")
    log.refused()
    log.page("RuntimeSessionTerminated", sessionId="R", reason="lost")
    log.refused()
    log.commit("stranger", "bob", "RuntimeSessionTerminated", sessionId="R", reason="crashed")
    log.refused()
    log.server("RuntimeSessionTerminated", sessionId="R", reason="lost")
    log.page("RuntimeSessionTerminated", sessionId="R", reason="evicted")
    log.refused()
    log.fact(SESSIONS, ["R", "terminated", "lost"])
    log.fact(STATUS, ["e1", "lost", "lost"])


@story("start.queued", "start.assigned", "start.store-session")
def start_is_applied_once(log: Log) -> None:
    """Rule 4: a start needs queued, its own session, and that session's store or the authority; the first one is the only one."""
    for cell_id in ("c1", "c2", "c3"):
        log.cell(cell_id)
    log.cell("c4", "sql")
    log.session()
    log.request("e1", "c1")
    log.start("e1", store="clone")
    log.refused()
    log.start("e1")
    log.start("e1", count=9)
    log.refused()
    log.request("e4", "c4")
    log.start("e4")
    log.refused()
    log.request("e2", "c2")
    log.server("ExecutionStarted", executionId="e2", sessionId="R", executionCount=2, startedMs=3_000)
    log.start("e2", count=2)
    log.refused()
    log.fact(
        "SELECT id, status, execution_count FROM executions ORDER BY ord",
        ["e1", "running", 1],
        ["e4", "queued", None],
        ["e2", "running", 2],
    )


@story("finish.running", "finish.session", "finish.store-session")
def finish_is_the_runners(log: Log) -> None:
    """Rule 5: only the session that runs an execution, from its own store, finishes it, and once."""
    for cell_id in ("c1", "c2"):
        log.cell(cell_id)
    log.session("R1", store="old")
    log.request("e1", "c1")
    log.request("e2", "c2")
    log.finish("e2", "R1", store="old")
    log.refused()
    log.start("e1", "R1", store="old")
    log.finish("e1", "R1", store="clone")
    log.refused()
    log.session("R2", store="new", replaces="R1")
    log.start("e2", "R2", store="new")
    log.finish("e2", "R1", store="old")
    log.refused()
    log.finish("e2", "R2", store="new")
    log.finish("e2", "R2", status="error", store="new")
    log.refused()
    log.fact(STATUS, ["e1", "lost", "displaced"], ["e2", "ok", None])


@story("output.session", "output.store-session", "output.cell")
def output_is_the_runners(log: Log) -> None:
    """Rule 5: output comes from the session that runs, from its own store, and goes to a cell that exists."""
    for cell_id in ("c1", "c2"):
        log.cell(cell_id)
    log.session("R1", store="old")
    log.request("e1", "c1")
    log.request("e2", "c2")
    log.session("R2", store="new", replaces="R1")
    log.start("e1", "R2", store="new")
    log.start("e2", "R2", store="new")
    log.text("e1", "o1", 0, "behind the fence", "R1", store="old")
    log.refused()
    log.text("e1", "o2", 0, "of a clone", "R2", store="clone")
    log.refused()
    log.text("e1", "o3", 0, "mine", "R2", store="new")
    log.page("CellDeleted", cellId="c2")
    log.text("e2", "o4", 0, "of a deleted cell", "R2", store="new")
    log.refused()
    log.fact(TEXT, ["o3", "e1", 0, "mine"])
    log.fact(STATUS, ["e1", "running", None], ["e2", "cancelling", "cell-deleted"])


@story("background.fence", "background.last")
def background_output(log: Log) -> None:
    """Rule 5: after its end an execution may still print, while its session holds the fence and it is its cell's last."""
    log.cell("c1")
    log.session()
    log.request("e1", "c1")
    log.start("e1")
    log.finish("e1")
    log.text("e1", "o1", 0, "from a thread")
    log.fact(TEXT, ["o1", "e1", 0, "from a thread"])
    log.request("e2", "c1")
    log.start("e2", count=2)
    log.text("e1", "o2", 0, "of the run before")
    log.refused()
    log.finish("e2")
    log.text("e2", "o3", 0, "last words")
    log.agent("RuntimeSessionTerminated", sessionId="R", reason="shutdown")
    log.text("e2", "o4", 0, "from beyond")
    log.refused()
    log.fact(TEXT, ["o3", "e2", 0, "last words"])


@story("finish.cancelled")
def cancel(log: Log) -> None:
    """Rule 6: queued ends at once, running becomes cancelling and ends as cancelled whatever its finish says; ends stay ends."""
    for cell_id in ("c1", "c2", "c3"):
        log.cell(cell_id)
    log.session()
    for place in ("1", "2", "3"):
        log.request(f"e{place}", f"c{place}")
    log.start("e1")
    log.page("ExecutionCancelRequested", executionId="e2", reason="user")
    log.page("ExecutionCancelRequested", executionId="e2", reason="again")
    log.refused()
    log.page("ExecutionCancelRequested", all=True, reason="stop all")
    log.text("e1", "o1", 0, "on the way out")
    log.finish("e1")
    log.fact(STATUS, ["e1", "cancelled", "stop all"], ["e2", "cancelled", "user"], ["e3", "cancelled", "stop all"])
    log.fact(TEXT, ["o1", "e1", 0, "on the way out"])


@story("batch.stop", "batch.started")
def batch_stops_on_error(log: Log) -> None:
    """Rule 7: an item that ran and failed cancels those behind it, and later items on arrival; one that never ran does not."""
    for place in range(1, 8):
        log.cell(f"c{place}")
    log.cell("m", "markdown")
    log.session()
    log.batch("b1", True, ("e0", "m"), ("e1", "c1"), ("e2", "c2"), ("e3", "c3"))
    log.start("e1")
    log.finish("e1", status="error")
    log.batch("b1", True, ("e4", "c4"))
    log.batch("b2", False, ("e5", "c5"), ("e6", "c6"))
    log.start("e5", count=2)
    log.finish("e5", status="error")
    log.batch("b3", True, ("e7", "m"), ("e8", "c7"))
    log.start("e8", count=3)
    log.fact(
        STATUS,
        ["e0", "cancelled", "not-executable"],
        ["e1", "error", None],
        ["e2", "cancelled", "batch"],
        ["e3", "cancelled", "batch"],
        ["e4", "cancelled", "batch"],
        ["e5", "error", None],
        ["e6", "queued", None],
        ["e7", "cancelled", "not-executable"],
        ["e8", "running", None],
    )


@story()
def batch_stops_on_loss(log: Log) -> None:
    """Rule 7: an item that is lost with its session stops its batch; the queue of other requests goes on."""
    for cell_id in ("c1", "c2", "c3"):
        log.cell(cell_id)
    log.session()
    log.batch("b1", True, ("e1", "c1"), ("e2", "c2"))
    log.request("e3", "c3")
    log.start("e1")
    log.server("RuntimeSessionTerminated", sessionId="R", reason="crashed")
    log.fact(STATUS, ["e1", "lost", "crashed"], ["e2", "cancelled", "batch"], ["e3", "queued", None])
    log.fact("SELECT id FROM executions WHERE session_id IS NULL AND status = 'queued'", ["e3"])


@story("request.cell", "request.executable", "request.duplicate")
def every_request_has_a_row(log: Log) -> None:
    """Rule 8: what cannot run is cancelled with a reason; a running cell may be queued again once; an id counts once."""
    log.cell("c1")
    log.cell("m", "markdown")
    log.session()
    log.request("e1", "c1")
    log.request("e2", "c1")
    log.start("e1")
    log.request("e3", "c1")
    log.request("e4", "c1")
    log.request("e5", "nowhere")
    log.request("e6", "m")
    log.request("e1", "m")
    log.fact(
        "SELECT id, cell_id, cell_type, status, reason FROM executions ORDER BY ord",
        ["e1", "c1", "code", "running", None],
        ["e2", "c1", "code", "cancelled", "duplicate"],
        ["e3", "c1", "code", "queued", None],
        ["e4", "c1", "code", "cancelled", "duplicate"],
        ["e5", "nowhere", None, "cancelled", "no-cell"],
        ["e6", "m", "markdown", "cancelled", "not-executable"],
    )


@story()
def deleting_a_cell(log: Log) -> None:
    """Rule 9: its queue is cancelled, its run is asked to end, its outputs and chunks are gone."""
    for cell_id in ("c1", "c2"):
        log.cell(cell_id)
    log.session()
    log.request("e1", "c1")
    log.start("e1")
    log.text("e1", "o1", 0, "going")
    log.request("e2", "c1")
    log.request("e3", "c2")
    log.page("CellDeleted", cellId="c1")
    log.fact(STATUS, ["e1", "cancelling", "cell-deleted"], ["e2", "cancelled", "cell-deleted"], ["e3", "queued", None])
    log.fact("SELECT (SELECT count(*) FROM outputs), (SELECT count(*) FROM output_chunks)", [0, 0])


@story()
def clearing(log: Log) -> None:
    """Rule 10: without wait at once, with wait on the next output; a person's clear is at once and forgets the wait."""
    for cell_id in ("c1", "c2", "c3"):
        log.cell(cell_id)
    log.session()
    for place in ("1", "2", "3"):
        log.request(f"e{place}", f"c{place}")
        log.start(f"e{place}")
        log.text(f"e{place}", f"o{place}", 0, "old")
    log.agent("OutputsCleared", executionId="e1", sessionId="R", wait=True)
    log.agent("OutputsCleared", executionId="e1", sessionId="R", wait=False)
    log.agent("OutputsCleared", executionId="e2", sessionId="R", wait=True)
    log.agent("OutputsCleared", executionId="e3", sessionId="R", wait=True)
    log.text("e2", "o2b", 0, "new")
    log.page("CellOutputsCleared", cellId="c3")
    log.text("e3", "o3b", 0, "first")
    log.text("e3", "o3c", 0, "second")
    log.fact("SELECT id FROM outputs ORDER BY ord", ["o2b"], ["o3b"], ["o3c"])
    log.fact("SELECT count(*) FROM output_chunks", [3])
    log.fact("SELECT count(*) FROM pending_clears", [0])


@story()
def displays_update_in_place(log: Log) -> None:
    """Rule 11: an update rewrites every output of its display id, in any cell; so does another display of that id."""
    for cell_id in ("c1", "c2"):
        log.cell(cell_id)
    log.session()
    for place in ("1", "2"):
        log.request(f"e{place}", f"c{place}")
        log.start(f"e{place}")
    log.display("e1", "o1", "10 %", "bar")
    log.display("e1", "o2", "alone")
    log.agent(
        "DisplayUpdated",
        displayId="bar",
        executionId="e2",
        sessionId="R",
        bundle={"text/plain": {"type": "inline", "data": "50 %"}},
        metadata='{"p":50}',
    )
    log.fact("SELECT id, bundle, metadata FROM outputs WHERE id = 'o2'", ["o2", '{"text/plain":{"type":"inline","data":"alone"}}', "{}"])
    log.display("e2", "o3", "90 %", "bar")
    nine = '{"text/plain":{"type":"inline","data":"90 %"}}'
    log.fact("SELECT id, bundle FROM outputs WHERE display_id = 'bar' ORDER BY ord", ["o1", nine], ["o3", nine])


@story("input.running", "input.session", "input.store-session", "reply.pending", "reply.password")
def input_requests(log: Log) -> None:
    """A run asks for lines; a reply counts once, a password's value never stands in the log, an end closes what is open."""
    for cell_id in ("c1", "c2"):
        log.cell(cell_id)
    log.session("R1", store="old")
    log.session("R", replaces="R1")
    log.request("e1", "c1")
    log.request("e2", "c2")
    log.agent("InputRequested", requestId="i0", executionId="e1", sessionId="R", prompt="too early", password=False)
    log.refused()
    log.start("e1")
    log.agent("InputRequested", requestId="i1", executionId="e1", sessionId="R1", store="old", prompt="not mine", password=False)
    log.refused()
    log.agent("InputRequested", requestId="i2", executionId="e1", sessionId="R", store="clone", prompt="not mine", password=False)
    log.refused()
    log.agent("InputRequested", requestId="i3", executionId="e1", sessionId="R", prompt="name? ", password=False)
    log.page("InputReplied", requestId="i3", value="Ada")
    log.page("InputReplied", requestId="i3", value="Bob")
    log.refused()
    log.agent("InputRequested", requestId="i4", executionId="e1", sessionId="R", prompt="secret? ", password=True)
    log.page("InputReplied", requestId="i4", value="hunter2")
    log.refused()
    log.page("InputReplied", requestId="i4")
    log.agent("InputRequested", requestId="i5", executionId="e1", sessionId="R", prompt="more? ", password=False)
    log.finish("e1")
    log.fact(
        "SELECT id, status, value FROM input_requests ORDER BY id",
        ["i3", "answered", "Ada"],
        ["i4", "answered", None],
        ["i5", "closed", None],
    )


@story()
def actors_files_and_the_unknown(log: Log) -> None:
    """Actors and files are kept by their key; an event of another time is skipped and counted by nobody's guard."""
    log.page("ActorSet", actorId="ada", kind="human", name="Ada", avatar="https://example.org/a.png")
    log.page("ActorSet", actorId="ada", kind="human", name="Ada L.")
    log.page("FilePut", path="data/a.csv", sha256="0" * 64, mimeType="text/csv", sizeBytes=3, createdMs=5)
    log.page("FilePut", path="b.csv", sha256="1" * 64, mimeType="text/csv", sizeBytes=4, createdMs=6)
    log.page("FileDeleted", path="data/a.csv")
    log.page("FileDeleted", path="data/a.csv")
    log.refused()
    log.events.append(["v9.FromTheFuture", {"anything": [1, None]}, "ada", "page", len(log.events) + 1])
    log.applied.append(materialize(log.db, "v9.FromTheFuture", {}, "ada", "page"))
    log.fact("SELECT id, name, avatar FROM actors", ["ada", "Ada L.", None])
    log.fact("SELECT path, created_by FROM files", ["b.csv", "ada"])


def tell(name: str) -> str:
    """Run one story and give its file's text.

    Raises:
        AssertionError: A fact does not hold.
    """
    telling, conditions = STORIES[name]
    log = Log()
    telling(log)
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in TABLES:
        cursor = log.db.execute(
            f"SELECT * FROM {table} ORDER BY 1, 2" if table != "pending_clears" else f"SELECT * FROM {table} ORDER BY 1"
        )
        columns = [column[0] for column in cursor.description]
        rows[table] = [dict(zip(columns, row, strict=True)) for row in cursor]
    made = {
        "name": name,
        "about": inspect.getdoc(telling),
        "conditions": list(conditions),
        "events": log.events,
        "applied": log.applied,
        "facts": log.facts,
        "rows": rows,
    }
    lines = [f" {json.dumps(key)}: {_block(value)}" for key, value in made.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _block(value: Any) -> str:
    """One line an element, so that a change of a golden log reads well as a diff."""
    if isinstance(value, list) and value:
        items = cast("list[Any]", value)  # whatever rows and events hold
        return "[\n" + ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in items) + "\n ]"
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        return "{\n" + ",\n".join(f"  {json.dumps(key)}: {_block(item)}" for key, item in named.items()) + "\n }"
    return json.dumps(value, ensure_ascii=False)


def main(arguments: list[str]) -> int:
    """Write or check every file; 1 when a check fails."""
    stale = [name for name in STORIES if _stale(name)]
    stray = [path.name for path in GOLDEN.glob("*.json") if path.stem not in STORIES]
    if "--check" in arguments:
        for name in [*stale, *stray]:
            print(f"contract/golden: {name} is not what golden_logs.py writes; run it and read the difference")
        return 1 if stale or stray else 0
    GOLDEN.mkdir(exist_ok=True)
    for name in stale:
        (GOLDEN / f"{name}.json").write_text(tell(name), encoding="utf-8")
    return 0


def _stale(name: str) -> bool:
    path = GOLDEN / f"{name}.json"
    return not path.exists() or path.read_text(encoding="utf-8") != tell(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
