"""The agent's process beside a server: starts it so that it outlives us, notices its end, starts it again, stops it politely.

Whether to do so is `supervise`'s decision.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast, final

from runtime_node import is_same_process, process_created_s, write_private

from .supervise import AgentProcess, Ending, Restart, after_ending, may_stay

STOP_S = 15.0
_POLL_S = 0.2
_LOG_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOrder:
    """Which agent to start. The token is in a file, so that no list of processes shows it."""

    notebook: str
    server: str
    runtime: str
    runtime_id: str
    token_file: Path
    cwd: Path
    data: Path

    @property
    def command(self) -> list[str]:
        """The command line."""
        told = {
            "--notebook": self.notebook,
            "--server": self.server,
            "--token-file": str(self.token_file),
            "--runtime": self.runtime,
            "--runtime-id": self.runtime_id,
            "--cwd": str(self.cwd),
            "--data": str(self.data),
        }
        return [sys.executable, "-m", "runt", "agent", *(f"{flag}={value}" for flag, value in told.items())]

    @property
    def process(self) -> AgentProcess:
        """What would be noted of it."""
        return AgentProcess(
            pid=0, created_s=0, notebook=self.notebook, server=self.server, runtime=self.runtime, runtime_id=self.runtime_id
        )

    @property
    def folder(self) -> Path:
        """Where its note and its log are."""
        return self.data / "agents"

    @property
    def log_file(self) -> Path:
        """What it wrote to stderr."""
        return self.folder / f"{self.notebook}.log"

    @property
    def note_file(self) -> Path:
        """Which process it is."""
        return self.folder / f"{self.notebook}.json"


@final
class Supervisor:
    """Keeps one agent running.

    Args:
        order: Which one.
        on_death: Called at once when its process is gone without being asked to.
        ended_reason: Tells why the runtime's session ended, as the notebook has it.
        say: Tells a person.
    """

    def __init__(
        self, order: AgentOrder, *, on_death: Callable[[], None], ended_reason: Callable[[], str | None], say: Callable[[str], None]
    ) -> None:
        self._order = order
        self._on_death = on_death
        self._ended_reason = ended_reason
        self._say = say
        self._child: asyncio.subprocess.Process | None = None
        self._process: AgentProcess | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The agent's process, while there is one."""
        return None if self._process is None else self._process.pid

    async def run(self) -> None:
        """Adopt the agent that is there or start one, and again whenever it should; returns when none should be started."""
        in_a_row = 0
        self._process = self._adopt() or await self._start()
        while True:
            began = time.monotonic()
            status = await self._wait()
            self._process = None
            if self._stopping:
                return
            self._on_death()
            ending = Ending(status=status, reason=self._ended_reason(), up_s=time.monotonic() - began)
            match after_ending(ending, in_a_row):
                case Restart(delay_s, in_a_row):
                    self._say(f"the runtime's process {_how(status)}; it is started again (its log: {self._order.log_file})")
                    await asyncio.sleep(delay_s)
                    if self._stopping:
                        return
                    self._process = await self._start()
                case down:
                    line = down.line or f"the runtime was stopped; `runt agent --notebook {self._order.notebook}` starts one again"
                    words = "" if status in (None, 0) else self._last_words()
                    self._say(f"{line}{words} (its log: {self._order.log_file})")
                    return

    async def stop(self) -> None:
        """Ask the agent to end its session, and end it by force when it does not."""
        self._stopping = True
        process = self._process
        if process is None or not is_same_process(process.pid, process.created_s):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await self._wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            await self._wait()
        with contextlib.suppress(FileNotFoundError):
            self._order.note_file.unlink()

    def _last_words(self) -> str:
        lines = self._order.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        return f": {lines[-1].removeprefix('runt agent: ')}" if lines else ""

    async def _start(self) -> AgentProcess:
        order = self._order
        order.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        environ = {name: value for name, value in os.environ.items() if name != "RUNT_TOKEN"}  # the order names a token of its own
        is_long = order.log_file.exists() and order.log_file.stat().st_size > _LOG_BYTES
        with order.log_file.open("wb" if is_long else "ab") as log:
            # A session of its own: neither our end nor a Ctrl-C in our terminal ends it.
            self._child = await asyncio.create_subprocess_exec(
                *order.command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=environ, start_new_session=True
            )
        pid = self._child.pid
        process = replace(order.process, pid=pid, created_s=process_created_s(pid) or 0.0)
        write_private(order.note_file, json.dumps(asdict(process)))
        return process

    def _adopt(self) -> AgentProcess | None:
        try:
            noted: Any = json.loads(self._order.note_file.read_text(encoding="utf-8"))  # Any: checked by the constructor's names
            found = AgentProcess(**cast("dict[str, Any]", noted))
        except (OSError, ValueError, TypeError):
            return None
        if not is_same_process(found.pid, found.created_s):
            return None
        if may_stay(found, self._order.process):
            return found
        with contextlib.suppress(ProcessLookupError):  # of an earlier order: for another address, or of another type
            os.kill(found.pid, signal.SIGTERM)
        return None

    async def _wait(self) -> int | None:
        process = self._process
        if process is None:
            return None
        if self._child is not None and self._child.pid == process.pid:
            return await self._child.wait()
        while is_same_process(process.pid, process.created_s):  # noqa: ASYNC110  # nobody tells of the end of another's child
            await asyncio.sleep(_POLL_S)
        return None


def _how(status: int | None) -> str:
    if status is None:
        return "ended"
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
