"""`1` executed: requested by client A, its result seen in client B's store. The peers' "second client sees output"."""

import time

from runtime_node.event_loop import run_program

from .clients import ResultWatch, finished, make_cell, request, runtime_ready
from .stack import Stack, percentile, stack

ROUNDS, WARM = 500, 50


def measure() -> dict[str, float]:
    """Give {p50_ms, p99_ms}."""
    with stack() as running:
        notebook = running.notebook()
        running.runtime(notebook)
        times = run_program(_measure(running, notebook))
    return {"p50_ms": round(percentile(times, 50), 3), "p99_ms": round(percentile(times, 99), 3)}


async def _measure(running: Stack, notebook: str) -> list[float]:
    a, b = await running.client(notebook), await running.client(notebook)
    await make_cell(a)
    await runtime_ready(b)
    watch = ResultWatch(b)
    times: list[float] = []
    for place in range(WARM + ROUNDS):
        begun = time.perf_counter()
        execution_id = request(a, "1")
        await watch.expect(execution_id)
        if place >= WARM:
            times.append((time.perf_counter() - begun) * 1e3)
        await finished(a, execution_id)
    await a.close()
    await b.close()
    return times
