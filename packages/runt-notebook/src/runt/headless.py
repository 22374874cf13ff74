"""`runt run`: a notebook from its first cell to its last, without a server, through the same store, agent and engine."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, final

from runtime_core.agent import RuntimeAgent
from runtime_core.errors import EngineStartError, RuntimeCoreError
from runtime_core.handlers import drive_engine
from runtime_core.options import RuntimeAgentOptions, RuntimeCapabilities
from runtime_core.ports import Engine
from runtime_node.artifacts import FolderArtifacts
from runtime_node.logs import one_line
from runtime_node.subprocess_engine import SubprocessEngine
from runtime_node.system import RandomIds, SystemClock
from runtime_schema.events import BatchItem, ExecutionBatchRequested, ExecutionCancelRequested
from runtime_schema.ids import BatchId, CellId, ExecutionId
from runtime_schema.ipynb import NotebookFile, write_notebook
from runtime_schema.ipynb_events import NotebookState, export_notebook, import_notebook
from runtime_schema.json_text import decode
from runtime_schema.outputs import Output
from runtime_schema.queries import (
    CELLS,
    EXECUTION,
    EXECUTIONS,
    OPEN_EXECUTIONS,
    OUTPUTS,
    CellRow,
    ExecutionRow,
)
from runtime_store import Store, open_local

from .deaf import DeafEngine
from .errors import FailedError
from .kernels import PYTHON
from .parameters import tags_of
from .resume import cells_to_run

WINDOW, REFILLED_AT = 6, 2
"""So many executions are requested ahead, several at once when few are left: enough that the engine never waits, few enough that
looking at the open ones stays cheap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellEnd:
    """How one cell ended. `place` counts the cells that are run, from 1."""

    place: int
    cell_id: str
    source: str
    status: str
    seconds: float
    error_name: str = ""
    error_value: str = ""
    traceback: tuple[str, ...] = ()
    may_fail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What became of a notebook. `output` is the notebook with what its cells put out; `cells` the ends, in order.

    `kept` cells had ended well before, in a run that was resumed; `left` says that code asked for the end by exit().
    """

    output: bytes
    total: int
    cells: tuple[CellEnd, ...]
    seconds: float
    interrupted: bool
    kept: int = 0
    left: bool = False

    @property
    def failed(self) -> CellEnd | None:
        """The cell that raised and was not meant to, if one did."""
        return next((cell for cell in self.cells if cell.status in ("error", "lost") and not cell.may_fail), None)

    @property
    def well(self) -> bool:
        """Whether everything that was to run did, and nothing failed."""
        return self.failed is None and not self.interrupted and (self.left or len(self.cells) == self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a notebook is run.

    Args:
        cwd: The folder that cells run in.
        kernel: `python` for our own engine, else a Jupyter kernel.
        timeout_s: How long a cell may run.
        allow_errors: Whether cells run on behind one that failed.
        log: The folder for the run's log; without one it is kept in memory.
        resume: Whether to go on from that log.
    """

    cwd: Path
    kernel: str = PYTHON
    timeout_s: float | None = None
    allow_errors: bool = False
    log: Path | None = None
    resume: bool = False


class Watcher(Protocol):
    """Hears how a run goes on."""

    def started(self, total: int) -> None:
        """Hear how many cells there are to run."""
        ...

    def cell_started(self, place: int, source: str) -> None:
        """Hear that a cell is run now."""
        ...

    def cell_ended(self, end: CellEnd) -> None:
        """Hear how it ended."""
        ...

    def output(self, output: Output) -> None:
        """Hear what the running cell put out, as it comes."""
        ...


@dataclass(slots=True)
class _Asked:
    place: int
    cell: CellRow
    may_fail: bool
    running: bool = False


@dataclass(slots=True)
class _Progress:
    """What is asked for and what ended; only the store's callbacks change it."""

    waiting: list["_Wanted"]
    asked: dict[str, _Asked] = field(default_factory=dict[str, _Asked])
    ends: list[CellEnd] = field(default_factory=list[CellEnd])
    stopped: bool = False
    left: bool = False


