"""A result of 10 MB: from the cell's request to its end at the engine, as the peers' kernel is measured, and to another client."""

import asyncio
import statistics
import time

from .clients import ResultWatch, finished, make_cell, request, runtime_ready
from .engine import started
from .stack import Stack, stack

ROUNDS = 9
TEXT = "'x' * 10_000_000"
HTML = "from IPython.display import display\ndisplay({'text/html': 'x' * 10_000_000}, raw=True)"


def measure() -> dict[str, float]:
    """Give {text_ms, display_ms} of the engine, and {client_ms} until another client sees the text, kept durably: medians."""
    text, display = asyncio.run(_engine())
    with stack() as running:
        notebook = running.notebook()
        running.runtime(notebook)
        clients = asyncio.run(_clients(running, notebook))
    return {
        "text_ms": round(statistics.median(text), 1),
        "display_ms": round(statistics.median(display), 1),
        "client_ms": round(statistics.median(clients), 1),
    }


async def _engine() -> tuple[list[float], list[float]]:
    async with started() as bench:
        kinds: list[list[float]] = []
        for source in (TEXT, HTML):
            await bench.run(source)
            times: list[float] = []
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                await bench.run(source)
                times.append((time.perf_counter() - begun) * 1e3)
            kinds.append(times)
    return kinds[0], kinds[1]


async def _clients(running: Stack, notebook: str) -> list[float]:
    a, b = await running.client(notebook), await running.client(notebook)
    await make_cell(a)
    await runtime_ready(b)
    watch = ResultWatch(b)
    times: list[float] = []
    for place in range(ROUNDS + 1):
        begun = time.perf_counter()
        execution_id = request(a, f"{TEXT} + '{place}'")  # other bytes each time, or nothing would be uploaded
        await watch.expect(execution_id)
        times.append((time.perf_counter() - begun) * 1e3)
        await finished(a, execution_id)
    await a.close()
    await b.close()
    return times[1:]
