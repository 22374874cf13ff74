"""100,000 printed lines of one cell, until client B has them all and the end; and how long one line takes. The peers' "stdout"."""

import asyncio
import statistics
import time
from collections.abc import Sequence

from runtime_schema.queries import ALL_CHUNKS, ALL_OUTPUTS, ChunkRow, OutputRow
from runtime_store import Store

from .clients import finished, make_cell, request, runtime_ready
from .stack import Stack, stack

LINES, ROUNDS = 100_000, 5
PRINTS = 30
PRINT = "import time\nprint(time.time())\ntime.sleep(0.1)"


def measure() -> dict[str, float]:
    """Give {lines_per_s, first_output_ms, events, print_p50_ms}: medians; events are those of one round's text.

    `first_output_ms` counts from the request, `print_p50_ms` from the call of print() to the row that client B sees.
    """
    with stack() as running:
        notebook = running.notebook()
        running.runtime(notebook)
        rounds, prints = asyncio.run(_measure(running, notebook))
    rates, firsts, events = zip(*rounds, strict=True)
    return {
        "lines_per_s": round(statistics.median(rates)),
        "first_output_ms": round(statistics.median(firsts), 2),
        "events": round(statistics.median(events)),
        "print_p50_ms": round(statistics.median(prints), 2),
    }


class _FirstOutput:
    def __init__(self, store: Store) -> None:
        self.wanted, self.seen = "", 0.0
        self.end = store.subscribe(ALL_OUTPUTS, self._look)

    def _look(self, rows: Sequence[OutputRow]) -> None:
        if not self.seen and rows and rows[0].execution_id == self.wanted:
            self.seen = time.perf_counter()


async def _measure(running: Stack, notebook: str) -> tuple[list[tuple[float, float, int]], list[float]]:
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
    prints = [await _print(a, b) for _ in range(PRINTS)]
    await a.close()
    await b.close()
    return made[1:], prints


async def _print(a: Store, b: Store) -> float:
    seen: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def look(rows: Sequence[ChunkRow]) -> None:
        text = "".join(row.text for row in rows)
        if len(rows) == 1 and not seen.done() and text[:1].isdigit():
            seen.set_result(time.time() - float(text))

    execution_id = request(a, PRINT)
    end = b.subscribe(ALL_CHUNKS, look)
    await finished(b, execution_id)
    end()
    return await seen * 1e3
