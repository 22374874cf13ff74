"""What `runt run` shows while it runs: a bar on a terminal, a line a cell elsewhere; and the cell that failed at the end."""

import re
import sys
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, final

if TYPE_CHECKING:
    from rich.progress import TaskID

    from .headless import CellEnd, RunReport

_WIDTH = 60
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_BLANK = re.compile(r"\s*(#.*)?")


@final
class LineWatcher:
    """Writes a line for each cell that ended."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._total = 0

    def started(self, total: int) -> None:
        """Remember how many there are."""
        self._total = total

    def cell_started(self, place: int, source: str) -> None:
        """Say nothing yet."""

    def cell_ended(self, end: "CellEnd") -> None:
        """Write the line."""
        width = len(str(self._total))
        self._out.write(f"[{end.place:>{width}}/{self._total}] {end.status:<9} {end.seconds:7.2f} s  {first_line(end.source)}\n")


@final
class QuietWatcher:
    """Shows nothing."""

    def started(self, total: int) -> None:
        """Say nothing."""

    def cell_started(self, place: int, source: str) -> None:
        """Say nothing."""

    def cell_ended(self, end: "CellEnd") -> None:
        """Say nothing."""


@final
class BarWatcher:
    """Moves a bar on a terminal; use as a context manager."""

    def __init__(self) -> None:
        from rich.console import Console  # heavy: only a terminal needs it
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
        self._progress: Progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: TaskID | None = None
        self._shown_s = 0.0

    def __enter__(self) -> "BarWatcher":
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._progress.stop()

    def started(self, total: int) -> None:
        """Make the bar."""
        self._task = self._progress.add_task("", total=total)

    def cell_started(self, place: int, source: str) -> None:
        """Show what runs, at most some times a second."""
        now = time.monotonic()
        if self._task is not None and now - self._shown_s > 0.05:
            self._shown_s = now
            self._progress.update(self._task, description=first_line(source))

    def cell_ended(self, end: "CellEnd") -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.advance(self._task)


def first_line(source: str) -> str:
    """Give the first line of a cell that says something, cut to fit."""
    lines = [line.strip() for line in source.splitlines()]
    line = next((line for line in lines if not _BLANK.fullmatch(line)), lines[0] if lines else "")
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


def write_failure(end: "CellEnd", out: IO[str], *, colour: bool) -> None:
    """Show the cell that failed: its source with line numbers, and its traceback."""
    out.write(f"\ncell {end.place} ({end.cell_id}) failed:\n\n")
    lines = end.source.splitlines()
    width = len(str(len(lines)))
    out.writelines(f"  {number:>{width}} │ {line}\n" for number, line in enumerate(lines, 1))
    traceback = "\n".join(end.traceback) or f"{end.error_name}: {end.error_value}"
    out.write(f"\n{traceback if colour else _ANSI.sub('', traceback)}\n\n")


def summary(report: "RunReport", name: str) -> str:
    """Say in one line what became of the notebook."""
    ran = len(report.cells)
    cells = f"{ran} of {report.total} cells" if ran != report.total else f"{ran} {'cell' if ran == 1 else 'cells'}"
    failed = report.failed
    if report.interrupted:
        what = "interrupted"
    elif failed is not None:
        what = f"cell {failed.place} failed with {failed.error_name or failed.status}"
    else:
        what = "ok"
    return f"{name}: {what}, {cells} in {report.seconds:.1f} s"


def is_terminal(stream: IO[str]) -> bool:
    """Tell whether a person reads the stream as it comes."""
    with suppress(ValueError):
        return stream.isatty()
    return False


def stderr() -> IO[str]:
    """Give where everything goes that is not the result."""
    return sys.stderr
