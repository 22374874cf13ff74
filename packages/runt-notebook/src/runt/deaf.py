"""An engine for where nobody can answer a question: code that asks for input gets an error at once, and never waits."""

from collections.abc import Callable, Mapping
from typing import final

from runtime_core.errors import InputUnavailableError
from runtime_core.ports import Engine, EngineSink
from runtime_schema.live import CommMessage
from runtime_schema.outputs import ExecuteReply, Output


@final
class _DeafSink(EngineSink):
    """Passes everything on but questions: in a run there is nobody to answer them."""

    def __init__(self, sink: EngineSink, hear: Callable[[str, Output], None]) -> None:
        self._sink = sink
        self._hear = hear

    def emit(self, execution_id: str, output: Output) -> None:
        self._hear(execution_id, output)
        self._sink.emit(execution_id, output)

    async def ready(self) -> None:
        await self._sink.ready()

    async def read_input(self, execution_id: str, prompt: str, password: bool) -> str:
        raise InputUnavailableError("`runt run` has nobody to ask")

    def comm(self, execution_id: str, message: CommMessage) -> None:
        self._sink.comm(execution_id, message)

    def exit(self) -> None:
        self._sink.exit()

    def died(self, reason: str) -> None:
        self._sink.died(reason)


@final
class DeafEngine(Engine):
    """Wraps another engine; `hear` is told of every output as it comes."""

    def __init__(self, engine: Engine, hear: Callable[[str, Output], None] = lambda _execution, _output: None) -> None:
        self._engine = engine
        self._hear = hear

    @property
    def info(self) -> Mapping[str, str]:
        return self._engine.info

    async def start(self, sink: EngineSink) -> None:
        await self._engine.start(_DeafSink(sink, self._hear))

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        return await self._engine.execute(execution_id, source, execution_count)

    async def interrupt(self, execution_id: str) -> None:
        await self._engine.interrupt(execution_id)

    async def restart(self) -> None:
        await self._engine.restart()

    async def stop(self) -> None:
        await self._engine.stop()
