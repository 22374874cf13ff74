"""The handler that drives an engine: its start and stop follow the agent's, its outputs go to the cells they belong to."""

from typing import final

from runtime_core.agent import RuntimeAgent
from runtime_core.context import ExecutionContext
from runtime_core.errors import ExecutionCancelledError, InputUnavailableError
from runtime_core.execution import CANCELLED, Cancellation
from runtime_core.log import Logger
from runtime_core.ports import Engine, EngineSink
from runtime_core.upkeep import Lifecycle
from runtime_schema.live import CommMessage
from runtime_schema.outputs import ExecuteReply, Output

from .live import LiveSide


@final
class EngineHandler(EngineSink, Lifecycle):
    """Runs executions on one engine. `drive_engine` makes it."""

    def __init__(self, agent: RuntimeAgent, engine: Engine) -> None:
        self._agent = agent
        self._engine = engine
        self._live = LiveSide(agent, engine)
        self._contexts: dict[str, ExecutionContext] = {}
        self._last_of_cell: dict[str, str] = {}
        self._log = Logger("runtime_core.engine", runtime=agent.options.runtime_id)

    # --- what the agent asks

    async def start(self) -> None:
        self._live.open()
        await self._engine.start(self)

    async def restart(self) -> None:
        self._live.reset()
        await self._engine.restart()

    async def stop(self) -> None:
        self._live.close()
        await self._engine.stop()

    async def execute(self, context: ExecutionContext) -> ExecuteReply:
        """Run the cell on the engine."""
        self._remember(context)
        # A cancellation that came before this found nothing to interrupt.
        if context.cancelled:
            return CANCELLED
        return await self._engine.execute(context.execution_id, context.cell.source, context.execution_count)

    async def cancel(self, cancellation: Cancellation) -> None:
        """Interrupt that execution, and no other."""
        await self._engine.interrupt(cancellation.execution_id)

    # --- what the engine says

    def emit(self, execution_id: str, output: Output) -> None:
        context = self._contexts.get(execution_id)
        if context is None:
            self._log.debug("output of no known execution", execution=execution_id, kind=type(output).__name__)
        else:
            context.emit(output)

    async def ready(self) -> None:
        # One outbox serves all contexts of a session, and that of an ended session keeps nobody waiting.
        latest = next(reversed(self._contexts.values()), None)
        if latest is not None:
            await latest.ready()

    async def read_input(self, execution_id: str, prompt: str, password: bool) -> str:
        context = self._contexts.get(execution_id)
        if context is None:
            raise InputUnavailableError("no cell is running")
        try:
            return await context.input(prompt, password=password)
        except ExecutionCancelledError as exc:
            raise InputUnavailableError("the execution is being cancelled") from exc

    def comm(self, execution_id: str, message: CommMessage) -> None:
        self._live.comm(execution_id, message)

    def exit(self) -> None:
        self._agent.leave()

    def died(self, reason: str) -> None:
        self._agent.report_death(reason)

    def _remember(self, context: ExecutionContext) -> None:
        # Output may come after the end, but only of a cell's last execution is it still shown.
        before = self._last_of_cell.get(context.cell.id)
        if before is not None:
            self._contexts.pop(before, None)
        self._last_of_cell[context.cell.id] = context.execution_id
        self._contexts[context.execution_id] = context


def drive_engine(agent: RuntimeAgent, engine: Engine) -> EngineHandler:
    """Let an agent that has not started run its executions on this engine, which it also starts, restarts and stops."""
    handler = EngineHandler(agent, engine)
    agent.attach(handler)
    agent.on_execution(handler.execute)
    agent.on_cancellation(handler.cancel)
    return handler
