"""What a schedule leaves behind for the invariants to judge: lives of stores, commits and their receipts, code that ran."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, final

from runtime_schema.args import encode_args
from runtime_schema.events import Event, wire_name
from runtime_schema.ids import RuntimeSessionId, StoreSessionId
from runtime_schema.json_text import Json
from runtime_schema.queries import Query
from runtime_schema.store_types import Applied, LiveHandler, StoreStatus, Unsubscribe
from runtime_store.reconcile import Confirmed, Entry
from runtime_store.store import Store

from .loop import SimulatedLoop
from .network import Network

if TYPE_CHECKING:
    from .client import SimulatedClient
    from .story import Story

RowT = TypeVar("RowT", bound=tuple[object, ...])


@dataclass(slots=True)
class Committed:
    """One event that somebody committed, and its receipt."""

    name: str
    args: dict[str, Json]
    receipt: Awaitable[Applied]


@dataclass(slots=True)
class Life:
    """One life of one store: from a boot to a kill."""

    node: str
    user: str
    number: int
    loop: SimulatedLoop
    network: Network
    open_file: Callable[[], object]
    """Opens the file on its machine's disk."""
    store: Store | None = None
    client: "SimulatedClient | None" = None
    confirmed: list[Confirmed] = field(default_factory=list[Confirmed])
    commits: list[Committed] = field(default_factory=list[Committed])
    journaled: list[Entry] = field(default_factory=list[Entry])
    """Pending events whose write to the journal has returned."""
    story: "Story | None" = None
    """Hears what the store's protocol was told, where that is to be kept."""
    over: bool = False
    """Whether it was killed: what it had in memory is nobody's any more."""


@dataclass(slots=True)
class Records:
    """All of it."""

    lives: list[Life] = field(default_factory=list[Life])
    runs: list[str] = field(default_factory=list[str])
    """Executions whose code began, in order."""
    lossy: set[str] = field(default_factory=set[str])
    """Nodes whose disk lost with the power what it had not promised to keep."""
    copied: list[Entry] = field(default_factory=list[Entry])
    """Pending events that stood in a disk when it was copied: they are two machines' to send, in the end under two sessions."""
    printed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """What code printed, by execution."""


@final
class WatchedStore:
    """A store as an agent is lent it, whose commits are noted."""

    def __init__(self, store: Store, life: Life) -> None:
        self._store = store
        self._life = life

    @property
    def store_session_id(self) -> StoreSessionId:
        return self._store.store_session_id

    @property
    def client_id(self) -> str:
        return self._store.client_id

    @property
    def status(self) -> StoreStatus:
        return self._store.status

    def commit(self, event: Event) -> Awaitable[Applied]:
        receipt = self._store.commit(event)
        self._life.commits.append(Committed(wire_name(event), encode_args(event), receipt))
        if self._life.story is not None:
            self._life.story.committed(wire_name(event), encode_args(event))
        return receipt

    def subscribe(
        self,
        query: Query[RowT],
        callback: Callable[[Sequence[RowT]], None],
        params: Mapping[str, str | int] | None = None,
        *,
        confirmed: bool = False,
    ) -> Unsubscribe:
        return self._store.subscribe(query, callback, params, confirmed=confirmed)

    def subscribe_status(self, callback: Callable[[StoreStatus], None]) -> Unsubscribe:
        return self._store.subscribe_status(callback)

    def on_live(self, topic: str, handler: LiveHandler) -> Unsubscribe:
        return self._store.on_live(topic, handler)

    def stand_by(self, session_id: RuntimeSessionId, execution_count: int, started_ms: int) -> None:
        self._store.stand_by(session_id, execution_count, started_ms)

    async def send_live(self, topic: str, data: Json, *, to: StoreSessionId | None = None) -> Json:
        return await self._store.send_live(topic, data, to=to)
