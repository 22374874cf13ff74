"""From the command to a server that answers, and from the same moment to a first result that a client sees."""

import asyncio
import statistics
import time

from .clients import ResultWatch, make_cell, request
from .stack import stack

ROUNDS = 5


def measure() -> dict[str, float]:
    """Give {server_s, first_result_s}: medians; the second has server, runtime and engine start in it."""
    servers, firsts = zip(*(_once() for _ in range(ROUNDS)), strict=True)
    return {"server_s": round(statistics.median(servers), 3), "first_result_s": round(statistics.median(firsts), 3)}


def _once() -> tuple[float, float]:
    with stack() as running:
        begun = time.perf_counter()
        notebook = running.notebook()
        running.runtime(notebook)

        async def first_result() -> None:
            store = await running.client(notebook)
            await make_cell(store)
            watch = ResultWatch(store)
            await watch.expect(request(store, "1"))
            await store.close()

        asyncio.run(first_result())
        return running.server_s, running.server_s + time.perf_counter() - begun
