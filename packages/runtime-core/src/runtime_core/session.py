"""One session of an agent: its confirmed rows, its outbox, and the events that are about the session or its executions."""

import asyncio
from collections.abc import Callable, Sequence
from typing import final

from runtime_schema.events import (
    CellType,
    DisplayAdded,
    DisplayUpdated,
    ErrorAdded,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    JsonText,
    MarkdownAppended,
    ResultAdded,
    RuntimeSessionStarted,
    RuntimeSessionStatusSet,
    RuntimeSessionTerminated,
    SessionStatus,
    StreamAppended,
    TerminationReason,
    wire_name,
)
from runtime_schema.ids import ExecutionId, OutputId, RuntimeId, RuntimeSessionId
from runtime_schema.json_text import encode
from runtime_schema.outputs import ExecuteReply
from runtime_schema.queries import SESSION, SESSION_WORK, ExecutionRow, RuntimeSessionRow

from .context import AgentPorts
from .decide import InHand, Phase, View
from .errors import RejectedError
from .log import Logger
from .media import cut_error
from .outbox import Outbox
from .ports import Applied, Unsubscribe


@final
class Session:
    """One life, from RuntimeSessionStarted to its end.

    Args:
        session_id: Its id.
        ports: The agent's.
        on_change: Called when a confirmed row changed.
        on_failure: Called when an event the session cannot do without was refused.
    """

    def __init__(
        self,
        session_id: RuntimeSessionId,
        ports: AgentPorts,
        on_change: Callable[[], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.session_id = session_id
        self.row: RuntimeSessionRow | None = None
        self.work: tuple[ExecutionRow, ...] = ()
        self.ended: set[str] = set()
        self.confirmed: asyncio.Future[RuntimeSessionRow] = asyncio.get_running_loop().create_future()
        self.outbox = Outbox(ports.store, ports.options, ports.clock, self._refused)
        self.ports = ports
        self._on_change = on_change
        self._on_failure = on_failure
        self._log = Logger("runtime_core.session", session=session_id)
        params = {"sessionId": session_id}
        self._subscriptions: tuple[Unsubscribe, ...] = (
            ports.store.subscribe(SESSION, self._see_session, params, confirmed=True),
            ports.store.subscribe(SESSION_WORK, self._see_work, params, confirmed=True),
        )

    def view(self, phase: Phase, active: RuntimeSessionRow | None, in_hand: InHand | None) -> View:
        """Put together what `decide` looks at."""
        return View(
            session_id=self.session_id,
            store_session_id=self.ports.store.store_session_id,
            session=self.row,
            active=active,
            work=self.work,
            phase=phase,
            in_hand=in_hand,
            ended=frozenset(self.ended),
        )

    def start(self, capabilities: tuple[CellType, ...], replaces: RuntimeSessionId | None) -> asyncio.Future[Applied]:
        """Ask to be the notebook's runtime; `confirmed` then gives the row that says whether it is."""
        options = self.ports.options
        return self.outbox.request(
            RuntimeSessionStarted(
                session_id=self.session_id,
                replaces=replaces,
                runtime_id=RuntimeId(options.runtime_id),
                runtime_type=options.runtime_type,
                capabilities=capabilities,
                info=JsonText(encode(dict(options.info))),
                lost_after_ms=options.lost_after_ms,
                started_ms=self.ports.clock.now_ms(),
            )
        )

    def set_status(self, status: SessionStatus) -> asyncio.Future[Applied]:
        """Say that the session can run cells, or is restarting."""
        return self.outbox.request(RuntimeSessionStatusSet(session_id=self.session_id, status=status))

    def terminate(self, reason: TerminationReason) -> asyncio.Future[Applied]:
        """Say that the session is over."""
        return self.outbox.request(RuntimeSessionTerminated(session_id=self.session_id, reason=reason))

    def start_execution(self, execution_id: str, execution_count: int) -> asyncio.Future[Applied]:
        """Ask to run an execution; only an applied receipt lets its code run."""
        return self.outbox.request(
            ExecutionStarted(
                execution_id=ExecutionId(execution_id),
                session_id=self.session_id,
                execution_count=execution_count,
                started_ms=self.ports.clock.now_ms(),
            )
        )

    def stand_by(self, execution_count: int) -> None:
        """Ask for the start of the next execution before there is one."""
        self.ports.store.stand_by(self.session_id, execution_count, self.ports.clock.now_ms())

    def finish_execution(self, execution_id: str, reply: ExecuteReply) -> None:
        """Say how an execution ended."""
        name, value, _ = cut_error(reply.error_name or "", reply.error_value or "")
        self.ended.add(execution_id)
        self.outbox.commit(
            ExecutionFinished(
                execution_id=ExecutionId(execution_id),
                session_id=self.session_id,
                status=reply.status,
                error_name=None if reply.error_name is None else name,
                error_value=None if reply.error_value is None else value,
                finished_ms=self.ports.clock.now_ms(),
            )
        )

    def close(self) -> None:
        """Commit nothing more and look no more; calling it again does nothing."""
        self.outbox.close()
        for unsubscribe in self._subscriptions:
            unsubscribe()
        self._subscriptions = ()

    def _see_session(self, rows: Sequence[RuntimeSessionRow]) -> None:
        if rows:
            self.row = rows[0]
            if not self.confirmed.done():
                self.confirmed.set_result(rows[0])
            self._on_change()

    def _see_work(self, rows: Sequence[ExecutionRow]) -> None:
        self.work = tuple(rows)
        self.ended &= {row.id for row in rows}
        self._on_change()

    def _refused(self, event: Event, error: Exception) -> None:
        self._log.warning("refused", name=wire_name(event), problem=str(error))
        if not isinstance(error, RejectedError) or error.code == "upgrade":
            self._on_failure(error)
            return
        match event:
            case DisplayAdded() | DisplayUpdated() | ResultAdded() | ErrorAdded() | MarkdownAppended():
                self._note(event.execution_id, f"[an output of this cell was not kept ({error.code}): {error.message}]\n")
            case StreamAppended():
                pass  # bounded by the coalescer; a note would meet the same end
            case _:
                self._on_failure(error)

    def _note(self, execution_id: ExecutionId, text: str) -> None:
        output_id = OutputId(self.ports.ids.new_id())
        self.outbox.commit(
            StreamAppended(
                output_id=output_id, execution_id=execution_id, session_id=self.session_id, stream="stderr", n=0, text=text[:1000]
            )
        )
