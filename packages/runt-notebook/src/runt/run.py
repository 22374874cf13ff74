"""`runt run` as a person sees it: progress, the cell that failed, the summary, the files, the exit status."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runtime_node.event_loop import run_program
from runtime_node.signals import StopSignals
from runtime_store import StoreFileError

from .errors import RuntError, UsageError
from .files import Content, read_file, write_whole
from .headless import RunOptions, RunReport, Watcher, run_notebook
from .kernels import choose_kernel, language_of
from .parameters import Value, inject
from .progress import BarWatcher, LineWatcher, OutputWatcher, QuietWatcher, is_terminal, summary, write_failure
from .resume import log_folder, remove_log

INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWish:
    """What a person asked `runt run` for; `runs` is the folder of the logs of runs."""

    files: Sequence[Path]
    output: Path | None = None
    inplace: bool = False
    cwd: Path | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict[str, Value])
    kernel: str | None = None
    timeout_s: float | None = None
    allow_errors: bool = False
    jobs: int = 1
    watch: bool = False
    resume: bool = False
    as_json: bool = False
    runs: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One file that is to run, and the folder of its log."""

    file: Path
    output: Path | None
    content: Content
    options: RunOptions
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    job: _Job
    report: RunReport | None
    problem: RuntError | None = None

    @property
    def well(self) -> bool:
        """Whether it ran as it should."""
        return self.report is not None and self.report.well


def run_files(wish: RunWish) -> int:
    """Run files and show how it goes; returns the status to exit with.

    Raises:
        UsageError: A file or folder does not exist, or what was asked for does not fit together.
        FailedError: A file is no notebook, a result cannot be written, or a runtime cannot start.
    """
    jobs = [_job(file, wish) for file in wish.files]
    with ExitStack() as stack:
        done = run_program(_run_all(jobs, wish, stack))
    if len(done) == 1 and done[0].problem is not None:
        raise done[0].problem
    well = all(one.well for one in done)
    if wish.as_json:
        told = [_as_json(one) for one in done]
        sys.stdout.write(json.dumps(told[0] if len(told) == 1 else {"status": "ok" if well else "error", "notebooks": told}) + "\n")
    if any(one.report is not None and one.report.interrupted for one in done):
        return INTERRUPTED
    return 0 if well else 1


def _job(file: Path, wish: RunWish) -> _Job:
    content = read_file(file)
    folder = (file.resolve().parent if wish.cwd is None else wish.cwd).absolute()
    if not folder.is_dir():
        raise UsageError("no-folder", f"{folder} is not a folder")
    output = file if wish.inplace else wish.output
    if output is not None and not wish.inplace and len(wish.files) > 1:
        if not output.is_dir():
            raise UsageError("no-folder", f"{output} is not a folder: the results of several notebooks go into one")
        output = output / file.name
    if output is not None:
        _check_writable(output)
    log = log_folder(wish.runs, file, content.data, json.dumps([dict(wish.parameters), wish.kernel]))
    kernel = choose_kernel(content.notebook, wish.kernel, _installed_kernels)
    options = RunOptions(cwd=folder, kernel=kernel, timeout_s=wish.timeout_s, allow_errors=wish.allow_errors, log=log)
    return _Job(file=file, output=output, content=content, options=options, log=log)


def _installed_kernels() -> Sequence[str]:
    from runtime_node.jupyter_kernel import kernel_names  # only those who name a kernel pay for it

    return kernel_names()


async def _run_all(jobs: Sequence[_Job], wish: RunWish, stack: ExitStack) -> list[_Done]:
    places = asyncio.Semaphore(wish.jobs)
    with StopSignals() as signals:

        async def run(job: _Job) -> _Done:
            async with places:
                return await _run(job, wish, _watcher(job, wish, stack), signals.asked)

        return list(await asyncio.gather(*map(run, jobs)))


async def _run(job: _Job, wish: RunWish, watcher: Watcher, stop: asyncio.Event) -> _Done:
    try:
        notebook = inject(job.content.notebook, wish.parameters, language_of(job.content.notebook))
        if not wish.resume:
            remove_log(job.log)
        elif not job.log.exists() and not wish.as_json:
            sys.stderr.write(f"{job.file.name}: there is no run to go on with; it begins with the first cell\n")
        options = job.options if _can_keep(job.log) else replace(job.options, log=None)
        report = await run_notebook(notebook, options, watcher, stop)
        if job.output is not None:
            await asyncio.to_thread(write_whole, job.output, report.output)
    except StoreFileError as exc:
        return _fail(job, wish, UsageError("run-in-use", f"{job.file} is being run just so by another process: {exc}"))
    except RuntError as exc:
        return _fail(job, wish, exc)
    if not report.interrupted:
        remove_log(job.log)
    if not wish.as_json:
        if report.failed is not None and not wish.watch:
            write_failure(report.failed, sys.stderr, colour=_colour())
        sys.stderr.write(summary(report, job.file.name) + (f", written to {job.output}\n" if job.output is not None else "\n"))
    return _Done(job=job, report=report)


def _can_keep(log: Path) -> bool:
    try:
        log.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return False  # it runs without a log, and cannot be resumed
    return True


def _fail(job: _Job, wish: RunWish, problem: RuntError) -> _Done:
    if len(wish.files) > 1 and not wish.as_json:
        sys.stderr.write(f"{job.file.name}: {problem}\n")
    return _Done(job=job, report=None, problem=problem)


def _watcher(job: _Job, wish: RunWish, stack: ExitStack) -> Watcher:
    name = job.file.name if len(wish.files) > 1 else ""
    if wish.watch:
        return OutputWatcher(sys.stderr if wish.as_json else sys.stdout, name, colour=_colour())
    if wish.as_json:
        return QuietWatcher()
    if is_terminal(sys.stderr) and not name:
        return stack.enter_context(BarWatcher())
    return LineWatcher(sys.stderr, name)


def _colour() -> bool:
    return is_terminal(sys.stderr) and "NO_COLOR" not in os.environ


def _check_writable(output: Path) -> None:
    """Say before an hour of work that its result has no place."""
    folder = output.resolve().parent
    if not folder.is_dir():
        raise UsageError("no-folder", f"{output} cannot be written: there is no folder {folder}")
    if output.is_dir():
        raise UsageError("no-file", f"{output} cannot be written: it is a folder")


def _as_json(done: _Done) -> dict[str, Any]:  # Any: JSON
    job, report = done.job, done.report
    if report is None:
        assert done.problem is not None
        return {"file": str(job.file), "status": "error", "code": done.problem.code, "message": done.problem.message}
    return {
        "file": str(job.file),
        "status": "interrupted" if report.interrupted else "ok" if report.well else "error",
        "seconds": round(report.seconds, 3),
        "total": report.total,
        "kept": report.kept,
        "output": None if job.output is None else str(job.output),
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
