"""The Python engine by itself, as the peers' kernel is measured: a child process, and a sink that notes when things come."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from typing import final

from runtime_core.ports import EngineSink
from runtime_node import SubprocessEngine
from runtime_schema.outputs import ExecuteReply, ExecuteResult, Output


@final
class Sink(EngineSink):
    """Notes when the first output of an execution came, and when its result did."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        self.result: dict[str, float] = {}
        self._came = asyncio.Event()

    def emit(self, execution_id: str, output: Output) -> None:
        now = time.perf_counter()
        self.first.setdefault(execution_id, now)
        if isinstance(output, ExecuteResult):
            self.result[execution_id] = now
        self._came.set()

    async def ready(self) -> None:
        pass

    async def read_input(self, execution_id: str, prompt: str, password: bool) -> str:
        raise NotImplementedError

    def died(self, reason: str) -> None:
        raise RuntimeError(reason)

    async def some_output(self, execution_id: str) -> None:
        """Wait until an execution has put out something."""
        while execution_id not in self.first:
            self._came.clear()
            await self._came.wait()


@final
class Bench:
    """One engine that runs cells one after the other."""

    def __init__(self, engine: SubprocessEngine, sink: Sink) -> None:
        self.engine = engine
        self.sink = sink
        self._count = 0

    async def run(self, source: str) -> tuple[str, ExecuteReply]:
        """Run a cell; gives its execution's id and the reply."""
        self._count += 1
        name = f"e{self._count}"
        return name, await self.engine.execute(name, source, self._count)

    @property
    def next_id(self) -> str:
        """The id that the next execution will have."""
        return f"e{self._count + 1}"


@contextlib.asynccontextmanager
async def started(*, prewarm: bool = False) -> AsyncGenerator[Bench]:
    """Run an engine for the length of a `with`."""
    sink = Sink()
    engine = SubprocessEngine(prewarm=prewarm)
    await engine.start(sink)
    try:
        yield Bench(engine, sink)
    finally:
        await engine.stop()
