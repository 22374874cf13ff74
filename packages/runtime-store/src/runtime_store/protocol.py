"""The client's half of the sync protocol as a state machine without I/O: calls and frames in, effects out.

Time is what the caller says it is. The replica is the bookkeeping that both this and the store look at; what a frame did
to it goes out as `Reconciled`.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

from msgspec import Raw

from runtime_schema.hashes import RULES_HASH, SCHEMA_HASH
from runtime_schema.json_text import Json
from runtime_schema.wire import Limits, LogEvent

from .errors import FrameError
from .frames import (
    Ack,
    Bye,
    ClientFrame,
    ConfirmedEvent,
    Events,
    From,
    Hello,
    LiveIn,
    Pause,
    Ping,
    Pong,
    Push,
    PushEvent,
    Reject,
    ServerFrame,
    Snapshot,
    Standby,
    Welcome,
    decode_server_frame,
    trusted_args,
)
from .reconcile import Acked, Confirmed, Dropped, Entry, Included, Incoming, Key, Outcome, Refused, Rekeyed, Replica, Tail

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 15.0
SLOW_RETRY_S = 15.0
"""Wait after an answer that trying again soon will not change, such as `unauthorized`."""
CONNECT_TIMEOUT_S = 10.0
_SETTLED_S = 1.0
"""A connection that lived so long after its welcome starts the backoff anew."""

# What a frame adds to an event besides its args and name, rounded up.
_EVENT_OVERHEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame."""

    frame: ClientFrame


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection; `on_closed` follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection now; `on_connected` or `on_closed` follows."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The replica changed so."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Reset:
    """The backend keeps another log than before: drop the copy, keep what is pending."""

    backend: str
    known: bool


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The backend took the client for this user, and has these limits."""

    client_id: str
    role: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Upload:
    """Make sure that the backend has these artifacts, then call `on_uploaded`."""

    sha256s: frozenset[str]


@dataclass(frozen=True, slots=True)
class LoadImage:
    """Begin from this image of that backend's log, then call `on_image`."""

    backend: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Deliver:
    """A live message came."""

    message: LiveIn


Effect = Send | Close | Connect | Reconciled | Reset | Welcomed | Upload | LoadImage | Deliver

Phase = Literal["waiting", "connecting", "hello", "image", "synced"]
"""`image`: welcomed, and the image is on its way; the log is asked for when it is here, or is known not to come."""


@dataclass(slots=True)
class _Flight:
    """What happened on this connection only."""

    queue: deque[Entry] = field(default_factory=deque[Entry])
    decided: Mapping[str, int] = field(default_factory=dict[str, int])
    sent: OrderedDict[Key, int] = field(default_factory=OrderedDict[Key, int])
    sent_bytes: int = 0
    paused_until: float | None = None
    standby: Standby | None = None
    uploading: bool = False
    uploaded: frozenset[str] = frozenset()
    head_at_last_ping: int = -1
    welcomed_at: float | None = None


