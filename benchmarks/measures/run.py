"""A notebook of 100 cells of `1` without a browser. The peers' "runners": warm is from the first cell's start to the last's end."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from runt.headless import CellEnd, RunOptions, RunReport, run_notebook
from runtime_schema.ipynb import FileCell, NotebookFile
from runtime_schema.outputs import Output

CELLS, ROUNDS = 100, 5


class _Stopwatch:
    """Hears of the cells and keeps the first one's start and the last one's end."""

    def __init__(self) -> None:
        self.first = self.last = 0.0

    def started(self, total: int) -> None:
        pass

    def cell_started(self, place: int, source: str) -> None:
        self.first = self.first or time.perf_counter()

    def cell_ended(self, end: CellEnd) -> None:
        self.last = time.perf_counter()

    def output(self, output: Output) -> None:
        pass


def measure() -> dict[str, float]:
    """Give {cells_per_s_warm, cells_per_s_total}: medians; the second has start and stop of the runtime in it."""
    warm, total = zip(*(_once() for _ in range(ROUNDS)), strict=True)
    return {"cells_per_s_warm": round(statistics.median(warm), 1), "cells_per_s_total": round(statistics.median(total), 1)}


async def _run(notebook: NotebookFile, options: RunOptions, watch: _Stopwatch) -> RunReport:
    return await run_notebook(notebook, options, watch, asyncio.Event())


def _once() -> tuple[float, float]:
    notebook = NotebookFile(cells=tuple(FileCell(id=f"c{n}", cell_type="code", source="1") for n in range(CELLS)), metadata={})
    watch = _Stopwatch()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(_run(notebook, RunOptions(cwd=Path.cwd(), log=Path(folder)), watch))
    seconds = time.perf_counter() - begun
    if report.failed is not None or len(report.cells) != CELLS:
        raise RuntimeError("not every cell ran")
    return CELLS / (watch.last - watch.first), CELLS / seconds
