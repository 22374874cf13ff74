"""The Engine port as a child process: starts it, carries cells in and outputs out, interrupts it, ends it and its group.

What the child prints through Python comes as frames; what C code and subprocesses print is read here, from the child's
file descriptors 1 and 2, so it is seen even when the child is stuck.
"""

import asyncio
import importlib.util
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, final

from runtime_core.errors import EngineDiedError, EngineStartError, InputUnavailableError, QuestionError
from runtime_core.ports import Engine, EngineSink
from runtime_schema.json_text import Json
from runtime_schema.live import CommMessage, QuestionName, comm_from_json
from runtime_schema.outputs import ExecuteReply, StreamText

from . import child
from .captured import Captured, Source
from .child import FrameReader, encode_frame, unpack_output
from .resources import ResourceMeter

NO_IPYTHON = "install it there: python -m pip install ipython, with the interpreter that was named"
NAME = "the Python engine"
START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 2.0
SOCKET_BYTES = 1024 * 1024
"""Large results cross in fewer steps; a system that allows less gives less."""
CAPTURE_BYTES = 65536
DRAIN_BYTES = 1_048_576  # the most a pipe of Linux holds
SETTLE_S = 1.0


@final
class SubprocessEngine(Engine):
    """Runs user code in a child process of its own session.

    Args:
        python: The command of the interpreter; it must have IPython, and need not have anything of ours.
        cwd: Where user code runs; by default where the agent runs.
        env: Variables to set for user code, over the agent's own.
        grace_s: How long the child may take to end when asked, before it is ended by force.
        memory_bytes: How much memory the child may allocate, where the system can limit it.
        prewarm: Whether a second child waits, so that a restart takes no time.
    """

    def __init__(
        self,
        *,
        python: Sequence[str] = (sys.executable,),
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        grace_s: float = 2.0,
        memory_bytes: int | None = None,
        prewarm: bool = False,
    ) -> None:
        self._python = tuple(python)
        self._cwd = cwd
        self._env = dict(env or {})
        self._grace_s = grace_s
        self._memory_bytes = memory_bytes
        self._prewarm = prewarm
        self._sink: EngineSink | None = None
        self._life: _Life | None = None
        self._spare: asyncio.Task[_Life] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._meter: ResourceMeter | None = None
        self._info: Mapping[str, str] = {}

    @property
    def info(self) -> Mapping[str, str]:
        return self._info

    async def start(self, sink: EngineSink) -> None:
        self._sink = sink
        self._life = await self._take_spare() or await self._begin(sink)
        self._info = await self._life.wait_ready()
        self._meter = ResourceMeter(int(self._info["pid"]), self._memory_bytes)
        if self._prewarm:
            self._spare = asyncio.create_task(self._begin(sink))

    async def _begin(self, sink: EngineSink) -> "_Life":
        life = _Life(sink)
        try:
            await life.spawn(self._python, self._cwd, self._env, self._memory_bytes or 0)
            await life.wait_ready()
        except BaseException:
            await life.end(0)
            raise
        return life

    async def _take_spare(self) -> "_Life | None":
        """Take the child that waits, if one does and lives."""
        spare, self._spare = self._spare, None
        if spare is None:
            return None
        try:
            life = await spare
        except EngineStartError:
            return None  # a normal start will say why
        return life if life.lives else None

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        if self._life is None:
            raise EngineDiedError("is not running")
        return await self._life.execute(execution_id, source, execution_count)

    async def interrupt(self, execution_id: str) -> None:
        if self._life is not None:
            self._life.interrupt(execution_id)

    async def ask(self, question: QuestionName, data: Mapping[str, Json]) -> Mapping[str, Json]:
        if self._life is None or self._meter is None:
            raise QuestionError(question, "the engine is not running")
        return self._meter.measure() if question == "resources" else await self._life.ask(question, data)

    async def comm(self, message: CommMessage) -> None:
        if self._life is not None:
            await self._life.send(["comm", message.to_json()])

    async def restart(self) -> None:
        if self._sink is None:
            raise EngineStartError(NAME, "it was never started")
        life, self._life = self._life, None
        if life is not None:
            ending = asyncio.create_task(life.end(self._grace_s))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            if self._spare is None:
                await ending
        await self.start(self._sink)

    async def stop(self) -> None:
        life, self._life = self._life, None
        spare, self._spare = self._spare, None
        if life is not None:
            await life.end(self._grace_s)
        if spare is not None:
            spare.cancel()
            with suppress(asyncio.CancelledError, EngineStartError):
                await (await spare).end(0)
        if self._ending:
            await asyncio.wait(self._ending)


