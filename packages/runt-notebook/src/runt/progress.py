"""What `runt run` shows while it runs: a bar on a terminal, a line a cell elsewhere; and the cell that failed at the end."""

import re
import sys
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, final

from runtime_schema.outputs import ClearOutput, DisplayData, DisplayUpdate, ErrorOutput, ExecuteResult, Output, StreamText

if TYPE_CHECKING:
    from rich.progress import TaskID

    from .headless import CellEnd, RunReport

_WIDTH = 60
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_BLANK = re.compile(r"\s*(#.*)?")


@final
class LineWatcher:
    """Writes a line for each cell that ended; `name` stands before it where several notebooks run."""

    def __init__(self, out: IO[str], name: str = "") -> None:
        self._out = out
        self._name = f"{name}: " if name else ""
        self._total = 0

    def started(self, total: int) -> None:
        """Remember how many there are."""
        self._total = total

    def cell_started(self, place: int, source: str) -> None:
        """Say nothing yet."""

    def cell_ended(self, end: "CellEnd") -> None:
        """Write the line."""
        width = len(str(self._total))
        self._out.write(
            f"{self._name}[{end.place:>{width}}/{self._total}] {end.status:<9} {end.seconds:7.2f} s  {first_line(end.source)}\n"
        )

    def output(self, output: Output) -> None:
        """Write none: `--watch` does."""


@final
class OutputWatcher:
    """Writes what cells put out as it comes: text as it is, a line for what is not text.

    Args:
        out: Where to.
        name: Stands before each line where several notebooks run.
        colour: Whether escape codes are kept.
    """

    def __init__(self, out: IO[str], name: str = "", *, colour: bool = False) -> None:
        self._out = out
        self._name = f"{name}: " if name else ""
        self._colour = colour
        self._total = 0
        self._begun = ""
        """The line that has no end yet."""

    def started(self, total: int) -> None:
        """Remember how many there are."""
        self._total = total

    def cell_started(self, place: int, source: str) -> None:
        """Say which."""
        self._write_lines(f"[{place}/{self._total}] {first_line(source)}\n")

    def cell_ended(self, end: "CellEnd") -> None:
        """Say how, unless it went well."""
        if end.status != "ok":
            self._write_lines(f"[{end.place}/{self._total}] {end.status} after {end.seconds:.2f} s\n")

    def output(self, output: Output) -> None:
        """Write it."""
        match output:
            case StreamText(text=text):
                self._write(text)
            case ErrorOutput(name=name, value=value, traceback=traceback):
                self._write_lines("\n".join(traceback or (f"{name}: {value}",)) + "\n")
            case DisplayData(bundle=bundle) | ExecuteResult(bundle=bundle) | DisplayUpdate(bundle=bundle):
                rich = sorted(mime for mime in bundle if mime != "text/plain")
                self._write_lines(bundle.get("text/plain", "") + (f"  [{', '.join(rich)}]" if rich else "") + "\n")
            case ClearOutput():
                pass  # what a person has read cannot be taken back

    def _write_lines(self, text: str) -> None:
        self._write(f"\n{text}" if self._begun else text)

    def _write(self, text: str) -> None:
        if not self._colour:
            text = _ANSI.sub("", text)
        if self._name:  # others write too: only whole lines
            whole, ended, self._begun = (self._begun + text).rpartition("\n")
            text = "".join(f"{self._name}{line}\n" for line in whole.split("\n")) if ended else ""
        elif text:
            self._begun = text.rpartition("\n")[2]
        self._out.write(text)
        self._out.flush()


@final
class QuietWatcher:
    """Shows nothing."""

    def started(self, total: int) -> None:
        """Say nothing."""

    def cell_started(self, place: int, source: str) -> None:
        """Say nothing."""

    def cell_ended(self, end: "CellEnd") -> None:
        """Say nothing."""

    def output(self, output: Output) -> None:
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

    def output(self, output: Output) -> None:
        """Show none: `--watch` does."""


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
    cells += f" ({report.kept} kept from before)" if report.kept else ""
    failed = report.failed
    if report.interrupted:
        what = "interrupted"
    elif failed is not None:
        what = f"cell {failed.place} failed with {failed.error_name or failed.status}"
    elif report.left:
        what = "ok, ended by exit()"
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
