"""The Engine port as a child process: starts it, carries cells in and outputs out, interrupts it, ends it and its group.

What the child prints through Python comes as frames; what C code and subprocesses print is read here, from the child's
file descriptors 1 and 2, so it is seen even when the child is stuck.
"""

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, final

from runtime_core.errors import EngineDiedError, EngineStartError, InputUnavailableError
from runtime_core.ports import Engine, EngineSink
from runtime_schema.outputs import ExecuteReply, StreamText

from . import child
from .captured import Captured, Source
from .child import FrameReader, encode_frame, unpack_output

NAME = "the Python engine"
START_TIMEOUT_S = 60.0
CAPTURE_BYTES = 65536
DRAIN_BYTES = 1_048_576  # the most a pipe of Linux holds
SETTLE_S = 1.0


@final
class SubprocessEngine(Engine):
    """Runs user code in a child process of its own session.

    Args:
        python: The interpreter and its options; it must be able to import `runtime_python`.
        cwd: Where user code runs; by default where the agent runs.
        env: Variables to set for user code, over the agent's own.
        grace_s: How long the child may take to end when asked, before it is ended by force.
    """

    def __init__(
        self,
        *,
        python: Sequence[str] = (sys.executable,),
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        grace_s: float = 2.0,
    ) -> None:
        self._python = tuple(python)
        self._cwd = cwd
        self._env = dict(env or {})
        self._grace_s = grace_s
        self._sink: EngineSink | None = None
        self._life: _Life | None = None
        self._info: Mapping[str, str] = {}

    @property
    def info(self) -> Mapping[str, str]:
        return self._info

    async def start(self, sink: EngineSink) -> None:
        self._sink = sink
        life = _Life(sink)
        self._life = life
        try:
            await life.spawn(self._python, self._cwd, self._env)
            self._info = await life.wait_ready()
        except BaseException:
            self._life = None
            await life.end(0)
            raise

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        if self._life is None:
            raise EngineDiedError("is not running")
        return await self._life.execute(execution_id, source, execution_count)

    async def interrupt(self, execution_id: str) -> None:
        if self._life is not None:
            self._life.interrupt(execution_id)

    async def restart(self) -> None:
        if self._sink is None:
            raise EngineStartError(NAME, "it was never started")
        await self.stop()
        await self.start(self._sink)

    async def stop(self) -> None:
        life, self._life = self._life, None
        if life is not None:
            await life.end(self._grace_s)


