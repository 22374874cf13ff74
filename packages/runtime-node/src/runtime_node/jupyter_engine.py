"""The Engine port as a Jupyter kernel, of any language: cells in, outputs out, by Jupyter's protocol.

It owns which message belongs to which execution. `jupyter_kernel` owns the process and its sockets, `jupyter_messages`
what a message means.
"""

import asyncio
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import final

from runtime_core.errors import EngineDiedError, EngineStartError, InputUnavailableError, QuestionError
from runtime_core.ports import Engine, EngineSink
from runtime_schema.json_text import Json
from runtime_schema.live import CommMessage, QuestionName
from runtime_schema.outputs import ErrorOutput, ExecuteReply, StreamText

from .jupyter_kernel import Channel, JupyterKernel
from .jupyter_messages import (
    Message,
    asks_exit,
    from_comm,
    payload_text,
    text,
    to_comm,
    to_info,
    to_inspection,
    to_matches,
    to_output,
    to_reply,
)
from .resources import ResourceMeter

SETTLE_S = 1.0
UNREPLIED_S = 0.25  # a reply and `idle` come by two ways, at about the same time
SWALLOWED_S = 1.0  # after so long an early interrupt has not hit the cell
ANSWER_S = 4.0  # a page waits 5
MOST_KNOWN = 10_000
LOST = "Some output of this cell was dropped by the kernel: it came faster than it could be stored.\n"
NO_INPUT = "InputUnavailableError"


@final
class JupyterEngine(Engine):
    """Runs user code in a Jupyter kernel.

    Args:
        kernel: Name of an installed kernel, as `jupyter kernelspec list` shows it.
        cwd: Where it runs; by default where the agent runs.
        env: Variables to set for it, over the agent's own.
        grace_s: How long it may take to end when asked, before it is ended by force.
    """

    def __init__(self, kernel: str, *, cwd: str | Path | None = None, env: Mapping[str, str] | None = None, grace_s: float = 2.0) -> None:
        self._name = kernel
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
        self._life = life = _Life(self._name, sink)
        try:
            self._info = await life.start(self._cwd, self._env)
        except BaseException:
            self._life = None
            await life.end(0)
            raise

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        if self._life is None:
            raise EngineDiedError("is not running")
        return await self._life.execute(execution_id, source, execution_count)

    async def ask(self, question: QuestionName, data: Mapping[str, Json]) -> Mapping[str, Json]:
        if self._life is None:
            raise QuestionError(question, "the kernel is not running")
        return await self._life.ask(question, data)

    async def comm(self, message: CommMessage) -> None:
        if self._life is not None:
            await self._life.comm(message)

    async def interrupt(self, execution_id: str) -> None:
        if self._life is not None:
            await self._life.interrupt(execution_id)

    async def restart(self) -> None:
        if self._sink is None:
            raise EngineStartError(f"the Jupyter kernel {self._name!r}", "it was never started")
        await self.stop()
        await self.start(self._sink)

    async def stop(self) -> None:
        life, self._life = self._life, None
        if life is not None:
            await life.end(self._grace_s)


@final
class _Running:
    """The execution that the kernel has been given."""

    def __init__(self, execution_id: str, count: int) -> None:
        self.id = execution_id
        self.count = count
        self.idle = asyncio.Event()
        self.begun = False
        """Its code is being run: an interrupt before that would be lost, or hit nothing."""
        self.interrupted = False
        self.without_input: ErrorOutput | None = None
        self.probes: set[str] = set()

    @property
    def stopping(self) -> bool:
        """Whether it was interrupted, by a person or for want of input."""
        return self.interrupted or self.without_input is not None