async def run_notebook(notebook: NotebookFile, options: RunOptions, watcher: Watcher, stop: asyncio.Event) -> RunReport:
    """Run all code cells in order, until one fails or `stop` is set.

    Cells tagged `skip-execution` are left out, those tagged `raises-exception` may fail.

    Args:
        notebook: The file; its old outputs are dropped.
        options: How.
        watcher: Hears of every cell.
        stop: Set when a signal interrupts.

    Raises:
        FailedError: The runtime could not start, or ended for good.
    """
    began = time.perf_counter()
    ids, clock = RandomIds(), SystemClock()
    with tempfile.TemporaryDirectory(prefix="runt-") as temporary:
        folder = Path(temporary) if options.log is None else options.log
        artifacts = FolderArtifacts(folder / "artifacts")
        store = open_local("local", None if options.log is None else folder / "log.db", power_safe=False, new_id=ids.new_id)
        about = RuntimeAgentOptions(runtime_id="run", runtime_type=options.kernel, client_id="local", execution_timeout_s=options.timeout_s)
        agent = RuntimeAgent(store, RuntimeCapabilities(), about, artifacts=artifacts, clock=clock, ids=ids)
        drive_engine(agent, DeafEngine(_engine(options), lambda _execution, output: watcher.output(output)))
        starting = asyncio.ensure_future(agent.start())
        try:
            await asyncio.sleep(0)  # the engine's process comes up meanwhile
            if not store.query(CELLS):
                plan = import_notebook(notebook, new_id=ids.new_id, now_ms=clock.now_ms(), with_outputs=False)
                for data, mime_type in plan.artifacts.values():
                    artifacts.put(data, mime_type)
                for event in plan.events:
                    store.commit(event)
            cells, kept = _choose(store)
            run = _Run(store, ids, clock, watcher, _Progress(list(cells)), options.allow_errors)
            await run.until_done(agent, starting, stop)
            output = write_notebook(export_notebook(NotebookState.read(store.query), artifacts.read))
        except RuntimeCoreError as exc:
            code = "runtime-failed" if not isinstance(exc, EngineStartError) else "runtime-start"
            raise FailedError(code, one_line(str(exc))) from exc
        finally:
            starting.cancel()
            with suppress(asyncio.CancelledError, RuntimeCoreError):
                await starting
            await agent.shutdown()
            await store.close(0)
    return RunReport(
        output=output,
        total=len(cells),
        cells=tuple(run.progress.ends),
        seconds=time.perf_counter() - began,
        interrupted=stop.is_set(),
        kept=kept,
        left=run.progress.left,
    )


def _engine(options: RunOptions) -> Engine:
    if options.kernel == PYTHON:
        return SubprocessEngine(cwd=options.cwd)
    from runtime_node.jupyter_engine import JupyterEngine  # only those who name a kernel pay for it

    return JupyterEngine(options.kernel, cwd=options.cwd)


def _choose(store: Store) -> tuple[list["_Wanted"], int]:
    """Choose what is to run: the code cells, without those that ended well in the run that is resumed."""
    rows = [cell for cell in store.query(CELLS) if cell.cell_type == "code" and cell.source.strip()]
    tags = {row.id: tags_of(row.metadata) for row in rows}
    rows = [row for row in rows if "skip-execution" not in tags[row.id]]
    ended = {row.cell_id: row.status for row in store.query(EXECUTIONS)}
    finished = frozenset(cell for cell, status in ended.items() if status == "ok")
    wanted = frozenset(cells_to_run([row.id for row in rows], tags, finished))
    cells = [_Wanted(place, row, "raises-exception" in tags[row.id]) for place, row in enumerate(rows, 1) if row.id in wanted]
    return cells, len(rows) - len(cells)


class _Wanted(NamedTuple):
    """A cell that is to run, its place among the code cells, and whether it may fail."""

    place: int
    cell: CellRow
    may_fail: bool


