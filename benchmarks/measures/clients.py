"""What a person's page does, by hand: make a cell, run it, wait for what another client sees."""

import asyncio
import itertools
from collections.abc import Sequence

from runtime_schema.events import CellCreated, ExecutionRequested
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.queries import ACTIVE_SESSION, ALL_OUTPUTS, EXECUTION, ExecutionRow, OutputRow, RuntimeSessionRow
from runtime_store import Store

CELL = CellId("c1")
_ids = itertools.count()


async def make_cell(store: Store) -> None:
    """Make the one cell that is run, and wait until it is in the log."""
    await store.commit(CellCreated(cell_id=CELL, cell_type="code", position="a0", source="1"))


async def runtime_ready(store: Store) -> None:
    """Wait until the notebook has a ready runtime."""
    ready = asyncio.Event()

    def look(rows: Sequence[RuntimeSessionRow]) -> None:
        if rows and rows[0].status == "ready":
            ready.set()

    end = store.subscribe(ACTIVE_SESSION, look)
    await asyncio.wait_for(ready.wait(), 60)
    end()


def request(store: Store, source: str) -> ExecutionId:
    """Run the cell with this source."""
    execution_id = ExecutionId(f"x{next(_ids)}")
    store.commit(ExecutionRequested(execution_id=execution_id, cell_id=CELL, source=source, requested_ms=0))
    return execution_id


class ResultWatch:
    """Tells when a client sees the result of an execution."""

    def __init__(self, store: Store) -> None:
        self._seen: dict[str, asyncio.Future[None]] = {}
        store.subscribe(ALL_OUTPUTS, self._look)

    def expect(self, execution_id: str) -> asyncio.Future[None]:
        """Give a future that is done when the result of this execution is there."""
        self._seen[execution_id] = future = asyncio.get_running_loop().create_future()
        return future

    def _look(self, rows: Sequence[OutputRow]) -> None:
        for row in rows:
            if row.kind in ("result", "error") and (future := self._seen.get(row.execution_id)) is not None and not future.done():
                future.set_result(None)


async def finished(store: Store, execution_id: str) -> None:
    """Wait until a client sees an execution's end."""
    ended = asyncio.Event()

    def look(rows: Sequence[ExecutionRow]) -> None:
        if rows and rows[0].status not in ("queued", "running", "cancelling"):
            ended.set()

    end = store.subscribe(EXECUTION, look, {"executionId": execution_id})
    await asyncio.wait_for(ended.wait(), 120)
    end()
