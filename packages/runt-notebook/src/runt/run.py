"""`runt run` as a person sees it: progress, the cell that failed, the summary, the file, the exit status."""

import asyncio
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .errors import UsageError
from .files import read_file, write_whole
from .headless import RunReport, Watcher, run_notebook
from .progress import BarWatcher, LineWatcher, QuietWatcher, is_terminal, summary, write_failure

INTERRUPTED = 130


def run_file(file: Path, output: Path | None, cwd: Path | None, *, as_json: bool) -> int:
    """Run a file and show how it goes; returns the status to exit with.

    Raises:
        UsageError: The file or the folder does not exist.
        FailedError: The file is no notebook, the result cannot be written, or the runtime cannot start.
    """
    content = read_file(file)
    folder = (file.resolve().parent if cwd is None else cwd).absolute()
    if not folder.is_dir():
        raise UsageError("no-folder", f"{folder} is not a folder")
    if output is not None:
        _check_writable(output)
    with ExitStack() as stack:
        report = asyncio.run(run_notebook(content.notebook, folder, _watcher(stack, as_json)))
    if output is not None:
        write_whole(output, report.output)
    failed = report.failed
    if as_json:
        sys.stdout.write(json.dumps(_as_json(report, output)) + "\n")
    else:
        if failed is not None:
            write_failure(failed, sys.stderr, colour=is_terminal(sys.stderr) and "NO_COLOR" not in os.environ)
        sys.stderr.write(summary(report, file.name) + (f", written to {output}\n" if output is not None else "\n"))
    if report.interrupted:
        return INTERRUPTED
    return 1 if failed is not None or len(report.cells) < report.total else 0


def _watcher(stack: ExitStack, as_json: bool) -> Watcher:
    if as_json:
        return QuietWatcher()
    if is_terminal(sys.stderr):
        return stack.enter_context(BarWatcher())
    return LineWatcher(sys.stderr)


def _check_writable(output: Path) -> None:
    """Say before an hour of work that its result has no place."""
    folder = output.resolve().parent
    if not folder.is_dir():
        raise UsageError("no-folder", f"{output} cannot be written: there is no folder {folder}")
    if output.is_dir():
        raise UsageError("no-file", f"{output} cannot be written: it is a folder")


def _as_json(report: RunReport, output: Path | None) -> dict[str, Any]:  # Any: JSON
    return {
        "status": "interrupted" if report.interrupted else "error" if report.failed is not None else "ok",
        "seconds": round(report.seconds, 3),
        "total": report.total,
        "output": None if output is None else str(output),
        "cells": [
            {
                "place": cell.place,
                "cellId": cell.cell_id,
                "status": cell.status,
                "seconds": cell.seconds,
                "errorName": cell.error_name or None,
                "errorValue": cell.error_value or None,
            }
            for cell in report.cells
        ],
    }
