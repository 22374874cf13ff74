"""What the agent needs of the world, as Protocols: a store, an engine, artifacts, time and ids.

Every realisation of a port passes the matching check of `runtime_core.testing`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from runtime_schema.events import Event
from runtime_schema.ids import RuntimeSessionId, StoreSessionId
from runtime_schema.json_text import Json
from runtime_schema.live import CommMessage, QuestionName
from runtime_schema.outputs import ExecuteReply, Output
from runtime_schema.queries import Query
from runtime_schema.store_types import Applied as Applied
from runtime_schema.store_types import LiveHandler as LiveHandler
from runtime_schema.store_types import LiveMessage as LiveMessage
from runtime_schema.store_types import StoreStatus as StoreStatus
from runtime_schema.store_types import Unsubscribe as Unsubscribe

from .errors import QuestionError

RowT = TypeVar("RowT", bound=tuple[object, ...])


class FutureReceipt(Protocol):
    """A receipt that gives its outcome as a future too, which spares a task for each event. Stores may give such or none."""

    def future(self) -> asyncio.Future[Applied]:
        """Give the outcome as a future of the caller's own."""
        ...


class Store(Protocol):
    """One replica of a notebook, lent to the agent, who never closes it. Used on one event loop."""

    @property
    def store_session_id(self) -> StoreSessionId:
        """This life of the store; the envelope of everything it commits."""
        ...

    @property
    def client_id(self) -> str:
        """The authenticated user in whose name the store commits."""
        ...

    @property
    def status(self) -> StoreStatus:
        """The status now."""
        ...

    def commit(self, event: Event) -> Awaitable[Applied]:
        """Apply an event optimistically, at once, and send it on.

        Events are recorded in the order of their commits. The receipt need not be awaited, and may be abandoned.

        Returns:
            A receipt: awaiting it gives the confirmed position and whether the guard held there, however long that takes.

        Raises:
            InvalidEventError: The event does not fit its definition. Nothing was applied.
            RejectedError: From awaiting the receipt: the authority refused the event for good. From `commit` itself: no
                authority would take it (`too-large`), and nothing was applied.
        """
        ...

    def subscribe(
        self,
        query: Query[RowT],
        callback: Callable[[Sequence[RowT]], None],
        params: Mapping[str, str | int] = ...,
        *,
        confirmed: bool = False,
    ) -> Unsubscribe:
        """Call back with the query's rows: once soon after subscribing, then whenever they differ from the last ones.

        Callbacks come in the order of the changes and never from inside `commit`. With `confirmed` the rows are those
        of the confirmed state, without this store's own pending events.
        """
        ...

    def subscribe_status(self, callback: Callable[[StoreStatus], None]) -> Unsubscribe:
        """Call back with the status: once soon after subscribing, then on every change."""
        ...

    def on_live(self, topic: str, handler: LiveHandler) -> Unsubscribe:
        """Answer live messages of one topic; a later handler of the same topic replaces an earlier one."""
        ...

    def stand_by(self, session_id: RuntimeSessionId, execution_count: int, started_ms: int) -> None:
        """Say that a session of this store waits: its authority may start the next execution for it, where its request enters the log.

        That start is the session's as if it had committed it, with this count; nobody else knows of the offer, and it is
        over with the connection, with the next request and with the session's next change. A store may do nothing.

        Args:
            session_id: The session, which has nothing to run by all that this store has told.
            execution_count: Of the execution that is started.
            started_ms: The session's clock now.
        """

    async def send_live(self, topic: str, data: Json, *, to: StoreSessionId | None = None) -> Json:
        """Send a live message and, when it is addressed, wait for the receiver's answer. Without `to` all get it, none answers.

        Raises:
            TimeoutError: The receiver did not answer within 5 s, or there is no connection.
        """
        ...


class EngineSink(Protocol):
    """Where an engine puts what user code emits. Called on the event loop."""

    def emit(self, execution_id: str, output: Output) -> None:
        """Take one output of that execution, also after it ended; never blocks."""
        ...

    async def ready(self) -> None:
        """Wait until more may be emitted: an engine awaits this before it reads more from user code."""
        ...

    async def read_input(self, execution_id: str, prompt: str, password: bool) -> str:
        """Ask a person for a line.

        Raises:
            InputUnavailableError: Nobody can answer.
        """
        ...

    def comm(self, execution_id: str, message: CommMessage) -> None:
        """Take a widget's message to the pages; never blocks."""

    def exit(self) -> None:
        """Hear that user code asked for the end of the runtime; what runs may finish before."""

    def died(self, reason: str) -> None:
        """Hear that the engine ended without being asked; `reason` is such as `was killed by SIGSEGV`."""
        ...


class Engine(Protocol):
    """What runs the code inside an agent: one namespace, one execution at a time."""

    @property
    def info(self) -> Mapping[str, str]:
        """Facts about what runs, filled after `start`, such as language, version and implementation."""
        ...

    async def start(self, sink: EngineSink) -> None:
        """Come up with a fresh namespace; outputs go to `sink` from now on. May be cancelled; `stop` follows then.

        Raises:
            EngineStartError: It did not.
        """
        ...

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        """Run a cell to its end; when this returns, all output that preceded the end was emitted.

        An exception of user code is an ErrorOutput and a reply `error`; an interrupt that hit is `cancelled`.

        Raises:
            EngineDiedError: The engine ended meanwhile.
        """
        ...

    async def ask(self, question: QuestionName, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Answer a page, also while a cell runs; `runtime_schema.live` says what is asked and answered.

        Raises:
            QuestionError: It cannot be answered here, or now.
        """
        raise QuestionError(question, "this runtime does not answer it")

    async def comm(self, message: CommMessage) -> None:
        """Take a widget's message from a page. An engine without widgets drops it."""

    async def interrupt(self, execution_id: str) -> None:
        """Interrupt that execution; does nothing unless it is the one running."""
        ...

    async def restart(self) -> None:
        """End what runs, with growing force, and come up with a fresh namespace.

        Raises:
            EngineStartError: It did not come up again.
        """
        ...

    async def stop(self) -> None:
        """End, with growing force. Calling it again does nothing."""
        ...


class ArtifactStore(Protocol):
    """Keeps bytes too large for an event, by their hash."""

    def put(self, data: bytes, mime_type: str) -> str:
        """Keep bytes and return their sha256, at once; a realisation uploads before the event that names them is pushed."""
        ...

    async def get(self, sha256: str) -> bytes:
        """Fetch kept bytes.

        Raises:
            ArtifactUnavailableError: They cannot be had.
        """
        ...


class Clock(Protocol):
    """Time, which the core reads nowhere else."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC, for showing; never for order or exclusion."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class IdSource(Protocol):
    """Where new ids come from."""

    def new_id(self) -> str:
        """Make an id that nobody else has."""
        ...