@final
class _Life:
    """One child process, from its start to its end."""

    def __init__(self, sink: EngineSink) -> None:
        self._sink = sink
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._sending = asyncio.Lock()
        self._side: socket.socket | None = None
        self._answers: dict[int, asyncio.Future[Mapping[str, Json]]] = {}
        self._asked = 0
        self._interrupts = -1
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

    @property
    def lives(self) -> bool:
        return self._ended is None

    async def spawn(self, python: Sequence[str], cwd: str | Path | None, env: Mapping[str, str], memory_bytes: int) -> None:
        (ours, theirs), (side, their_side) = socket.socketpair(), socket.socketpair()
        for mine in (ours, side):
            mine.setblocking(False)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        self._control, self._side = ours, side
        read_interrupts, self._interrupts = os.pipe()
        (read_out, out), (read_err, err) = os.pipe(), os.pipe()
        token = secrets.token_hex(8)
        self._captured = [Captured("stdout", read_out, token), Captured("stderr", read_err, token)]
        self._sources = [Source(ours.fileno()), Source(side.fileno()), *(captured.source for captured in self._captured)]
        given = (theirs.fileno(), read_interrupts, their_side.fileno())
        try:
            self._process = await asyncio.create_subprocess_exec(
                *python,
                "-P",  # or the folder of child.py would be searched for user code's imports
                child.__file__,
                *map(str, given),
                str(os.getpid()),
                str(memory_bytes),
                token,
                _OUR_PACKAGES,
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
            their_side.close()
            for fd in (read_interrupts, out, err):
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
            await self.send(["execute", execution_id, source, execution_count])
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
            asking = asyncio.create_task(self.send(["stop"]))
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
        answers = asyncio.create_task(self._read_answers())
        pumps = [control, answers, *(asyncio.create_task(self._pump(captured)) for captured in self._captured)]
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
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(QuestionError("", f"the engine {reason}"))
        started = self._ready.done()
        if not started:
            said = "".join(captured.kept for captured in self._captured).strip()
            hint = NO_IPYTHON if "No module named 'IPython'" in said else ""
            self._ready.set_exception(EngineStartError(NAME, f"it {reason}" + (f": {said[-2000:]}" if said else ""), hint))
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
        if self._interrupts >= 0:
            os.close(self._interrupts)
        self._interrupts = -1
        for mine in (self._control, self._side):
            if mine is not None:
                mine.close()

    def _kill_group(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM when only zombies are left
                os.killpg(self._process.pid, signal.SIGKILL)

    async def send(self, message: list[Any]) -> None:
        if self._control is None or self._ended is not None:
            return
        async with self._sending:
            with suppress(ConnectionError):  # the child has ended: its watcher tells
                await asyncio.get_running_loop().sock_sendall(self._control, encode_frame(message))

    async def ask(self, question: QuestionName, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Ask the thread of the child that answers while a cell runs."""
        if self._side is None or self._ended is not None:
            raise QuestionError(question, "the engine is not running")
        self._asked += 1
        number = self._asked
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await asyncio.get_running_loop().sock_sendall(self._side, encode_frame([number, question, dict(data)]))
                return await answer
        except (TimeoutError, ConnectionError):
            raise QuestionError(question, f"the engine did not answer within {ANSWER_TIMEOUT_S:g} s: it computes without a break") from None
        finally:
            del self._answers[number]

    async def _read_answers(self) -> None:
        source, frames = self._sources[1], FrameReader()
        while (data := await source.next(child.READ_BYTES)) is not None:
            for number, answer, problem in frames.feed(data):
                waiting = self._answers.get(number)
                if waiting is None or waiting.done():
                    continue  # it took too long
                if answer is None:
                    waiting.set_exception(QuestionError("", problem))
                else:
                    waiting.set_result(answer)

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
            case ["output", execution_id, packed, *large]:
                self._sink.emit(execution_id, unpack_output(packed, large[0] if large else ()))
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
            case ["comm", execution_id, value]:
                self._sink.comm(execution_id, comm_from_json(value))
            case ["exit"]:
                self._sink.exit()
            case ["ready", facts]:
                self._ready.set_result(facts)
            case _:
                raise ValueError(f"the engine sent what the agent does not know: {message!r:.80}")

    async def _ask(self, execution_id: str, number: int, prompt: str, password: bool) -> None:
        try:
            answer = ["input", number, await self._sink.read_input(execution_id, prompt, password), ""]
        except InputUnavailableError as error:
            answer = ["input", number, None, str(error)]
        await self.send(answer)

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
    if -status == signal.SIGKILL:
        return "was killed by SIGKILL, which the system sends when memory runs out"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def _folder_of(package: str) -> str:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent.parent)


_OUR_PACKAGES = os.pathsep.join(f"{name}={_folder_of(name)}" for name in ("runtime_python", "runtime_schema"))
"""Where the child finds them in an interpreter that has none of ours."""