@final
class _Run:
    """Asks for cells a window at a time, in one batch that stops on an error, and follows them."""

    def __init__(self, store: Store, ids: RandomIds, clock: SystemClock, watcher: Watcher, progress: _Progress, allow_errors: bool) -> None:
        self._allow_errors = allow_errors
        self.progress = progress
        self._store = store
        self._clock = clock
        self._ids = ids
        self._watcher = watcher
        self._batch = BatchId(ids.new_id())
        self._done = asyncio.Event()

    async def until_done(self, agent: RuntimeAgent, starting: asyncio.Future[None], stop: asyncio.Event) -> None:
        """Return when every cell has ended or will not run.

        Raises:
            RuntimeCoreError: The runtime could not start, or ended for good.
        """
        self._watcher.started(len(self.progress.waiting))
        self._ask()
        unsubscribe = self._store.subscribe(OPEN_EXECUTIONS, self._see, confirmed=True)  # spares applying each event twice
        ended = asyncio.ensure_future(_end_of(agent, starting))
        asked, done = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._done.wait())
        try:
            await asyncio.wait({ended, asked, done}, return_when=asyncio.FIRST_COMPLETED)
            if not done.done() and asked.done():
                self.progress.stopped = True
                await self._store.commit(ExecutionCancelRequested(all=True, reason="interrupted"))
                await asyncio.wait({ended, done}, return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                self.progress.left = ended.result() == "shutdown"
        finally:
            unsubscribe()
            for task in (ended, asked, done):
                task.cancel()

    def _ask(self) -> None:
        progress = self.progress
        if len(progress.asked) > REFILLED_AT:
            return
        while progress.waiting and len(progress.asked) < WINDOW and not progress.stopped:
            items = progress.waiting[: WINDOW - len(progress.asked)]
            if items[0].may_fail and progress.asked:
                break  # it runs alone: the batch of the others must not be stopped by it
            size = 0
            for count, wanted in enumerate(items):
                size += len(wanted.cell.source.encode())
                if count and (wanted.may_fail or items[0].may_fail):
                    items = items[:count]
                    break
                if count and size > 128 * 1024:  # an event may have 256 KiB
                    items = items[:count]
                    break
            del progress.waiting[: len(items)]
            made: list[BatchItem] = []
            alone = items[0].may_fail
            for place, cell, may_fail in items:
                execution_id = ExecutionId(self._ids.new_id())
                progress.asked[execution_id] = _Asked(place, cell, may_fail or self._allow_errors)
                made.append(BatchItem(execution_id=execution_id, cell_id=CellId(cell.id), source=cell.source))
            self._store.commit(
                ExecutionBatchRequested(
                    batch_id=BatchId(self._ids.new_id()) if alone else self._batch,
                    stop_on_error=not (alone or self._allow_errors),
                    items=tuple(made),
                    requested_ms=self._clock.now_ms(),
                )
            )
            if alone:
                break
        if not progress.asked:
            self._done.set()

    def _see(self, rows: Sequence[ExecutionRow]) -> None:
        is_open = {row.id: row for row in rows}
        for execution_id, asked in list(self.progress.asked.items()):
            row = is_open.get(execution_id)
            if row is None:
                self._end(execution_id, asked)
            elif row.status == "running" and not asked.running:
                asked.running = True
                self._watcher.cell_started(asked.place, asked.cell.source)
        self._ask()

    def _end(self, execution_id: str, asked: _Asked) -> None:
        row = next(iter(self._store.query(EXECUTION, {"executionId": execution_id}, confirmed=True)), None)
        if row is None or row.status in ("queued", "running", "cancelling"):
            return  # asked for after these rows were read
        del self.progress.asked[execution_id]
        if row.started_ms is None:
            return  # cancelled behind a cell that failed
        end = _cell_end(self._store, row, asked)
        if row.status != "ok" and not (asked.may_fail and row.status == "error"):
            self.progress.stopped = True
        self.progress.ends.append(end)
        self._watcher.cell_ended(end)


async def _end_of(agent: RuntimeAgent, starting: asyncio.Future[None]) -> str:
    await asyncio.shield(starting)
    reason = await agent.closed()
    if reason == "shutdown" and agent.problem is None:
        return reason  # code asked for the end
    raise agent.problem or EngineStartError("the runtime", f"it ended: {reason}")


def _cell_end(store: Store, row: ExecutionRow, asked: _Asked) -> CellEnd:
    traceback: tuple[str, ...] = ()
    if row.status == "error":
        for output in store.query(OUTPUTS, {"executionId": row.id}, confirmed=True):
            if output.kind == "error":
                lines: list[str] = decode(output.traceback or "[]")  # type: ignore[assignment]  # a list of strings by its event's check
                traceback = tuple(lines)
    return CellEnd(
        place=asked.place,
        cell_id=row.cell_id,
        source=row.source,
        status=row.status,
        seconds=((row.finished_ms or 0) - (row.started_ms or 0)) / 1000,
        error_name=row.error_name or "",
        error_value=row.error_value or row.reason or "",
        traceback=traceback,
        may_fail=asked.may_fail,
    )