@final
class _Life:
    """One child process, from its start to its end."""

    def __init__(self, sink: EngineSink) -> None:
        self._sink = sink
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._sending = asyncio.Lock()
        self._lifeline = self._interrupts = -1
        self._sources: list[Source] = []
        self._captured: list[Captured] = []
        self._ready: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        self._replies: dict[str, asyncio.Future[ExecuteReply]] = {}
        self._questions: dict[asyncio.Task[None], str] = {}
        self._current = ""
        self._messages: int | None = 0  # None when no more come
        self._watcher: asyncio.Task[None] | None = None
        self._asked_to_end = False
        self._ended: str | None = None

    async def spawn(self, python: Sequence[str], cwd: str | Path | None, env: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._control = ours
        read_interrupts, self._interrupts = os.pipe()
        read_lifeline, self._lifeline = os.pipe()
        (read_out, out), (read_err, err) = os.pipe(), os.pipe()
        token = secrets.token_hex(8)
        self._captured = [Captured("stdout", read_out, token), Captured("stderr", read_err, token)]
        self._sources = [Source(ours.fileno()), *(captured.source for captured in self._captured)]
        given = (theirs.fileno(), read_interrupts, read_lifeline)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *python,
                "-P",  # or the folder of child.py would be searched for user code's imports
                child.__file__,
                *map(str, given),
                str(os.getpid()),
                token,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=given,
                cwd=cwd,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
                start_new_session=True,
            )
        except OSError as error:
            where = f" in {cwd}" if cwd is not None else ""
            raise EngineStartError(NAME, f"{python[0]}{where}: {error.strerror}", "check the interpreter and the working folder") from error
        finally:
            theirs.close()
            for fd in (read_interrupts, read_lifeline, out, err):
                os.close(fd)
        self._watcher = asyncio.create_task(self._watch(self._process))

    async def wait_ready(self) -> Mapping[str, str]:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                return await self._ready
        except TimeoutError:
            raise EngineStartError(NAME, f"it was not ready within {START_TIMEOUT_S:.0f} s") from None

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        if self._ended is not None:
            raise EngineDiedError(self._ended)
        reply: asyncio.Future[ExecuteReply] = asyncio.get_running_loop().create_future()
        self._replies[execution_id] = reply
        self._current = execution_id
        try:
            await self._send(["execute", execution_id, source, execution_count])
            return await reply
        finally:
            self._replies.pop(execution_id, None)

    def interrupt(self, execution_id: str) -> None:
        if execution_id in self._replies and self._ended is None and self._process is not None:
            os.write(self._interrupts, f"{execution_id}\n".encode())
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)

    async def end(self, grace_s: float) -> None:
        """End the child: by asking, by SIGINT to what runs, by SIGTERM, by SIGKILL."""
        self._asked_to_end = True
        process, watcher = self._process, self._watcher
        if process is None or watcher is None:
            self._close()
            return
        if grace_s > 0 and self._ended is None:
            for execution_id in self._replies:
                self.interrupt(execution_id)
            asking = asyncio.create_task(self._send(["stop"]))
            await asyncio.wait([watcher], timeout=grace_s)
            asking.cancel()
            if not watcher.done():
                process.terminate()
                await asyncio.wait([watcher], timeout=grace_s / 2)
        if not watcher.done():
            self._kill_group()
        await watcher

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        control = asyncio.create_task(self._read_control())
        pumps = [control, *(asyncio.create_task(self._pump(captured)) for captured in self._captured)]
        waiting = asyncio.create_task(process.wait())
        await asyncio.wait([control, waiting], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([waiting], timeout=SETTLE_S)
        lost_control = not waiting.done()
        self._kill_group()
        status = await waiting
        for source in self._sources:
            source.finish()
        # what it wrote before its end is still in the pipes; a sink that is not ready must not hold up an end that was asked for
        await asyncio.wait(pumps, timeout=SETTLE_S if self._asked_to_end else None)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._messages = None
        self._emit_captured()
        self._finish("closed its connection to the agent and was ended" if lost_control else _reason(status))

    def _finish(self, reason: str) -> None:
        self._ended = reason
        for question in self._questions:
            question.cancel()
        started = self._ready.done()
        if not started:
            said = "".join(captured.kept for captured in self._captured).strip()
            self._ready.set_exception(EngineStartError(NAME, f"it {reason}" + (f": {said[-2000:]}" if said else "")))
            self._ready.exception()  # it may have been given up on
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(EngineDiedError("was ended" if self._asked_to_end else reason))
        self._close()
        if started and not self._asked_to_end:
            self._sink.died(reason)

    def _close(self) -> None:
        for captured in self._captured:
            os.close(captured.source.fd)
        self._captured = []
        for fd in (self._lifeline, self._interrupts):
            if fd >= 0:
                os.close(fd)
        self._lifeline = self._interrupts = -1
        if self._control is not None:
            self._control.close()

    def _kill_group(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM when only zombies are left
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _send(self, message: list[Any]) -> None:
        if self._control is None:
            return
        async with self._sending:
            with suppress(ConnectionError):  # the child has ended: its watcher tells
                await asyncio.get_running_loop().sock_sendall(self._control, encode_frame(message))

    async def _read_control(self) -> None:
        source, frames, count = self._sources[0], FrameReader(), 0
        while (data := await source.next(child.READ_BYTES)) is not None:
            self._read_captured()  # all that was written before these frames were sent, and marks say between which
            for message in frames.feed(data):
                self._on_message(message)
                self._messages = count = count + 1
                self._emit_captured()
            await self._sink.ready()

    def _on_message(self, message: list[Any]) -> None:
        match message:
            case ["output", execution_id, packed]:
                self._sink.emit(execution_id, unpack_output(packed))
            case ["done", execution_id, status, name, value]:
                for question in [task for task, asker in self._questions.items() if asker == execution_id]:
                    question.cancel()
                reply = self._replies.get(execution_id)
                if reply is not None and not reply.done():
                    reply.set_result(ExecuteReply(status=status, error_name=name, error_value=value))
            case ["input", execution_id, number, prompt, password]:
                question = asyncio.create_task(self._ask(execution_id, number, prompt, password))
                self._questions[question] = execution_id
                question.add_done_callback(self._questions.pop)
            case ["ready", facts]:
                self._ready.set_result(facts)
            case _:
                raise ValueError(f"the engine sent what the agent does not know: {message!r:.80}")

    async def _ask(self, execution_id: str, number: int, prompt: str, password: bool) -> None:
        try:
            answer = ["input", number, await self._sink.read_input(execution_id, prompt, password), ""]
        except InputUnavailableError as error:
            answer = ["input", number, None, str(error)]
        await self._send(answer)

    async def _pump(self, captured: Captured) -> None:
        while (data := await captured.source.next(CAPTURE_BYTES)) is not None:
            captured.feed(data)
            self._emit_captured()
            await self._sink.ready()

    def _read_captured(self) -> None:
        for captured in self._captured:
            taken = 0
            while taken < DRAIN_BYTES and (data := captured.source.read_now(CAPTURE_BYTES)):
                taken += len(data)
                captured.feed(data)
        self._emit_captured()

    def _emit_captured(self) -> None:
        for captured in self._captured:
            text = captured.take(self._messages)
            if not self._current:  # before the first execution: start-up trouble
                captured.kept += text
            elif text:
                self._sink.emit(self._current, StreamText(stream=captured.stream, text=captured.kept + text))
                captured.kept = ""


def _reason(status: int) -> str:
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
