"""`runt run`: a notebook from its first cell to its last, without a server, through the same store, agent and engine."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, final

from runtime_core.agent import RuntimeAgent
from runtime_core.errors import EngineStartError, RuntimeCoreError
from runtime_core.handlers import drive_engine
from runtime_core.options import RuntimeAgentOptions, RuntimeCapabilities
from runtime_node.artifacts import FolderArtifacts
from runtime_node.logs import one_line
from runtime_node.signals import StopSignals
from runtime_node.subprocess_engine import SubprocessEngine
from runtime_node.system import RandomIds, SystemClock
from runtime_schema.events import BatchItem, ExecutionBatchRequested, ExecutionCancelRequested
from runtime_schema.ids import BatchId, CellId, ExecutionId
from runtime_schema.ipynb import NotebookFile, write_notebook
from runtime_schema.ipynb_events import NotebookState, export_notebook, import_notebook
from runtime_schema.json_text import decode
from runtime_schema.queries import (
    ALL_CHUNKS,
    ALL_OUTPUTS,
    CELLS,
    EXECUTION,
    EXECUTIONS,
    METADATA,
    OPEN_EXECUTIONS,
    OUTPUTS,
    CellRow,
    ExecutionRow,
)
from runtime_store import Store, open_local

from .deaf import DeafEngine
from .errors import FailedError

WINDOW = 16
"""Executions requested ahead: enough that the engine never waits, few enough that looking at the open ones stays cheap."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What became of a notebook. `output` is the notebook with what its cells put out; `cells` the ends, in order."""

    output: bytes
    total: int
    cells: tuple[CellEnd, ...]
    seconds: float
    interrupted: bool

    @property
    def failed(self) -> CellEnd | None:
        """The cell that raised, if one did."""
        return next((cell for cell in self.cells if cell.status in ("error", "lost")), None)


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


@dataclass(slots=True)
class _Asked:
    place: int
    cell: CellRow
    running: bool = False


@dataclass(slots=True)
class _Progress:
    """What is asked for and what ended; only the store's callbacks change it."""

    waiting: list[tuple[int, CellRow]]
    asked: dict[str, _Asked] = field(default_factory=dict[str, _Asked])
    ends: list[CellEnd] = field(default_factory=list[CellEnd])
    stopped: bool = False


async def run_notebook(notebook: NotebookFile, cwd: Path, watcher: Watcher) -> RunReport:
    """Run all code cells in order, until one fails or a signal interrupts.

    Args:
        notebook: The file; its old outputs are dropped.
        cwd: The folder that cells run in.
        watcher: Hears of every cell.

    Raises:
        FailedError: The runtime could not start, or ended for good.
    """
    began = time.perf_counter()
    ids, clock = RandomIds(), SystemClock()
    with tempfile.TemporaryDirectory(prefix="runt-") as folder, StopSignals() as signals:
        artifacts = FolderArtifacts(Path(folder))
        store = open_local("local", new_id=ids.new_id)
        options = RuntimeAgentOptions(runtime_id="run", runtime_type="python", client_id="local")
        agent = RuntimeAgent(store, RuntimeCapabilities(), options, artifacts=artifacts, clock=clock, ids=ids)
        drive_engine(agent, DeafEngine(SubprocessEngine(cwd=cwd)))
        starting = asyncio.ensure_future(agent.start())
        try:
            await asyncio.sleep(0)  # the engine's process comes up meanwhile
            plan = import_notebook(notebook, new_id=ids.new_id, now_ms=clock.now_ms(), with_outputs=False)
            for data, mime_type in plan.artifacts.values():
                artifacts.put(data, mime_type)
            for event in plan.events:
                store.commit(event)
            cells = [cell for cell in store.query(CELLS) if cell.cell_type == "code" and cell.source.strip()]
            run = _Run(store, ids, clock, watcher, _Progress(list(enumerate(cells, 1))))
            await run.until_done(agent, starting, signals)
            output = write_notebook(export_notebook(_state(store), artifacts.read))
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
        interrupted=signals.asked.is_set(),
    )


@final
class _Run:
    """Asks for cells a window at a time, in one batch that stops on an error, and follows them."""

    def __init__(self, store: Store, ids: RandomIds, clock: SystemClock, watcher: Watcher, progress: _Progress) -> None:
        self.progress = progress
        self._store = store
        self._clock = clock
        self._ids = ids
        self._watcher = watcher
        self._batch = BatchId(ids.new_id())
        self._done = asyncio.Event()

    async def until_done(self, agent: RuntimeAgent, starting: asyncio.Future[None], signals: StopSignals) -> None:
        """Return when every cell has ended or will not run.

        Raises:
            RuntimeCoreError: The runtime could not start, or ended for good.
        """
        self._watcher.started(len(self.progress.waiting))
        self._ask()
        unsubscribe = self._store.subscribe(OPEN_EXECUTIONS, self._see)
        ended = asyncio.ensure_future(_end_of(agent, starting))
        asked, done = asyncio.ensure_future(signals.asked.wait()), asyncio.ensure_future(self._done.wait())
        try:
            await asyncio.wait({ended, asked, done}, return_when=asyncio.FIRST_COMPLETED)
            if not done.done() and asked.done():
                self.progress.stopped = True
                await self._store.commit(ExecutionCancelRequested(all=True, reason="interrupted"))
                await asyncio.wait({ended, done}, return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                ended.result()
        finally:
            unsubscribe()
            for task in (ended, asked, done):
                task.cancel()

    def _ask(self) -> None:
        progress = self.progress
        while progress.waiting and len(progress.asked) < WINDOW and not progress.stopped:
            items = progress.waiting[: WINDOW - len(progress.asked)]
            size = 0
            for count, (_, cell) in enumerate(items):
                size += len(cell.source.encode())
                if count and size > 128 * 1024:  # an event may have 256 KiB
                    items = items[:count]
                    break
            del progress.waiting[: len(items)]
            made: list[BatchItem] = []
            for place, cell in items:
                execution_id = ExecutionId(self._ids.new_id())
                progress.asked[execution_id] = _Asked(place, cell)
                made.append(BatchItem(execution_id=execution_id, cell_id=CellId(cell.id), source=cell.source))
            self._store.commit(
                ExecutionBatchRequested(batch_id=self._batch, stop_on_error=True, items=tuple(made), requested_ms=self._clock.now_ms())
            )
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
        (row,) = self._store.query(EXECUTION, {"executionId": execution_id})
        if row.status in ("queued", "running", "cancelling"):
            return  # asked for after these rows were read
        del self.progress.asked[execution_id]
        if row.started_ms is None:
            return  # cancelled behind a cell that failed
        end = _cell_end(self._store, row, asked)
        if row.status != "ok":
            self.progress.stopped = True
        self.progress.ends.append(end)
        self._watcher.cell_ended(end)


async def _end_of(agent: RuntimeAgent, starting: asyncio.Future[None]) -> None:
    await asyncio.shield(starting)
    reason = await agent.closed()
    raise agent.problem or EngineStartError("the runtime", f"it ended: {reason}")


def _cell_end(store: Store, row: ExecutionRow, asked: _Asked) -> CellEnd:
    traceback: tuple[str, ...] = ()
    if row.status == "error":
        for output in store.query(OUTPUTS, {"executionId": row.id}):
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
    )


def _state(store: Store) -> NotebookState:
    return NotebookState(
        metadata=store.query(METADATA),
        cells=store.query(CELLS),
        executions=store.query(EXECUTIONS),
        outputs=store.query(ALL_OUTPUTS),
        chunks=store.query(ALL_CHUNKS),
    )
