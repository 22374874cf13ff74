"""One event committed by client A and seen by client B, durable in between; and 20,000 at once."""

import asyncio
import time
from collections.abc import Sequence

from runtime_node.event_loop import run_program
from runtime_schema.events import CellSourceSet
from runtime_schema.queries import CELL, CellRow
from runtime_store import Store

from . import clients
from .stack import Stack, percentile, stack

ROUNDS, WARM, FLOOD = 1_000, 100, 20_000


def measure() -> dict[str, float]:
    """Give {p50_ms, p99_ms, flood_events_per_s}."""
    with stack() as running:
        times, rate = run_program(_measure(running, running.notebook()))
    return {
        "p50_ms": round(percentile(times, 50), 3),
        "p99_ms": round(percentile(times, 99), 3),
        "flood_events_per_s": round(rate),
    }


class _SourceWatch:
    def __init__(self, store: Store) -> None:
        self._wanted, self._future = "", asyncio.get_running_loop().create_future()
        store.subscribe(CELL, self._look, {"cellId": clients.CELL})

    async def wait_for(self, source: str) -> None:
        self._wanted, self._future = source, asyncio.get_running_loop().create_future()
        await self._future

    def _look(self, rows: Sequence[CellRow]) -> None:
        if rows and rows[0].source == self._wanted and not self._future.done():
            self._future.set_result(None)


async def _measure(running: Stack, notebook: str) -> tuple[list[float], float]:
    a, b = await running.client(notebook), await running.client(notebook)
    await clients.make_cell(a)
    watch = _SourceWatch(b)
    times: list[float] = []
    for place in range(WARM + ROUNDS):
        source = f"x = {place}"
        waiting = asyncio.ensure_future(watch.wait_for(source))
        await asyncio.sleep(0)
        begun = time.perf_counter()
        a.commit(CellSourceSet(cell_id=clients.CELL, source=source))
        await waiting
        if place >= WARM:
            times.append((time.perf_counter() - begun) * 1e3)
    begun = time.perf_counter()
    waiting = asyncio.ensure_future(watch.wait_for(f"y = {FLOOD - 1}"))
    await asyncio.sleep(0)
    for place in range(FLOOD):
        a.commit(CellSourceSet(cell_id=clients.CELL, source=f"y = {place}"))
        if place % 500 == 499:
            await asyncio.sleep(0)
    await waiting
    rate = FLOOD / (time.perf_counter() - begun)
    await a.close()
    await b.close()
    return times, rate
