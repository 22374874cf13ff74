"""From an interrupt of `while True: pass` to its end: at the engine, as the peers' kernel is measured, and from client to client."""

import asyncio
import time
from collections.abc import Sequence

from runtime_schema.events import ExecutionCancelRequested
from runtime_schema.queries import ALL_CHUNKS, ChunkRow
from runtime_store import Store

from .clients import finished, make_cell, request, runtime_ready
from .engine import started
from .stack import Stack, percentile, stack

ROUNDS = 30
BEFORE_S = 0.1
ENDLESS = "print('started')\nwhile True: pass"


def measure() -> dict[str, float]:
    """Give {p50_ms, max_ms} of the engine, and {client_p50_ms} from a client's request to what another client sees."""
    engine = asyncio.run(_engine())
    with stack() as running:
        notebook = running.notebook()
        running.runtime(notebook)
        clients = asyncio.run(_clients(running, notebook))
    return {
        "p50_ms": round(percentile(engine, 50), 2),
        "max_ms": round(max(engine), 2),
        "client_p50_ms": round(percentile(clients, 50), 2),
    }


async def _engine() -> list[float]:
    times: list[float] = []
    async with started() as bench:
        for _ in range(ROUNDS):
            execution_id = bench.next_id
            running = asyncio.ensure_future(bench.run(ENDLESS))
            await bench.sink.some_output(execution_id)
            await asyncio.sleep(BEFORE_S)
            begun = time.perf_counter()
            await bench.engine.interrupt(execution_id)
            _, reply = await running
            times.append((time.perf_counter() - begun) * 1e3)
            if reply.status != "cancelled":
                raise RuntimeError(f"the interrupted cell ended as {reply.status}")
    return times


async def _clients(running: Stack, notebook: str) -> list[float]:
    a, b = await running.client(notebook), await running.client(notebook)
    await make_cell(a)
    await runtime_ready(b)
    times: list[float] = []
    for _ in range(ROUNDS):
        execution_id = request(a, ENDLESS)
        await _wrote(b)
        await asyncio.sleep(BEFORE_S)
        begun = time.perf_counter()
        a.commit(ExecutionCancelRequested(execution_id=execution_id, reason="benchmark"))
        await finished(b, execution_id)
        times.append((time.perf_counter() - begun) * 1e3)
    await a.close()
    await b.close()
    return times


async def _wrote(store: Store) -> None:
    wrote = asyncio.Event()

    def look(rows: Sequence[ChunkRow]) -> None:
        if any(row.text for row in rows):
            wrote.set()

    end = store.subscribe(ALL_CHUNKS, look)
    await asyncio.wait_for(wrote.wait(), 30)
    end()
