"""What every realisation of a port must do, as functions that assert it.

Each takes an async factory, calls it as often as it needs fresh ones, and waits on events only: run it under a test's
own time limit. Whoever makes stores and agents' resources closes them afterwards; engines and agents are ended here.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, final

from runtime_core.agent import RuntimeAgent
from runtime_core.errors import ArtifactUnavailableError, EngineDiedError, InputUnavailableError
from runtime_core.ports import ArtifactStore, Engine, EngineSink, LiveMessage, Store, StoreStatus
from runtime_schema.errors import InvalidEventError
from runtime_schema.events import CellCreated, CellSourceSet, ExecutionCancelRequested, ExecutionRequested, JsonText, NotebookMetadataSet
from runtime_schema.ids import CellId, ExecutionId, RuntimeSessionId
from runtime_schema.json_text import Json
from runtime_schema.live import CommMessage
from runtime_schema.outputs import ErrorOutput, Output, StreamText
from runtime_schema.queries import ACTIVE_SESSION, ALL_CHUNKS, CELL, EXECUTION, OUTPUTS, SESSION, CellRow, ExecutionRow, Query

from .memory_store import InMemoryStore

RowT = TypeVar("RowT", bound=tuple[object, ...])


@final
class _Seen(Generic[RowT]):
    """The rows a subscription saw last."""

    def __init__(self) -> None:
        self.rows: list[RowT] | None = None
        self._changed = asyncio.Event()

    def see(self, rows: Sequence[RowT]) -> None:
        self.rows = list(rows)
        self._changed.set()

    async def until(self, holds: "Callable[[list[RowT] | None], bool]") -> None:
        while not holds(self.rows):
            self._changed.clear()
            await self._changed.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSamples:
    """Sources in an engine's language that do what the checks need; by default Python's.

    `hello` shows `hello` (an engine writes it, as a line), `fail` raises an error called `error_name`, `forever` writes
    `started` and never ends, `ask` reads a line and writes it, `remember` sets a variable and `recall` writes it as `42`, or
    fails without it. None is what cannot be said in that language: `ask` for engines, and for agents `fail` and `forever` too.
    """

    hello: str = "print('hello')"
    fail: str | None = "1 / 0"
    error_name: str = "ZeroDivisionError"
    forever: str | None = "print('started', flush=True)\nwhile True: pass"
    ask: str | None = "print(input('name? '))"
    remember: str = "kept = 42"
    recall: str = "print(kept)"


@final
class RecordingSink(EngineSink):
    """Keeps what an engine emits; `answers` are given to whoever asks for input."""

    def __init__(self, answers: Sequence[str] = ()) -> None:
        self.outputs: list[tuple[str, Output]] = []
        self.deaths: list[str] = []
        self.prompts: list[tuple[str, bool]] = []
        self.comms: list[tuple[str, CommMessage]] = []
        self.exits = 0
        self._answers = list(answers)
        self._changed = asyncio.Event()

    def emit(self, execution_id: str, output: Output) -> None:
        self.outputs.append((execution_id, output))
        self._changed.set()

    async def ready(self) -> None:
        pass

    async def read_input(self, execution_id: str, prompt: str, password: bool) -> str:
        self.prompts.append((prompt, password))
        if not self._answers:
            raise InputUnavailableError("the check has no answer")
        return self._answers.pop(0)

    def comm(self, execution_id: str, message: CommMessage) -> None:
        self.comms.append((execution_id, message))
        self._changed.set()

    def exit(self) -> None:
        self.exits += 1

    def died(self, reason: str) -> None:
        self.deaths.append(reason)
        self._changed.set()

    def text(self, execution_id: str) -> str:
        """Join what an execution wrote to stdout."""
        mine = (output for owner, output in self.outputs if owner == execution_id)
        return "".join(output.text for output in mine if isinstance(output, StreamText) and output.stream == "stdout")

    async def wait_for_text(self, execution_id: str, text: str) -> None:
        """Wait until an execution has written this."""
        while text not in self.text(execution_id):
            self._changed.clear()
            await self._changed.wait()


async def check_engine(make: Callable[[], Awaitable[Engine]], samples: EngineSamples | None = None) -> None:
    """Check an engine.

    Args:
        make: Gives an engine that was not started.
        samples: What it can run.
    """
    samples = samples or EngineSamples()
    sink = RecordingSink(["Ada"])
    engine = await make()
    await engine.start(sink)
    try:
        await _check_running(engine, sink, samples)
        await _check_interrupt(engine, sink, samples)
        await _check_restart(engine, sink, samples)
    finally:
        await engine.stop()
    await engine.stop()
    assert sink.deaths == [], "being stopped or restarted is not a death"


async def _check_running(engine: Engine, sink: RecordingSink, samples: EngineSamples) -> None:
    assert (await engine.execute("e1", samples.hello, 1)).status == "ok"
    assert sink.text("e1") == "hello\n", "all output precedes the reply, under its execution"
    assert samples.fail is not None, "an engine's code can fail"
    reply = await engine.execute("e2", samples.fail, 2)
    assert reply.status == "error", "what raised is an error"
    assert reply.error_name == samples.error_name
    errors = [output for owner, output in sink.outputs if owner == "e2" and isinstance(output, ErrorOutput)]
    assert [error.name for error in errors] == [samples.error_name], "what raised is shown once"
    if samples.ask is not None:
        assert (await engine.execute("e3", samples.ask, 3)).status == "ok"
        assert len(sink.prompts) == 1
        assert "Ada" in sink.text("e3"), "input is what was answered"


async def _check_interrupt(engine: Engine, sink: RecordingSink, samples: EngineSamples) -> None:
    assert samples.forever is not None, "an engine's code can run for ever"
    await engine.interrupt("nobody")
    running = asyncio.ensure_future(engine.execute("e4", samples.forever, 4))
    await sink.wait_for_text("e4", "started")
    await engine.interrupt("e1")
    await engine.interrupt("e4")
    assert (await running).status == "cancelled", "an interrupt that hit is a cancellation"
    assert (await engine.execute("e5", samples.hello, 5)).status == "ok", "an interrupt hits one execution only"


async def _check_restart(engine: Engine, sink: RecordingSink, samples: EngineSamples) -> None:
    assert (await engine.execute("e6", samples.remember, 6)).status == "ok"
    assert (await engine.execute("e7", samples.recall, 7)).status == "ok"
    assert "42" in sink.text("e7"), "one namespace for all executions"
    running = asyncio.ensure_future(engine.execute("e8", samples.forever or "", 8))
    await sink.wait_for_text("e8", "started")
    await engine.restart()
    try:
        ended = (await running).status
    except EngineDiedError:
        ended = "died"
    assert ended != "ok", "a restart ends what runs"
    assert (await engine.execute("e9", samples.recall, 1)).status == "error", "a restart gives a fresh namespace"


async def check_artifact_store(make: Callable[[], Awaitable[ArtifactStore]]) -> None:
    """Check an artifact store.

    Args:
        make: Gives one that can also reach what it has put.
    """
    store = await make()
    data = bytes(range(256)) * 300
    name = store.put(data, "image/png")
    assert name == hashlib.sha256(data).hexdigest()
    assert store.put(data, "image/png") == name, "the same bytes have the same name"
    assert await store.get(name) == data
    assert await store.get(store.put(b"", "text/plain")) == b""
    try:
        await store.get(hashlib.sha256(b"never put").hexdigest())
    except ArtifactUnavailableError:
        return
    raise AssertionError("bytes that nobody put cannot be had")


async def check_store(make: Callable[[], Awaitable[Store]]) -> None:
    """Check one store.

    Args:
        make: Gives a connected store of a notebook without cells, whose client may edit.
    """
    store = await make()
    seen: list[Sequence[CellRow]] = []
    confirmed = _Seen[CellRow]()
    cell = CellId("checked-cell")
    unsubscribe = store.subscribe(CELL, seen.append, {"cellId": cell})
    unsubscribe_confirmed = store.subscribe(CELL, confirmed.see, {"cellId": cell}, confirmed=True)
    await confirmed.until(lambda rows: rows is not None)
    assert confirmed.rows == []
    assert seen == [[]] or seen == [()], "the first call tells the rows as they are"

    created = store.commit(CellCreated(cell_id=cell, cell_type="code", position="a0", source="1"))
    assert len(seen) == 1, "no call comes from inside commit"
    first = await created
    assert first.applied
    second = await store.commit(CellCreated(cell_id=cell, cell_type="code", position="a0", source="2"))
    assert second.seq > first.seq
    assert not second.applied, "a guard that does not hold is a receipt, not an error"
    await confirmed.until(lambda rows: bool(rows) and rows[0].source == "1")

    receipts = [store.commit(CellSourceSet(cell_id=cell, source=str(n))) for n in range(50)]
    applied = [await receipt for receipt in receipts]
    assert [receipt.seq for receipt in applied] == sorted(receipt.seq for receipt in applied), "commits keep their order"
    await confirmed.until(lambda rows: bool(rows) and rows[0].source == "49")
    assert seen[-1][0].source == "49"

    unsubscribe()
    unsubscribe()
    calls = len(seen)
    await store.commit(CellSourceSet(cell_id=cell, source="last"))
    await confirmed.until(lambda rows: bool(rows) and rows[0].source == "last")
    assert len(seen) == calls, "nothing is called back after unsubscribing"
    unsubscribe_confirmed()

    try:
        _ = store.commit(NotebookMetadataSet(key="title", value=JsonText("not JSON")))
    except InvalidEventError:
        pass
    else:
        raise AssertionError("args that do not fit are refused by commit itself")

    statuses: asyncio.Queue[StoreStatus] = asyncio.Queue()
    store.subscribe_status(statuses.put_nowait)()
    store.subscribe_status(statuses.put_nowait)
    status = await statuses.get()
    assert status.connected
    assert status.head >= applied[-1].seq

    store.stand_by(RuntimeSessionId("no-session"), 1, 0)
    _request(store, "checked-execution", "1")
    assert (await _status(store, "checked-execution", "queued")).session_id is None, "an offer is good for its session only"


async def check_replicas(make: Callable[[], Awaitable[tuple[Store, Store]]]) -> None:
    """Check two stores of one authority.

    Args:
        make: Gives two connected stores of one notebook without cells.
    """
    one, two = await make()
    cell = CellId("checked-cell")
    seen = [_Seen[CellRow](), _Seen[CellRow]()]
    for store, rows in zip((one, two), seen, strict=True):
        store.subscribe(CELL, rows.see, {"cellId": cell}, confirmed=True)
    assert (await one.commit(CellCreated(cell_id=cell, cell_type="code", position="a0", source=""))).applied
    await seen[1].until(bool)
    receipts = [store.commit(CellSourceSet(cell_id=cell, source=f"{n}")) for n, store in enumerate((one, two) * 20)]
    decided = [await receipt for receipt in receipts]
    assert len({receipt.seq for receipt in decided}) == len(decided), "every event has its own place"
    last = str(max(range(len(decided)), key=lambda n: decided[n].seq))
    for rows in seen:
        await rows.until(lambda found: bool(found) and found[0].source == last)

    async def answer(message: LiveMessage) -> Json:
        assert message.sender == one.store_session_id
        assert message.client_id == one.client_id
        return {"echo": message.data}

    unregister = two.on_live("check", answer)
    assert await one.send_live("check", {"n": 1}, to=two.store_session_id) == {"echo": {"n": 1}}
    unregister()


async def check_agent(
    make: Callable[[Store], Awaitable[RuntimeAgent]], samples: EngineSamples | None = None, store: Store | None = None
) -> None:
    """Check an agent.

    Args:
        make: Gives an agent on this store, not started, that runs code cells with the samples; the client is the store's.
        samples: What it can run.
        store: A connected store of a notebook without cells, whose client may edit; by default one in memory, of `local`.
    """
    samples = samples or EngineSamples()
    store = InMemoryStore() if store is None else store
    agent = await make(store)
    await agent.start()
    assert agent.state == "ready"
    session_id = agent.session_id
    assert session_id is not None
    (session,) = await _rows(store, SESSION, {"sessionId": session_id})
    assert session.status == "ready"

    assert (await _run(store, "e1", samples.hello)).status == "ok"
    written = [chunk.text for chunk in await _rows(store, ALL_CHUNKS)]
    shown = [output.bundle or "" for output in await _rows(store, OUTPUTS, {"executionId": "e1"})]
    assert "hello" in "".join(written + shown), "what a cell showed is in the store when it has ended"
    if samples.fail is not None:
        failed = await _run(store, "e2", samples.fail)
        assert (failed.status, failed.error_name) == ("error", samples.error_name), "a cell that raised is never ok"
    if samples.forever is not None:
        await _check_cancelling(store, samples.forever, samples.hello)
    last = await _run(store, "e5", samples.hello)
    assert last.status == "ok", "a failed or cancelled execution leaves the runtime usable"

    await agent.shutdown()
    await agent.shutdown()
    assert agent.state == "stopped"
    assert await agent.closed() == "shutdown"
    (session,) = await _rows(store, SESSION, {"sessionId": session_id})
    assert (session.status, session.ended_reason) == ("terminated", "shutdown")
    assert not await _rows(store, ACTIVE_SESSION)
    receipt = await store.commit(CellCreated(cell_id=CellId("after"), cell_type="code", position="a0", source=""))
    assert receipt.applied, "the store lives on"


async def _check_cancelling(store: Store, forever: str, hello: str) -> None:
    _request(store, "e3", forever)
    await _status(store, "e3", "running")
    _request(store, "e4", hello)
    await store.commit(ExecutionCancelRequested(execution_id=ExecutionId("e4"), reason="check"))
    assert (await _status(store, "e4", "cancelled")).started_ms is None, "what is cancelled in the queue never starts"
    await store.commit(ExecutionCancelRequested(execution_id=ExecutionId("e3"), reason="check"))
    await _status(store, "e3", "cancelled")


def _request(store: Store, execution_id: str, source: str) -> None:
    cell = CellId(f"cell-{execution_id}")
    _ = store.commit(CellCreated(cell_id=cell, cell_type="code", position="a0", source=source))
    _ = store.commit(ExecutionRequested(execution_id=ExecutionId(execution_id), cell_id=cell, source=source, requested_ms=0))


async def _status(store: Store, execution_id: str, *statuses: str) -> ExecutionRow:
    rows = await _until(store, EXECUTION, {"executionId": execution_id}, lambda rows: bool(rows) and rows[0].status in statuses)
    return rows[0]


async def _run(store: Store, execution_id: str, source: str) -> ExecutionRow:
    _request(store, execution_id, source)
    return await _status(store, execution_id, "ok", "error", "cancelled", "lost")


async def _rows(store: Store, query: Query[RowT], params: Mapping[str, str | int] | None = None) -> Sequence[RowT]:
    """Give the confirmed rows as they are."""
    return await _until(store, query, params or {}, lambda _: True)


async def _until(
    store: Store, query: Query[RowT], params: Mapping[str, str | int], holds: Callable[[Sequence[RowT]], bool]
) -> Sequence[RowT]:
    seen = _Seen[RowT]()
    unsubscribe = store.subscribe(query, seen.see, params, confirmed=True)
    try:
        await seen.until(lambda rows: rows is not None and holds(rows))
    finally:
        unsubscribe()
    assert seen.rows is not None
    return seen.rows