class SyncProtocol:
    """One store's connection to its backend, through all its reconnects.

    Args:
        replica: Head and pending; only entries given to `offer` are pushed.
        random: Gives numbers in [0, 1), for the jitter of the backoff.
        uploads: Whether somebody answers `Upload` effects; otherwise artifacts are taken to be there.
        images: Whether somebody answers `LoadImage` effects; otherwise the log is read from its beginning.
    """

    def __init__(self, replica: Replica, random: Callable[[], float], *, uploads: bool = False, images: bool = False) -> None:
        self.problem: str | None = None
        self.limits = Limits()
        self.server_head = 0
        self._replica = replica
        self._random = random
        self._uploads = uploads
        self._images = images
        self._phase: Phase = "waiting"
        self._offered: OrderedDict[Key, Entry] = OrderedDict()
        self._flight = _Flight()
        self._deadline: float | None = None
        self._attempt = 0
        self._slow = False
        self._at_once = False

    @property
    def connected(self) -> bool:
        """Whether the backend has welcomed this store and the connection stands."""
        return self._phase == "synced"

    @property
    def caught_up(self) -> bool:
        """Whether everything that the backend had at its last word is here."""
        return self._phase == "synced" and self._replica.head >= self.server_head

    @property
    def deadline(self) -> float | None:
        """When `on_timer` must be called, unless something happens before."""
        resume = self._flight.paused_until
        if resume is None or self._deadline is None:
            return resume if self._deadline is None else self._deadline
        return min(resume, self._deadline)

    def start(self) -> list[Effect]:
        """Ask for the first connection."""
        self._phase = "connecting"
        return [Connect()]

    def offer(self, entries: Iterable[Entry], standby: Standby | None = None) -> list[Effect]:
        """Take pending events that may be sent, in order, after those offered before.

        With the last of them goes `standby`, on this connection or never.
        """
        if standby is not None and self._phase == "synced":
            self._flight.standby = standby
        for entry in entries:
            if self._replica.is_pending(entry.key) and entry.key not in self._offered:
                self._offered[entry.key] = entry
                if self._phase == "synced":
                    self._flight.queue.append(entry)
        return self._push()

    def on_connected(self, now: float) -> list[Effect]:
        """The socket is open: introduce this store."""
        self._phase = "hello"
        self._deadline = now + CONNECT_TIMEOUT_S
        replica = self._replica
        hello = Hello(
            session=replica.session,
            rules=RULES_HASH,
            schema=SCHEMA_HASH,
            backend=replica.backend,
            head=replica.head,
            snapshot=self._images and replica.head == 0,
        )
        return [Send(hello)]

    def on_refused(self, status: int) -> None:
        """The upgrade was answered with this HTTP status; `on_closed` follows."""
        if status in (401, 403):
            self._problem_for_long(
                "the server does not let this client in: its token or session is missing, expired or not for this notebook"
            )
        elif status == 404:
            self._problem_for_long("the server does not have this notebook")

    def on_closed(self, now: float, reason: str) -> list[Effect]:
        """The connection is gone, or could not be opened: wait, then try again."""
        flight, self._flight = self._flight, _Flight()
        if flight.welcomed_at is not None and now - flight.welcomed_at >= _SETTLED_S:
            self._attempt = 0
        wait = SLOW_RETRY_S if self._slow else min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2**self._attempt)
        self._phase = "waiting"
        self._deadline = now if self._at_once else now + wait * (0.5 + self._random() / 2)
        self._attempt = min(self._attempt + 1, 10)
        if not self._slow and not self._at_once:
            self.problem = f"no connection to the server ({reason}); trying again"
        self._slow = self._at_once = False
        return []

    def on_timer(self, now: float) -> list[Effect]:
        """Time has passed."""
        effects: list[Effect] = []
        if self._flight.paused_until is not None and now >= self._flight.paused_until:
            self._flight.paused_until = None
            effects += self._push()
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            if self._phase == "waiting":
                self._phase = "connecting"
                effects.append(Connect())
            else:
                effects.append(Close("the server is silent"))
        return effects

    def on_uploaded(self, sha256s: frozenset[str]) -> list[Effect]:
        """The backend has these artifacts, or never will: go on."""
        self._flight.uploading = False
        self._flight.uploaded = sha256s
        return self._push()

    def on_frame(self, data: bytes | str, now: float) -> list[Effect]:
        """A frame came."""
        try:
            frame = decode_server_frame(data)
            if (self._phase == "hello") != isinstance(frame, Welcome) and not isinstance(frame, Bye):
                raise FrameError(f"{type(frame).__name__} is out of turn")
            self._deadline = now + 2 * self.limits.ping_interval_ms / 1000
            return self._take(frame, now)
        except FrameError as exc:
            self._problem_for_long(f"the server speaks another language: {exc.problem}")
            return [Close(exc.code)]

    def _take(self, frame: ServerFrame, now: float) -> list[Effect]:
        match frame:
            case Welcome():
                return self._welcomed(frame, now)
            case Events():
                return self._reconcile(Tail(frame.first, [_entry(event) for event in frame.events]))
            case Ack():
                return self._reconcile(Acked(frame.session, frame.n, frame.count, frame.first))
            case Reject():
                if frame.code == "upgrade":
                    self.problem = "the server follows other rules than this program: update it"
                return self._reconcile(Refused(frame.session, frame.n, frame.code, frame.message))
            case Pause():
                return self._pause(frame, now)
            case LiveIn():
                return [Deliver(frame)]
            case Ping():
                return self._ping(frame)
            case Pong():
                return []
            case Bye():
                return self._bye(frame)
            case _:
                assert_never(frame)

    def _welcomed(self, frame: Welcome, now: float) -> list[Effect]:
        replica = self._replica
        effects: list[Effect] = []
        self.limits = frame.limits.limits()
        self._deadline = now + 2 * self.limits.ping_interval_ms / 1000
        self.problem = None
        if replica.backend != frame.backend:
            known = replica.backend is not None
            replica.reset(frame.backend)
            effects.append(Reset(frame.backend, known))
            if known:
                self.problem = (
                    "the server has another log of this notebook than before: its content was loaded anew, unsent changes were kept"
                )
        elif frame.head < replica.head:
            return self._ahead()
        self.server_head = frame.head
        self._flight = _Flight(decided=frame.decided, welcomed_at=now)
        effects.append(Welcomed(frame.user.id, frame.user.role, self.limits))
        if frame.snapshot is not None and self._images and replica.head == 0:
            self._phase = "image"
            return [*effects, LoadImage(frame.backend, frame.snapshot)]
        return effects + self._follow()

    def on_image(self) -> list[Effect]:
        """The replica begins at the image now, or it could not be had and will not be asked for again: the log has everything."""
        self._images = False
        return self._follow() if self._phase == "image" else []

    def _follow(self) -> list[Effect]:
        """Ask for what is missing of the log, and push what is pending."""
        replica = self._replica
        self._phase = "synced"
        self._flight.queue = deque(entry for entry in replica.pending() if entry.key in self._offered)
        return [Send(From(head=replica.head)), *self._push()]

    def _reconcile(self, incoming: Incoming) -> list[Effect]:
        outcome = self._replica.reconcile(incoming)
        self.server_head = max(self.server_head, self._replica.head)
        effects: list[Effect] = [Reconciled(outcome)]
        live_session_moved = False
        for step in outcome.steps:
            match step:
                case Confirmed():
                    if step.own:
                        self._decided(step.entry.key)
                case Included() | Dropped():
                    self._decided(step.entry.key)
                case Rekeyed():
                    for old, _ in step.pairs:
                        self._decided(old.key)
                    gone = {old.key for old, _ in step.pairs}
                    self._flight.queue = deque(entry for entry in self._flight.queue if entry.key not in gone)
                    live_session_moved = True
        if outcome.gap:
            self._at_once = True
            return [*effects, Close("a part of the log is missing")]
        if live_session_moved:
            # The backend goes by hello's session, and must not be told anything more under the old one.
            self._at_once = True
            return [*effects, Close("the store session changed")]
        return effects + self._push()

    def _decided(self, key: Key) -> None:
        self._offered.pop(key, None)
        self._flight.sent_bytes -= self._flight.sent.pop(key, 0)

    def _pause(self, frame: Pause, now: float) -> list[Effect]:
        flight = self._flight
        again = [key for key in flight.sent if key[0] == frame.session and key[1] >= frame.from_n]
        for key in again:
            flight.sent_bytes -= flight.sent.pop(key)
        flight.queue.extendleft(self._offered[key] for key in reversed(again))
        flight.paused_until = now + frame.retry_ms / 1000
        return []

    def _ping(self, frame: Ping) -> list[Effect]:
        head = self._replica.head
        behind = isinstance(frame.head, int) and frame.head > head
        if behind and head == self._flight.head_at_last_ping:
            self._at_once = True
            return [Close("the server no longer sends its log")]
        self._flight.head_at_last_ping = head if behind else -1
        return [Send(Pong())]

    def _bye(self, frame: Bye) -> list[Effect]:
        match frame.code:
            case "ahead":
                return self._ahead()
            case "unauthorized" | "not-found" | "bad-frame" | "too-many":
                self._problem_for_long(f"the server refuses this client: {frame.message}")
            case "timeout" | "slow-consumer" | "shutdown":
                pass
        return [Close(frame.code)]

    def _ahead(self) -> list[Effect]:
        self._problem_for_long(
            "this copy of the notebook is newer than the server's, perhaps restored from a backup: changes are kept here, not sent"
        )
        return [Close("ahead")]

    def _problem_for_long(self, problem: str) -> None:
        self.problem = problem
        self._slow = True

    def _push(self) -> list[Effect]:
        """Fill the window, in order, one session at a time: an earlier life's events are decided before the next one's."""
        effects: list[Effect] = []
        flight, limits = self._flight, self.limits
        if self._phase != "synced" or flight.paused_until is not None or flight.uploading:
            return effects
        batch: list[PushEvent] = []
        session = ""
        while flight.queue:
            entry = flight.queue[0]
            key = entry.key
            if not self._replica.is_pending(key):
                flight.queue.popleft()
                continue
            if flight.sent and self._must_wait(next(reversed(flight.sent)), key):
                break
            size = len(entry.raw) + len(entry.event.name) + _EVENT_OVERHEAD_BYTES
            if flight.sent and (len(flight.sent) >= limits.batch_events or flight.sent_bytes + size > limits.batch_bytes):
                break
            if self._uploads and not (named := artifacts_of(entry.event.name, entry.event.args)) <= flight.uploaded:
                flight.uploading = True
                effects.append(Upload(named))
                break
            flight.queue.popleft()
            flight.sent[key] = size
            flight.sent_bytes += size
            session = key[0]
            batch.append(PushEvent(n=key[1], name=entry.event.name, args=Raw(entry.raw)))
        standby = None
        if not flight.queue:
            standby, flight.standby = flight.standby, None
        if batch:
            self._images = False  # an image might have these, and could not tell whether their guards held
        if batch or standby is not None:
            earlier = None if session in ("", self._replica.session) else session
            effects.insert(0, Send(Push(events=batch, session=earlier, standby=standby)))
        return effects

    def _must_wait(self, last: Key, key: Key) -> bool:
        """Tell whether `last` must be decided before `key` is sent.

        An earlier life's events are decided before the next one's. What was decided before this connection is asked about
        first: if a clone of this machine used the same numbers, nothing new must be recorded under them.
        """
        decided = self._flight.decided.get(key[0], 0)
        return last[0] != key[0] or last[1] <= decided < key[1]


def artifacts_of(name: str, args: Mapping[str, Json]) -> frozenset[str]:
    """Give the hashes of the artifacts that an event names."""
    if name == "v1.FilePut":
        return frozenset({str(args["sha256"])})
    parts: Any = args.get("bundle")  # Any: a checked bundle
    if parts is None:
        return frozenset()
    return frozenset(part["sha256"] for part in parts.values() if part["type"] == "artifact")


def _entry(event: ConfirmedEvent) -> Entry:
    raw = bytes(event.args)
    return Entry(LogEvent(event.name, trusted_args(raw), event.client_id, event.store_session_id, event.n), raw)
