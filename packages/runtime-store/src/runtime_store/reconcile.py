"""The bookkeeping of one replica: head, pending events, and what an incoming piece of the log means for them.

Plain data in, plain data out: no database, socket, clock or randomness. `state` applies what comes out.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from runtime_schema.json_text import Json
from runtime_schema.wire import LogEvent

Key = tuple[str, int]
"""What identifies an event for ever: its store session and its number in it."""


class Entry(NamedTuple):
    """An event, with its args as the bytes that were or will be sent."""

    event: LogEvent
    raw: bytes

    @property
    def key(self) -> Key:
        """The event's identity."""
        return self.event.store_session_id, self.event.n


class Tail(NamedTuple):
    """A piece of the log: `entries[i]` has the number `first + i`."""

    first: int
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Acked:
    """Own events `n` to `n + count - 1` of a session are the log's `first` to `first + count - 1`."""

    session: str
    n: int
    count: int
    first: int


class Refused(NamedTuple):
    """One own event will never be in the log."""

    session: str
    n: int
    code: str
    message: str


Incoming = Tail | Acked | Refused


class Confirmed(NamedTuple):
    """The next event of the log; `own` when it was pending here until now."""

    seq: int
    entry: Entry
    own: bool


class Included(NamedTuple):
    """A pending event that is at or below the head: the image that this store began from has it already."""

    seq: int
    entry: Entry


class Dropped(NamedTuple):
    """A pending event that will never be confirmed."""

    entry: Entry
    code: str
    message: str


class Rekeyed(NamedTuple):
    """Pending events that got a new identity, old and new, in order."""

    pairs: Sequence[tuple[Entry, Entry]]


Step = Confirmed | Included | Dropped | Rekeyed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a piece of the log did, in order. With `gap`, something between is missing and the log must be asked for again."""

    steps: Sequence[Step] = ()
    gap: bool = False


class Replica:
    """Head and pending events of one store.

    Pending events are in the order in which the log will have them: those of earlier lives first.
    """

    def __init__(self, session: str, client_id: str, new_session: Callable[[], str], *, head: int = 0, backend: str | None = None) -> None:
        self.session = session
        self.client_id = client_id
        self.head = head
        self.backend = backend
        self._new_session = new_session
        self.last_n = 0
        """The number of the newest event of this life."""
        self._pending: OrderedDict[Key, Entry] = OrderedDict()

    @property
    def pending_count(self) -> int:
        """How many events are not yet decided."""
        return len(self._pending)

    def pending(self, after: int = 0) -> Iterator[Entry]:
        """Iterate over the pending events in order, without the first `after`."""
        return islice(self._pending.values(), after, None)

    def is_pending(self, key: Key) -> bool:
        """Tell whether that event is not yet decided."""
        return key in self._pending

    def commit(self, name: str, args: dict[str, Json], raw: bytes, client_id: str | None = None) -> Entry:
        """Number a new event of this life and add it to the pending ones."""
        self.last_n += 1
        entry = Entry(LogEvent(name, args, client_id or self.client_id, self.session, self.last_n), raw)
        self._pending[entry.key] = entry
        return entry

    def restore(self, leftovers: Iterable[Entry]) -> None:
        """Take over the pending events of earlier lives, in order, before anything is committed."""
        for entry in leftovers:
            self._pending[entry.key] = entry

    def adopt(self, client_id: str) -> None:
        """Commit in another user's name from now on; pending events too, since the authority will record them so."""
        self.client_id = client_id
        for key, entry in self._pending.items():
            self._pending[key] = Entry(entry.event._replace(client_id=client_id), entry.raw)

    def reset(self, backend: str) -> None:
        """Forget the log, keep what is pending: another log is followed from its beginning."""
        self.head = 0
        self.backend = backend

    def begin_at(self, seq: int) -> None:
        """Take the log up to `seq` for known: the tables come from an image of it."""
        self.head = seq

    def reconcile(self, incoming: Incoming) -> Outcome:
        """Fold a piece of the log, or a refusal, into the bookkeeping; what is known already changes nothing."""
        match incoming:
            case Tail():
                return self._take_tail(incoming)
            case Acked():
                return self._take_ack(incoming)
            case Refused():
                return self._take_refusal(incoming)

    def _take_tail(self, tail: Tail) -> Outcome:
        if tail.first > self.head + 1:
            return Outcome(gap=True)
        steps: list[Step] = []
        for entry in tail.entries[self.head + 1 - tail.first :]:
            mine = self._pending.get(entry.key)
            if mine is not None and not _same(mine, entry):
                # A clone of this machine was faster with the same number: what is pending here is somebody else's by name.
                steps.append(self._rekey(entry.key))
                mine = None
            elif mine is None and entry.event.store_session_id == self.session and entry.event.n > self.last_n:
                steps.append(self._rekey((self.session, entry.event.n)))  # a clone's, who uses this session by now
            self.head += 1
            if mine is None:
                steps.append(Confirmed(self.head, entry, own=False))
            else:
                steps.append(Confirmed(self.head, self._pending.pop(entry.key), own=True))
        return Outcome(steps)

    def _take_ack(self, ack: Acked) -> Outcome:
        # Ahead of the stream: an answer from the record; the events follow in their place.
        if ack.first > self.head + 1:
            return Outcome()
        steps: list[Step] = []
        for place in range(ack.count):
            entry = self._pending.pop((ack.session, ack.n + place), None)
            if ack.first + place <= self.head:
                if entry is not None:
                    steps.append(Included(ack.first + place, entry))
                continue
            if entry is None:
                return Outcome(steps, gap=True)
            self.head += 1
            steps.append(Confirmed(self.head, entry, own=True))
        return Outcome(steps)

    def _take_refusal(self, refused: Refused) -> Outcome:
        key = refused.session, refused.n
        if key not in self._pending:
            return Outcome()
        if refused.code == "conflict":
            return Outcome([self._rekey(key)])
        return Outcome([Dropped(self._pending.pop(key), refused.code, refused.message)])

    def _rekey(self, key: Key) -> Rekeyed:
        """Give that event and those after it of its session a new session, in the same places."""
        session, first = key
        fresh = self._new_session()
        pairs: list[tuple[Entry, Entry]] = []
        kept: OrderedDict[Key, Entry] = OrderedDict()
        for entry in self._pending.values():
            moved = entry
            if entry.event.store_session_id == session and entry.event.n >= first:
                moved = Entry(entry.event._replace(store_session_id=fresh, n=len(pairs) + 1), entry.raw)
                pairs.append((entry, moved))
            kept[moved.key] = moved
        self._pending = kept
        if session == self.session:
            self.session, self.last_n = fresh, len(pairs)
        return Rekeyed(pairs)


def _same(mine: Entry, other: Entry) -> bool:
    return mine.event.name == other.event.name and (mine.raw == other.raw or mine.event.args == other.event.args)