@final
class _Life:
    """One kernel and what is known of its messages, from its start to its end."""

    def __init__(self, name: str, sink: EngineSink) -> None:
        self._name = name
        self._sink = sink
        self._kernel = JupyterKernel(name, self._take, sink.died)
        self._origins: dict[str, tuple[str, int]] = {}
        """By the id of a request: the execution that its outputs belong to, and its count."""
        self._comms: dict[str, tuple[str, int]] = {}
        self._running: _Running | None = None
        self._interrupting = asyncio.Lock()
        self._asking: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._has_subshells = False
        self._subshell: str | None = None
        self._meter: ResourceMeter | None = None

    async def start(self, cwd: str | Path | None, env: Mapping[str, str]) -> Mapping[str, str]:
        reply = await self._kernel.start(cwd, env)
        features = reply.content.get("supported_features")
        self._has_subshells = isinstance(features, list) and "kernel subshells" in features
        info = to_info(reply.content)
        return info if self._kernel.pid is None else {**info, "pid": str(self._kernel.pid)}

    async def execute(self, execution_id: str, source: str, count: int) -> ExecuteReply:
        async with self._interrupting:  # one that is on its way must not hit this execution
            running = self._running = _Running(execution_id, count)
        content: dict[str, Json] = {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": True,
            "stop_on_error": False,
        }
        try:
            reply = await self._reply(running, content)
            await self._settle(running)
        finally:
            self._running = None
            for task in (self._asking, self._stopping):
                if task is not None:
                    task.cancel()
        if shown := payload_text(reply):
            self._sink.emit(execution_id, StreamText(stream="stdout", text=shown))
        if asks_exit(reply):
            self._sink.exit()
        if (problem := running.without_input) is not None and reply.get("status") != "ok":
            return ExecuteReply(status="error", error_name=problem.name, error_value=problem.value)
        return to_reply(reply, interrupted=running.interrupted)

    async def interrupt(self, execution_id: str) -> None:
        running = self._running
        if running is None or running.id != execution_id:
            return
        again, running.interrupted = running.interrupted, True
        if running.begun or again:
            await self._interrupt(running)

    async def ask(self, question: QuestionName, data: Mapping[str, Json]) -> Mapping[str, Json]:
        if question == "resources":
            return self._resources()
        if question == "variables":
            raise QuestionError(question, f"the Jupyter kernel {self._name!r} does not list its variables")
        content: dict[str, Json] = {"code": data.get("code"), "cursor_pos": data.get("cursor")}
        if question == "inspect":
            content["detail_level"] = 0
        try:
            async with asyncio.timeout(ANSWER_S):
                reply = await self._kernel.request("shell", f"{question}_request", content, subshell=await self._free_shell(question))
        except TimeoutError:
            raise QuestionError(question, f"the kernel did not answer within {ANSWER_S:.0f} s") from None
        except EngineDiedError as error:
            raise QuestionError(question, str(error)) from error
        if reply.content.get("status") != "ok":
            raise QuestionError(question, text(reply.content, "evalue") or "the kernel cannot tell")
        return to_matches(reply.content) if question == "complete" else to_inspection(reply.content)

    async def comm(self, message: CommMessage) -> None:
        kind, content = from_comm(message)
        with suppress(EngineDiedError):  # its end is told elsewhere
            buffers, origin = tuple(map(b64decode, message.buffers)), self._comms.get(message.comm_id, ("", 0))
            await self._kernel.send("shell", kind, content, buffers=buffers, sending=lambda request: self._remember(request, *origin))

    async def end(self, grace_s: float) -> None:
        if self._asking is not None:
            self._asking.cancel()
        if grace_s > 0 and self._running is not None:
            self._running.interrupted = True
            await self._interrupt(self._running)
        await self._kernel.end(grace_s)

    async def _interrupt(self, running: _Running) -> None:
        async with self._interrupting:
            if self._running is running:
                with suppress(TimeoutError):
                    async with asyncio.timeout(SETTLE_S):
                        await self._kernel.interrupt()

    async def _interrupt_early(self, running: _Running) -> None:
        """Interrupt what has just begun, and again when that did not end it: code of IPython's own runs first, and may swallow one."""
        await self._interrupt(running)
        await asyncio.sleep(SWALLOWED_S)
        await self._interrupt(running)

    async def _reply(self, running: _Running, content: Mapping[str, Json]) -> Mapping[str, Json]:
        """Run a cell and give the content of the reply.

        ipykernel gives none when an interrupt hits its own code around the cell's: it says that it is idle, and no more.
        """

        def remember(request: str) -> None:
            self._remember(request, running.id, running.count)

        replying = asyncio.create_task(self._kernel.request("shell", "execute_request", content, sending=remember))
        idle = asyncio.create_task(running.idle.wait())
        try:
            await asyncio.wait({replying, idle}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({replying}, timeout=UNREPLIED_S if running.stopping else None)
            return replying.result().content if replying.done() else {"status": "aborted"}
        finally:
            replying.cancel()
            idle.cancel()

    async def _settle(self, running: _Running) -> None:
        """Wait until all output of an execution is here, which a kernel says by `idle` on the channel of outputs.

        A kernel may have dropped that message; then it is known by what comes later on that channel.
        """
        while not running.idle.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S):
                    await running.idle.wait()
                    return
            if self._kernel.ended is not None:
                raise EngineDiedError(self._kernel.ended)
            running.probes.add(await self._kernel.send("shell", "kernel_info_request", {}))

    async def _free_shell(self, question: QuestionName) -> str | None:
        """Give the subshell that answers while a cell runs; None is the main one, which is free between cells."""
        if self._running is None:
            return None
        if not self._has_subshells:
            raise QuestionError(question, "this kernel answers when the cell has ended")
        if self._subshell is None:
            reply = await self._kernel.request("control", "create_subshell_request", {})
            self._subshell = text(reply.content, "subshell_id") or None
        return self._subshell

    def _resources(self) -> Mapping[str, Json]:
        pid = self._kernel.pid
        if pid is None:
            raise QuestionError("resources", "the kernel runs on another machine")
        if self._meter is None:
            self._meter = ResourceMeter(pid)
        return self._meter.measure()

    def _remember(self, request: str, execution_id: str, count: int) -> None:
        self._origins[request] = (execution_id, count)
        if len(self._origins) > MOST_KNOWN:
            del self._origins[next(iter(self._origins))]

    # --- what the kernel says

    async def _take(self, channel: Channel, message: Message) -> None:
        if channel == "iopub":
            await self._take_output(message)
        elif channel == "stdin" and message.kind == "input_request":
            self._asking = asyncio.create_task(self._answer(message))

    async def _take_output(self, message: Message) -> None:
        execution_id, count = self._origins.get(message.parent_id, ("", 0))
        running = self._running
        if message.kind == "status":
            if running is not None and message.content.get("execution_state") == "idle":
                self._see_idle(running, message, execution_id)
            return
        if running is not None and execution_id == running.id and not running.begun:
            running.begun = True
            if running.interrupted:
                self._stopping = asyncio.create_task(self._interrupt_early(running))
        if (comm := to_comm(message)) is not None:
            self._see_comm(comm, execution_id, count)
        elif (output := to_output(message, count)) is not None and execution_id:
            if isinstance(output, ErrorOutput) and running is not None and running.without_input is not None:
                output = running.without_input
            self._sink.emit(execution_id, output)
        await self._sink.ready()

    def _see_idle(self, running: _Running, message: Message, execution_id: str) -> None:
        if execution_id == running.id:
            running.idle.set()
        elif message.parent_id in running.probes:
            self._sink.emit(running.id, StreamText(stream="stderr", text=LOST))
            running.idle.set()

    def _see_comm(self, comm: CommMessage, execution_id: str, count: int) -> None:
        if comm.kind == "open":
            self._comms[comm.comm_id] = (execution_id, count)
        owner, _ = self._comms.get(comm.comm_id, (execution_id, count))
        if comm.kind == "close":
            self._comms.pop(comm.comm_id, None)
        self._sink.comm(owner, comm)

    async def _answer(self, message: Message) -> None:
        running = self._running
        if running is None:
            return
        try:
            value = await self._sink.read_input(running.id, text(message.content, "prompt"), message.content.get("password") is True)
        except InputUnavailableError as error:
            # the protocol has no such answer, and an empty line would be taken for a person's
            running.without_input = ErrorOutput(name=NO_INPUT, value=str(error), traceback=(f"{NO_INPUT}: {error}",))
            await self._interrupt(running)
            return
        with suppress(EngineDiedError):
            await self._kernel.send("stdin", "input_reply", {"value": value})
