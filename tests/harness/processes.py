"""Processes of the product: started with their output kept, and ended by pid whatever becomes of the test.

An agent outlives its server on purpose, so every process carries a mark in its environment by which its kin are found.
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar, final

import psutil

from .waiting import until

T = TypeVar("T")

_MARK = "RUNT_TEST_MARK"
_ENDED_WITHIN_S = 5.0
# Nothing of the person's own settings or tokens reaches a test.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("RUNT_")}


RUNT = (sys.executable, "-m", "runt")
"""The `runt` of this checkout."""


@final
class Process:
    """One started command. `Processes` ends it."""

    def __init__(self, command: list[str], cwd: Path, output: Path, environment: Mapping[str, str]) -> None:
        self.command = command
        self._output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.pid = self._process.pid

    @property
    def output(self) -> str:
        """What it has written, both streams."""
        return self._output.read_text(errors="replace")

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll()

    def story(self) -> str:
        """Tell what it is, whether it runs, and what it wrote, for a failed assertion."""
        state = "running" if self.status is None else f"ended with {self.status}"
        return f"--- {' '.join(self.command)} (pid {self.pid}, {state}) wrote:\n{self.output[-4000:]}"

    async def said(self, look: Callable[[str], T | None], *, within_s: float, what: str) -> T:
        """Wait for something in the output.

        Raises:
            AssertionError: It did not come, or the process ended.
        """

        def look_once() -> T | None:
            ended = self.status is not None  # asked first: the output of an ended process is complete
            found = look(self.output)
            if found is None and ended:
                raise AssertionError(f"ended instead of {what}\n{self.story()}")
            return found

        return await until(look_once, within_s=within_s, what=what, seen=self.story)

    def kill9(self) -> None:
        """End it with no chance to say goodbye."""
        self._process.kill()
        self._process.wait(_ENDED_WITHIN_S)

    async def stop(self, within_s: float = 20.0) -> int:
        """Ask it to end; gives its exit status."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        return await self.ended(within_s)

    async def ended(self, within_s: float) -> int:
        """Wait for its end; gives its exit status."""
        return await until(lambda: self.status, within_s=within_s, what="the end of the process", seen=self.story)


@final
class Processes:
    """Starts commands and ends them with all their kin."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = secrets.token_hex(8)
        self._started: list[Process] = []

    def start(self, command: list[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> Process:
        """Start a command; its output goes to a file."""
        output = self._folder / f"output-{len(self._started)}.txt"
        process = Process(command, cwd or self._folder, output, {**_ENVIRONMENT, **(environment or {}), _MARK: self._mark})
        self._started.append(process)
        return process

    def kin(self) -> list[psutil.Process]:
        """Find every process that was started here, or by one that was."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == self._mark:
                    found.append(process)
        return found

    def end(self) -> None:
        """End them all by pid, and theirs; print what they wrote, which is shown where a test failed."""
        for process in self._started:
            print(process.story())
        while kin := self.kin():
            for process in kin:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(kin, _ENDED_WITHIN_S)
        for process in self._started:
            process.kill9()


@contextmanager
def processes(folder: Path) -> Generator[Processes]:
    """Start processes inside a `with`; none is left behind it."""
    made = Processes(folder)
    try:
        yield made
    finally:
        made.end()


def run_to_end(
    words: list[str], *, cwd: Path, environment: Mapping[str, str] | None = None, within_s: float = 60.0
) -> tuple[int, str, str]:
    """Run `runt …` to its end; gives exit status, stdout and stderr."""
    found = subprocess.run(
        [*RUNT, *words],
        cwd=cwd,
        env={**_ENVIRONMENT, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    return found.returncode, found.stdout, found.stderr
