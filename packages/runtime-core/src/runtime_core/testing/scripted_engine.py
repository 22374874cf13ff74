"""An engine that runs Python functions in place of source: each source text names its script."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import final

from runtime_core.errors import EngineDiedError, EngineStartError, QuestionError
from runtime_core.ports import Engine, EngineSink
from runtime_schema.json_text import Json
from runtime_schema.live import CommMessage, QuestionName
from runtime_schema.outputs import ErrorOutput, ExecuteReply, Output, StreamText


class ScriptRun:
    """What a script may do while it runs."""

    def __init__(self, execution_id: str, execution_count: int, sink: EngineSink) -> None:
        self.execution_id = execution_id
        self.execution_count = execution_count
        self._sink = sink
        self._interrupted = asyncio.Event()

    def emit(self, output: Output) -> None:
        """Emit an output, also after the script's end."""
        self._sink.emit(self.execution_id, output)

    def write(self, text: str) -> None:
        """Emit text on stdout."""
        self.emit(StreamText(stream="stdout", text=text))

    async def read(self, prompt: str = "", password: bool = False) -> str:
        """Ask for a line."""
        return await self._sink.read_input(self.execution_id, prompt, password)

    async def ready(self) -> None:
        """Wait until more may be emitted."""
        await self._sink.ready()

    def comm(self, message: CommMessage) -> None:
        """Say something of a widget, also after the script's end."""
        self._sink.comm(self.execution_id, message)

    def exit(self) -> None:
        """Ask for the end of the runtime."""
        self._sink.exit()

    async def interrupted(self) -> None:
        """Wait for an interrupt; a script that never does cannot be interrupted."""
        await self._interrupted.wait()

    def interrupt(self) -> None:
        """Interrupt the script."""
        self._interrupted.set()


Script = Callable[[ScriptRun], Awaitable[ExecuteReply | None]]
"""Runs for one source text: None is `ok`, an exception is an `error` with its name."""


@final
class ScriptedEngine(Engine):
    """Runs scripts by their source; an unknown source is a NameError.

    Args:
        scripts: Source text to script.
        start_failures: How many starts and restarts fail before one succeeds.
    """

    def __init__(self, scripts: Mapping[str, Script], start_failures: int = 0) -> None:
        self._scripts = scripts
        self._sink: EngineSink | None = None
        self._run: ScriptRun | None = None
        self._died: asyncio.Future[str] | None = None
        self.start_failures = start_failures
        self.ran: list[tuple[str, str, int]] = []
        """Every execution: id, source and count."""
        self.starts = 0
        """How often it came up."""
        self.up = False
        """Whether it is up."""
        self.answers: dict[QuestionName, Mapping[str, Json]] = {}
        """What it answers to questions."""
        self.heard: list[CommMessage] = []
        """What pages said to widgets."""
        self.hold_starts: asyncio.Event | None = None
        """When set to an event, coming up waits for it."""

    @property
    def info(self) -> Mapping[str, str]:
        return {"language": "script"}

    async def start(self, sink: EngineSink) -> None:
        self._sink = sink
        if self.hold_starts is not None:
            await self.hold_starts.wait()
        if self.start_failures > 0:
            self.start_failures -= 1
            raise EngineStartError("script", "it was told to fail", "start it again")
        self._died = asyncio.get_running_loop().create_future()
        self.starts += 1
        self.up = True

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        assert self._sink is not None, "executed before it was started"
        died = self._died
        assert died is not None
        assert self._run is None, "two executions at once"
        self.ran.append((execution_id, source, execution_count))
        run = self._run = ScriptRun(execution_id, execution_count, self._sink)
        script = asyncio.ensure_future(self._reply(run, source))
        try:
            await asyncio.wait({script, died}, return_when=asyncio.FIRST_COMPLETED)
            if not script.done():
                raise EngineDiedError(died.result())
            return script.result()
        finally:
            script.cancel()
            self._run = None

    async def ask(self, question: QuestionName, data: Mapping[str, Json]) -> Mapping[str, Json]:
        if question not in self.answers:
            raise QuestionError(question, "no script answers it")
        return {**self.answers[question], "asked": dict(data)}

    async def comm(self, message: CommMessage) -> None:
        self.heard.append(message)

    async def interrupt(self, execution_id: str) -> None:
        if self._run is not None and self._run.execution_id == execution_id:
            self._run.interrupt()

    async def restart(self) -> None:
        assert self._sink is not None, "restarted before it was started"
        await self.stop()
        await self.start(self._sink)

    async def stop(self) -> None:
        self.up = False
        if self._died is not None and not self._died.done():
            self._died.set_result("was stopped")

    def die(self, reason: str) -> None:
        """End as by itself."""
        assert self._died is not None
        self.up = False
        self._died.set_result(reason)
        self.report(reason)

    def report(self, reason: str) -> None:
        """Say that it died."""
        assert self._sink is not None
        self._sink.died(reason)

    async def _reply(self, run: ScriptRun, source: str) -> ExecuteReply:
        script = self._scripts.get(source)
        try:
            if script is None:
                raise NameError(f"no script is called {source!r}")
            return await script(run) or ExecuteReply(status="ok")
        except Exception as exc:  # a script's own, as user code's is in a real engine
            name, value = type(exc).__name__, str(exc)
            run.emit(ErrorOutput(name=name, value=value, traceback=(f"{name}: {value}",)))
            return ExecuteReply(status="error", error_name=name, error_value=value)
