"""The event log as a port: durable, numbered, one order a store; decisions are remembered for ever.

Who numbers events is the room; the log refuses a batch that does not continue its store, and makes the rest durable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from runtime_schema.wire import RejectCode

Outcome = Literal["durable", "full", "out-of-order"]
"""What became of a batch: on disk; not recorded for want of space; not recorded because an earlier one was not."""

Done = Callable[[Outcome], None]


class Decision(NamedTuple):
    """What was decided about one pushed event.

    `body` is the event as `events` frames carry it (a JSON list in UTF-8), or None for a reject, which then has `code`
    and `message`. `marked` events are given back when the store is opened.
    """

    session: str
    n: int
    client_id: str
    digest: bytes
    body: bytes | None
    code: RejectCode | None = None
    message: str = ""
    marked: bool = False


class Batch(NamedTuple):
    """Decisions of one store session, ascending by `n`; the first event among them has the number `first`.

    `active` tells whether the store has a runtime session to watch after this batch; None leaves that as it was.
    """

    store_id: str
    first: int
    decisions: tuple[Decision, ...]
    active: bool | None = None


class Record(NamedTuple):
    """A decision as remembered: `seq` of a recorded event, else `code` and `message` of its reject."""

    n: int
    digest: bytes
    seq: int | None
    code: RejectCode | None
    message: str


class PastEvent(NamedTuple):
    """An event and when it was recorded."""

    body: bytes
    recorded_ms: int


class SessionHead(NamedTuple):
    """Whose store session it is, and the last `n` decided."""

    client_id: str
    last_n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStore:
    """All that a room needs to go on with a store."""

    backend: str
    head: int
    sessions: dict[str, SessionHead]
    marked: Sequence[PastEvent]


class EventLog(Protocol):
    """Logs of all stores of one server. Used on one event loop; callbacks come there, in the order of the appends."""

    async def create_store(self, store_id: str, title: str, path: str | None = None) -> bool:
        """Make an empty store; False when there is one."""
        ...

    async def delete_store(self, store_id: str) -> bool:
        """Remove a store with all its events and decisions; False when there is none."""
        ...

    async def open_store(self, store_id: str) -> OpenedStore | None:
        """Read what a room needs; None when there is no such store."""
        ...

    def append(self, batch: Batch, done: Done) -> None:
        """Queue a batch; `done` hears when it is durable, or that nothing of it was recorded."""
        ...

    async def read(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[bytes]:
        """Give event bodies from `after + 1` on, without gap: at least one if there is any, else within both bounds."""
        ...

    async def history(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[PastEvent]:
        """Give what `read` gives, with the times."""
        ...

    async def size_after(self, store_id: str, after: int) -> int:
        """Add up the bytes of the event bodies from `after + 1` on."""
        ...

    async def records(self, store_id: str, session: str, first_n: int, last_n: int) -> list[Record]:
        """Give the decisions about a session's events from `first_n` to `last_n`, ascending."""
        ...

    async def active_stores(self) -> list[str]:
        """Name the stores whose last word in `Batch.active` was True."""
        ...
