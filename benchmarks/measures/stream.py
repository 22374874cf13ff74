"""100,000 printed lines of one cell, until client B has them all and the end. The peers' "stdout"."""

import asyncio
import statistics
import time
from collections.abc import Sequence

from runtime_schema.queries import ALL_CHUNKS, ALL_OUTPUTS, OutputRow
from runtime_store import Store

from .clients import finished, make_cell, request, runtime_ready
from .stack import Stack, stack

LINES, ROUNDS = 100_000, 5


def measure() -> dict[str, float]:
    """Give {lines_per_s, first_output_ms, events}: medians of rounds; events are those of one round's text."""
    with stack() as running:
        notebook = running.notebook()
        running.runtime(notebook)
        rounds = asyncio.run(_measure(running, notebook))
    rates, firsts, events = zip(*rounds, strict=True)
    return {
        "lines_per_s": round(statistics.median(rates)),
        "first_output_ms": round(statistics.median(firsts), 2),
        "events": round(statistics.median(events)),
    }


class _FirstOutput:
    def __init__(self, store: Store) -> None:
        self.wanted, self.seen = "", 0.0
        self.end = store.subscribe(ALL_OUTPUTS, self._look)

    def _look(self, rows: Sequence[OutputRow]) -> None:
        if not self.seen and rows and rows[0].execution_id == self.wanted:
            self.seen = time.perf_counter()


async def _measure(running: Stack, notebook: str) -> list[tuple[float, float, int]]:
    a, b = await running.client(notebook), await running.client(notebook)
    await make_cell(a)
    await runtime_ready(b)
    made: list[tuple[float, float, int]] = []
    for _ in range(ROUNDS + 1):
        watch = _FirstOutput(b)
        begun = time.perf_counter()
        execution_id = watch.wanted = request(a, f"for i in range({LINES}): print('line', i)")
        await finished(b, execution_id)
        seconds = time.perf_counter() - begun
        chunks = b.query(ALL_CHUNKS)
        lines = sum(chunk.text.count("\n") for chunk in chunks)
        if lines != LINES:
            raise RuntimeError(f"{lines} of {LINES} lines arrived")
        made.append((LINES / seconds, (watch.seen - begun) * 1e3, len(chunks)))
        watch.end()
    await a.close()
    await b.close()
    return made[1:]
