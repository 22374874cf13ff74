"""The one execution in an agent's hand: its start, its handler, its cancellation and its finish."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import final

from runtime_schema.events import CellType
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.outputs import ExecuteReply
from runtime_schema.queries import ExecutionRow

from .context import ExecutionContext, RuntimeHandler
from .decide import InHand, StartState
from .errors import EngineDiedError, ExecutionCancelledError
from .log import Logger
from .ports import Applied, Clock, Unsubscribe
from .session import Session
from .tasks import Tasks, done_within, result_of

OK = ExecuteReply(status="ok")
CANCELLED = ExecuteReply(status="cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Somebody wants this execution to end, and why."""

    execution_id: ExecutionId
    cell_id: CellId
    reason: str


CancellationHandler = Callable[[Cancellation], Awaitable[None]]
"""Makes a running execution end; its handler then returns or raises."""


class Handlers:
    """Who runs executions and who hears of cancellations."""

    def __init__(self) -> None:
        self._execution: list[tuple[RuntimeHandler, frozenset[str]]] = []
        self.cancellation: list[CancellationHandler] = []

    def add(self, handler: RuntimeHandler, cell_types: Iterable[CellType]) -> Unsubscribe:
        """Run these cell types by this handler."""
        entry = (handler, frozenset[str](cell_types))
        self._execution.append(entry)
        return lambda: self._execution.remove(entry) if entry in self._execution else None

    def add_cancellation(self, handler: CancellationHandler) -> Unsubscribe:
        """Call this on cancellations."""
        self.cancellation.append(handler)
        return lambda: self.cancellation.remove(handler) if handler in self.cancellation else None

    def of(self, cell_type: str) -> RuntimeHandler | None:
        """Give the latest handler of a cell type."""
        return next((handler for handler, types in reversed(self._execution) if cell_type in types), None)


@final
class Execution:
    """One execution, from asking to start it until somebody lets go of it.

    Args:
        row: As it was assigned.
        count: Its number, when it starts.
        starting: The receipt of its start; None when it is started.
        session: Whose it is.
        handlers: Who can run it.
        on_end: Called with the reply when the handler ended by itself.
        on_death: Called when the handler's engine died.
        on_failure: Called when something failed that is not the handler's.
    """

    def __init__(
        self,
        row: ExecutionRow,
        count: int,
        starting: asyncio.Future[Applied] | None,
        session: Session,
        handlers: Handlers,
        on_end: Callable[["Execution", ExecuteReply], None],
        on_death: Callable[["Execution", str], None],
        on_failure: Callable[[Exception], object],
    ) -> None:
        self.id = row.id
        self.count = count
        self.start_state: StartState = "applied" if starting is None else "sent"
        self._starting = starting
        self._session = session
        self._handlers = handlers
        self._on_end = on_end
        self._on_death = on_death
        self._tasks = Tasks(on_failure)
        self._context: ExecutionContext | None = None
        self._task: asyncio.Task[None] | None = None
        self._verdict: ExecuteReply | None = None
        self._log = Logger("runtime_core.execution", execution=row.id)

    @property
    def running(self) -> bool:
        """Whether its handler was called."""
        return self._context is not None

    @property
    def cancelled(self) -> bool:
        """Whether its handler was told to end."""
        return self._context is not None and self._context.cancelled

    def in_hand(self) -> InHand:
        """Describe it for `decide`."""
        return InHand(execution_id=self.id, start=self.start_state, running=self.running, cancelled=self.cancelled)

    async def was_started(self) -> bool:
        """Wait for the answer to asking for its start, and tell it.

        Raises:
            RejectedError: The authority takes no starts from this version.
        """
        assert self._starting is not None
        applied = bool((await result_of(self._starting)).applied)
        self.start_state = "applied" if applied else "not-applied"
        return applied

    def run(self, row: ExecutionRow) -> None:
        """Call its handler; `row` is the started one."""
        context = self._context = ExecutionContext(row, self._session.session_id, self._session.outbox, self._session.ports)
        self._task = self._tasks.spawn(self._run(context))

    def cancel(self, reason: str) -> None:
        """Tell its handler and the cancellation handlers that it is to end, once."""
        context = self._context
        if context is not None and not context.cancelled:
            context.cancel(reason)
            cancellation = Cancellation(execution_id=context.execution_id, cell_id=context.cell.id, reason=reason)
            for handler in self._handlers.cancellation:
                self._tasks.spawn(self._notify(handler, cancellation))

    def time_out(self, limit_s: float) -> None:
        """Tell its handler to end because it ran too long: however it ends then, it ends in that error."""
        value = f"it ran longer than {limit_s:g} s"
        self._verdict = ExecuteReply(status="error", error_name="ExecutionTimeout", error_value=value)
        self.note(f"{value} and is interrupted")
        self.cancel("timeout")

    async def ended_within(self, clock: Clock, seconds: float) -> bool:
        """Wait until its handler has ended, at most so long; tell whether it has."""
        return self._task is None or await done_within(clock, seconds, self._task)

    async def ended_when_cancelled(self, reason: str, clock: Clock, grace_s: float) -> bool:
        """Cancel it, and wait until its handler has ended, at most so long; tell whether it has."""
        self.cancel(reason)
        return await self.ended_within(clock, grace_s)

    def note(self, text: str) -> None:
        """Tell the people who watch the cell what happened to it, on its standard error."""
        if self._context is not None:
            self._context.stderr(f"\n[{text}]\n")

    def show_error(self, name: str, value: str) -> None:
        """Show an error that is not the cell's own."""
        if self._context is not None:
            self._context.error(name, value)

    def finish(self, reply: ExecuteReply) -> None:
        """Send what it wrote, and how it ended."""
        if self._context is not None:
            self._context.flush()
        self._session.finish_execution(self.id, self._verdict or reply)

    def abandon(self) -> None:
        """Stop waiting for its handler, whatever that does."""
        self._tasks.cancel()

    async def _run(self, context: ExecutionContext) -> None:
        try:
            reply = await self._reply(context)
        except EngineDiedError as exc:
            self._on_death(self, exc.reason)
        else:
            self._on_end(self, reply)

    async def _reply(self, context: ExecutionContext) -> ExecuteReply:
        handler = self._handlers.of(context.cell.cell_type)
        try:
            if handler is None:
                raise LookupError(f"this runtime has no handler for {context.cell.cell_type} cells any more")
            return await handler(context) or OK
        except ExecutionCancelledError:
            return CANCELLED
        except EngineDiedError:
            raise
        except Exception as exc:  # the handler's own code, whatever it does: shown in the cell, and never `ok`
            name, value = type(exc).__name__, str(exc)
            context.error(name, value, traceback.format_exception(exc))
            return ExecuteReply(status="error", error_name=name, error_value=value)

    async def _notify(self, handler: CancellationHandler, cancellation: Cancellation) -> None:
        try:
            await handler(cancellation)
        except Exception as exc:  # a handler's own code; the grace time deals with what it did not do
            self._log.error("cancellation handler failed", exc)
