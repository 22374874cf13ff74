"""The core of one notebook's sync: decides, numbers, fans out, streams, watches the lease. No I/O, no clock.

What comes in are calls with the time; what goes out are effects. Events are numbered when they are decided and exist for
others only when their batch is durable. This is one state machine, so it is one file; what can stand alone stands beside it.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from runtime_schema.args import encode_args
from runtime_schema.events import Event, wire_name
from runtime_schema.hashes import RULES_HASH
from runtime_schema.ids import SERVER_CLIENT_ID
from runtime_schema.wire import ByeCode, Limits, RejectCode
from runtime_store.errors import FrameError
from runtime_store.frames import (
    ClientFrame,
    From,
    Hello,
    LimitsOut,
    LiveIn,
    LiveOut,
    Pause,
    Ping,
    Pong,
    Push,
    PushEvent,
    Reject,
    Sender,
    Snapshot,
    Standby,
    User,
    Welcome,
    decode_live_data,
    encode_frame,
)

from .effects import Append, Close, Effect, LookUp, PeerId, ReadPage, Retitle, Send
from .images import Image
from .lease import Lease
from .log import Batch, Decision, OpenedStore, Record
from .peer import AckRun, Peer
from .rate import Rate
from .standby import Offer, Offers
from .tail import Tail, events_frames
from .verdict import SESSION_STARTED, Grounds, Note, NumberedEvent, event_digest, first_requested, judge, note_of, raw_args

CHATTER_PER_S = 500
"""Live messages and pings that one connection may send a second; twice as many at once."""
PAUSE_MS = 1_000
DECIDED_TOLD = 200
"""How many of a user's other sessions `welcome.decided` names; what it leaves out is answered when pushed again."""
VIEWER_TOPICS = frozenset({"presence"})
"""Live topics that are relayed for a viewer, to everybody; all others reach a runtime or answer for somebody."""


@dataclass(slots=True)
class _Flight:
    """A batch that is not durable yet, and who gets the answer."""

    batch: Batch
    peer: PeerId | None
    notes: list[Note]


@dataclass(slots=True)
class _Session:
    """A store session: whose it is, the last `n` decided, and the last `n` decided durably."""

    client_id: str
    last_n: int
    durable_n: int
    rate: Rate | None = None


class Room:
    """One notebook. `generation` grows when batches in flight are given up: later news of them is void."""

    def __init__(
        self,
        store_id: str,
        opened: OpenedStore,
        *,
        limits: Limits,
        session: str,
        now_s: float,
        now_ms: int,
        has_artifact: Callable[[str], bool],
    ) -> None:
        self.store_id = store_id
        self.head = opened.head
        self.image: Image | None = None
        """The image that clients are offered to begin from."""
        self.generation = 0
        self._backend = opened.backend
        self._next = opened.head + 1
        self._limits = limits
        self._own_session = session
        self._own_n = 0
        self._tail = Tail(opened.head)
        self._sessions = {name: _Session(head.client_id, head.last_n, head.last_n) for name, head in opened.sessions.items()}
        self._peers: dict[PeerId, Peer] = {}
        self._by_session: dict[str, set[PeerId]] = {}
        self._flights: deque[_Flight] = deque()
        self._waiting: list[LookUp] = []
        self._grounds = Grounds(limits=limits, has_artifact=has_artifact, passwords=set())
        self._lease = Lease(limits.lease_ms / 1000)
        self._offers = Offers(opened.head)
        self._asked = False
        for event in opened.marked:
            self._note(note_of(event.body), now_s, max(0, now_ms - event.recorded_ms) / 1000)
        self._lease.rest()
        self._flagged = self._lease.active

    @property
    def idle(self) -> bool:
        """Whether nothing would be missed if the room were closed now."""
        return not self._peers and not self._flights and not self._lease.active

    @property
    def backend(self) -> str:
        """What tells this log from another of the same name."""
        return self._backend

    @property
    def decided(self) -> int:
        """The number of the last event that was accepted, be it on disk or on its way there."""
        return self._next - 1

    @property
    def flights(self) -> int:
        """How many batches are on their way to the disk."""
        return len(self._flights)

    def on_connect(self, peer: PeerId, user: User, now_s: float) -> None:
        """A connection of an authenticated user."""
        self._peers[peer] = Peer(peer, user, now_s, Rate(CHATTER_PER_S, 2 * CHATTER_PER_S, now_s))

    def on_frame(self, peer_id: PeerId, frame: ClientFrame, now_s: float) -> list[Effect]:
        """A frame of a client; of a forgotten one it is nothing."""
        peer = self._peers.get(peer_id)
        if peer is None:
            return []
        if isinstance(frame, Push) and peer.session:
            effects = self._on_push(peer, frame, now_s)
            if frame.standby is not None:
                self._on_standby(peer, frame.standby, now_s)
            return effects
        if isinstance(frame, Hello) != (not peer.session):
            return self._bye(peer, "bad-frame", "the first frame, and only that, must be hello", now_s)
        if not isinstance(frame, Hello | From | Push) and not peer.chatter.take(1, now_s):
            return self._bye(peer, "too-many", f"more than {CHATTER_PER_S} live messages or pings a second", now_s)
        match frame:
            case Hello():
                return self._on_hello(peer, frame, now_s)
            case From():
                return self._on_from(peer, frame, now_s)
            case LiveOut():
                return self._on_live(peer, frame, now_s)
            case Ping():
                return [Send(peer.id, encode_frame(Pong()))]
            case Push() | Pong():
                return []

    def on_bad_frame(self, peer_id: PeerId, problem: str, now_s: float) -> list[Effect]:
        """A client sent what is no frame."""
        peer = self._peers.get(peer_id)
        return [] if peer is None else self._bye(peer, "bad-frame", problem[:400], now_s)

    def on_close(self, peer_id: PeerId, now_s: float) -> None:
        """A connection is gone."""
        if (peer := self._peers.get(peer_id)) is not None:
            self._forget(peer, now_s)

    def on_stall(self, peer_id: PeerId, now_s: float) -> list[Effect]:
        """A client has read nothing for too long, or far too little."""
        peer = self._peers.get(peer_id)
        return [] if peer is None else self._bye(peer, "slow-consumer", "what was sent was not read; connect again to go on", now_s)

    def on_overflow(self, peer_id: PeerId) -> None:
        """A client's queue is full: it goes on from the log when the queue has drained."""
        if (peer := self._peers.get(peer_id)) is not None and peer.stage == "live":
            peer.stage, peer.busy = "lagging", True

    def on_drained(self, peer_id: PeerId) -> list[Effect]:
        """A client's queue is empty after bulk or overflow."""
        peer = self._peers.get(peer_id)
        if peer is None:
            return []
        peer.busy = False
        return self._stream(peer)

    def on_page(self, peer_id: PeerId, after: int, bodies: list[bytes]) -> list[Effect]:
        """A page of older events was read."""
        peer = self._peers.get(peer_id)
        if peer is None:
            return []
        return self._send_page(peer, after, bodies)

    def on_records(self, look: LookUp, records: Sequence[Record], now_s: float) -> list[Effect]:
        """Decisions about events that were pushed again were read: answer, then take what waited for this."""
        peer = self._peers.get(look.peer)
        if peer is None:
            return []
        known = {record.n: record for record in records}
        run = AckRun()
        frames: list[bytes | None] = []
        for n, digest in look.wanted:
            record = known.get(n)
            if record is None or record.digest != digest:
                what = "was never decided and cannot be now" if record is None else "was decided with another content"
                frames += [run.take(), _reject(look.session, n, "conflict", f"event {n} of session {look.session} {what}")]
                peer.conflicts.add(look.session)
            elif record.seq is None:
                frames += [run.take(), _reject(look.session, n, record.code or "invalid", record.message)]
            elif not peer.only_pushes:
                frames.append(run.add(look.session, n, record.seq))
        frames.append(run.take())
        effects = self._answer_in_turn(peer, [frame for frame in frames if frame is not None])
        return effects + self._take(peer, look.session, peer.behind.pop(look.session), now_s)

    def on_durable(self, count: int, now_s: float) -> list[Effect]:
        """The `count` oldest batches in flight are on disk: acknowledge, fan out, act on what concerns the room."""
        flights = [self._flights.popleft() for _ in range(count)]
        first = self.head + 1
        bodies = [decision.body for flight in flights for decision in flight.batch.decisions if decision.body is not None]
        self.head += len(bodies)
        self._tail.extend(bodies)
        effects = self._fan_out(flights, first, bodies)
        for flight in flights:
            if flight.batch.decisions:
                last = flight.batch.decisions[-1]
                self._sessions[last.session].durable_n = last.n
            for note in flight.notes:
                effects += self._note(note, now_s, 0.0)
        self._lease.rest()
        effects += self._tend(now_s)
        if self._flagged and not self._lease.active and not self._flights:
            self._flagged = False
            effects += self._append(Batch(self.store_id, self._next, (), active=False), None, [])
        return effects + self._look_up_waiting()

    def on_refused(self) -> list[Effect]:
        """No batch in flight was recorded: forget what was decided in them, ask their senders to push again later."""
        self.generation += 1
        effects: list[Effect] = []
        for flight in self._flights:
            decisions = flight.batch.decisions
            if not decisions:
                continue
            session = self._sessions[decisions[-1].session]
            session.last_n = session.durable_n
            peer = self._peers.get(flight.peer) if flight.peer is not None else None
            if peer is not None and decisions[0].n < peer.paused.get(decisions[0].session, math.inf):
                effects.append(self._pause(peer, decisions[0].session, decisions[0].n))
        self._own_n = self._sessions[self._own_session].durable_n if self._own_session in self._sessions else 0
        self._flights.clear()
        self._offers.changed()
        self._next = self.head + 1
        self._asked = False
        return effects + self._look_up_waiting()

    def on_timer(self, now_s: float) -> list[Effect]:
        """Time has passed: greetings that did not come, pings that are due, the lease."""
        effects: list[Effect] = []
        for peer in list(self._peers.values()):
            if not peer.session:
                if now_s - peer.opened_s >= self._limits.hello_timeout_ms / 1000:
                    effects += self._bye(peer, "timeout", "no hello came", now_s)
            elif now_s - peer.pinged_s >= self._limits.ping_interval_ms / 1000:
                peer.pinged_s = now_s
                effects.append(Send(peer.id, encode_frame(Ping(head=self.head))))
        return effects + self._tend(now_s)

    def runtime_died(self, store_session: str, now_s: float) -> list[Effect]:
        """The process of a runtime that this machine started is dead: no lease to wait for."""
        self._lease.died(store_session)
        return self._tend(now_s)

    def commit(self, events: Sequence[Event]) -> list[Effect]:
        """Record events of the server's own; all of them in one batch.

        Raises:
            ValueError: An event that is not valid: the server's own fault.
        """
        decisions: list[Decision] = []
        notes: list[Note] = []
        for event in events:
            self._own_n += 1
            decision, note = judge(
                wire_name(event),
                raw_args(encode_args(event)),
                SERVER_CLIENT_ID,
                self._own_session,
                self._own_n,
                same_rules=True,
                authority=True,
                grounds=self._grounds,
            )
            if decision.body is None:
                self._own_n -= len(decisions) + 1
                raise ValueError(decision.message)
            decisions.append(decision)
            if note is not None:
                notes.append(note)
        return self._decide(None, self._own_session, SERVER_CLIENT_ID, decisions, notes)

    def push_numbered(self, user: User, events: Sequence[NumberedEvent], *, same_rules: bool, now_s: float) -> list[Effect] | str:
        """Record events that a client has numbered itself, from `decided + 1` on; all of them, or none and why."""
        judged: list[tuple[str, list[Decision], list[Note]]] = []
        for name, group in groupby(events, key=lambda event: event.session):
            run = list(group)
            session = self._sessions.get(name)
            if name == self._own_session or (session is not None and session.client_id != user.id):
                return f"session {name} is somebody else's"
            if session is not None and session.last_n >= run[0].seq:
                return f"session {name} has had event {session.last_n} already"
            verdicts = [
                judge(
                    event.name,
                    event.args,
                    user.id,
                    name,
                    event.seq,
                    same_rules=same_rules,
                    authority=False,
                    grounds=self._grounds,
                    keep_unknown=True,
                )
                for event in run
            ]
            for decision, _ in verdicts:
                if decision.body is None:
                    return decision.message
            judged.append((name, [decision for decision, _ in verdicts], [note for _, note in verdicts if note is not None]))
        for name, decisions, _ in judged:
            session = self._sessions.setdefault(name, _Session(user.id, 0, 0))
            session.rate = session.rate or Rate(self._limits.events_per_s, self._limits.events_per_s, now_s)
            if not session.rate.take(len(decisions), now_s):
                return f"session {name} sends too much; wait"
        return [effect for name, decisions, notes in judged for effect in self._decide(None, name, user.id, decisions, notes)]

    def after(self, seq: int, max_events: int, max_bytes: int) -> list[bytes] | None:
        """Give durable events from `seq + 1` on, as `Tail.after` does."""
        return self._tail.after(seq, max_events, max_bytes)

    def dismiss(self, code: ByeCode, message: str, now_s: float) -> list[Effect]:
        """Send everybody away."""
        return [effect for peer in list(self._peers.values()) for effect in self._bye(peer, code, message, now_s)]

    def _on_hello(self, peer: Peer, hello: Hello, now_s: float) -> list[Effect]:
        if hello.backend == self._backend and hello.head > self.head:
            return self._bye(peer, "ahead", f"you have {hello.head} events of this log, it has {self.head}", now_s)
        peer.session, peer.stage, peer.pinged_s = hello.session, "welcomed", now_s
        peer.same_rules = hello.rules == RULES_HASH
        own = self._sessions.get(hello.session)
        # Who names another's session must neither vouch for it nor get what is addressed to it.
        if not peer.looks_only and (own is None or own.client_id == peer.user.id):
            self._by_session.setdefault(hello.session, set()).add(peer.id)
            self._offers.withdraw(self._by_session[hello.session])  # one of several may be a copied machine's
        others = [(name, known.durable_n) for name, known in self._sessions.items() if known.client_id == peer.user.id]
        decided = {name: n for name, n in others[-DECIDED_TOLD:] if n}
        if own is not None and own.durable_n:
            decided[hello.session] = own.durable_n
        snapshot = self._offer(peer, hello) if hello.snapshot else None
        limits = LimitsOut.of(self._limits)
        welcome = Welcome(backend=self._backend, head=self.head, user=peer.user, limits=limits, decided=decided, snapshot=snapshot)
        return [Send(peer.id, encode_frame(welcome)), *self._tend(now_s)]

    def _offer(self, peer: Peer, hello: Hello) -> Snapshot | None:
        """Offer the image when it is ahead of the client and by the client's own rules; one just made may be ahead of the room."""
        image, has = self.image, hello.head if hello.backend == self._backend else 0
        if image is None or not peer.same_rules or not has < image.seq <= self.head:
            return None
        url = f"/api/notebooks/{self.store_id}/images/{image.sha256}"
        return Snapshot(seq=image.seq, url=url, size_bytes=image.size_bytes, sha256=image.sha256)

    def _on_from(self, peer: Peer, frame: From, now_s: float) -> list[Effect]:
        if peer.stage != "welcomed":
            return self._bye(peer, "bad-frame", "from is sent once", now_s)
        if frame.head > self.head:
            return self._bye(peer, "ahead", f"you have {frame.head} events of this log, it has {self.head}", now_s)
        peer.stage, peer.position = "lagging", frame.head
        return self._stream(peer)

    def _on_push(self, peer: Peer, push: Push, now_s: float) -> list[Effect]:
        name, events = push.session or peer.session, push.events
        if not events:
            return []
        if len(events) > self._limits.batch_events or any(a.n >= b.n for a, b in pairwise(events)):
            return self._bye(peer, "bad-frame", f"push: at most {self._limits.batch_events} events, ascending by n", now_s)
        if peer.looks_only:
            return [Send(peer.id, _reject(name, event.n, "forbidden", "a viewer may only look")) for event in events]
        session = self._sessions.get(name)
        if (session is not None and session.client_id != peer.user.id) or name == self._own_session:
            return [Send(peer.id, _reject(name, event.n, "forbidden", f"session {name} is somebody else's")) for event in events]
        # What another connection of the session got decided meanwhile need not come here any more.
        last_n = session.last_n if session is not None else 0
        if (paused := peer.paused.get(name)) is not None and last_n < paused < events[0].n:
            return [self._pause(peer, name, paused)]
        peer.paused.pop(name, None)
        behind = peer.behind.get(name)
        if behind is None:
            return self._take(peer, name, deque([events]), now_s)
        behind.append(events)
        held = [event for waiting in behind for event in waiting]
        if len(held) > self._limits.batch_events or sum(len(bytes(event.args)) for event in held) > self._limits.batch_bytes:
            return [self._pause(peer, name, min(event.n for event in held))]
        return []

    def _take(self, peer: Peer, name: str, pushes: deque[list[PushEvent]], now_s: float) -> list[Effect]:
        """Decide about pushes of one session, in order.

        What was decided before is looked up first, and what stands behind it waits: if the look-up finds a conflict, a clone
        of the machine used these numbers, and its events will come again under another session.
        """
        effects: list[Effect] = []
        while pushes:
            events = pushes.popleft()
            session = self._sessions.setdefault(name, _Session(peer.user.id, 0, 0))
            again = [event for event in events if event.n <= session.last_n]
            fresh = events[len(again) :]
            if again:
                if fresh:
                    pushes.appendleft(fresh)
                peer.behind[name] = pushes
                wanted = tuple((event.n, event_digest(event.name, bytes(event.args), peer.user.id)) for event in again)
                self._waiting.append(LookUp(peer.id, name, wanted))
                return effects + self._look_up_waiting()
            if name in peer.conflicts:
                message = f"session {name} is used by another machine too; commit this under a new one"
                effects += self._answer_in_turn(peer, [_reject(name, event.n, "conflict", message) for event in fresh])
                continue
            session.rate = session.rate or Rate(self._limits.events_per_s, self._limits.events_per_s, now_s)
            if not session.rate.take(len(fresh), now_s):
                return [*effects, self._pause(peer, name, fresh[0].n)]
            effects += self._judge(peer, name, fresh, now_s)
        return effects

    def _judge(self, peer: Peer, name: str, fresh: list[PushEvent], now_s: float) -> list[Effect]:
        decisions: list[Decision] = []
        notes: list[Note] = []
        for event in fresh:
            decision, note = judge(
                event.name, event.args, peer.user.id, name, event.n, same_rules=peer.same_rules, authority=False, grounds=self._grounds
            )
            decisions.append(decision)
            if note is not None:
                notes.append(note)
        offer = self._offers.standing  # a request ends it, be it used or not
        effects = self._decide(peer.id, name, peer.user.id, decisions, notes)
        if offer is not None and (request := next((note for note in notes if note.kind == "request"), None)) is not None:
            effects += self.commit([offer.start(first_requested(request), now_s)])
        return effects

    def _decide(self, peer: PeerId | None, name: str, client_id: str, decisions: list[Decision], notes: list[Note]) -> list[Effect]:
        started = any(note.name == SESSION_STARTED for note in notes)
        batch = Batch(self.store_id, self._next, tuple(decisions), active=True if started else None)
        self._flagged = self._flagged or started
        session = self._sessions.setdefault(name, _Session(client_id, 0, 0))
        session.last_n = decisions[-1].n
        return self._append(batch, peer, notes)

    def _append(self, batch: Batch, peer: PeerId | None, notes: list[Note]) -> list[Effect]:
        self._next += sum(decision.body is not None for decision in batch.decisions)
        if any(note.kind == "request" for note in notes):
            self._offers.requested(self.decided)
        self._flights.append(_Flight(batch, peer, notes))
        return [Append(batch)]

    def _fan_out(self, flights: list[_Flight], first: int, bodies: list[bytes]) -> list[Effect]:
        authors = {flight.peer for flight in flights}
        shared: list[bytes] | None = None
        effects: list[Effect] = []
        answers: list[Effect] = []
        for peer in self._peers.values():
            if peer.stage == "live":
                peer.position = self.head
                if peer.id in authors:
                    answers += self._answer(peer, flights, first)
                elif bodies:
                    shared = shared or self._frames(first, bodies)
                    effects += [Send(peer.id, frame) for frame in shared]
            elif peer.id in authors:
                # Its own events reach it in the stream, at their place; only what has no place is said now.
                answers += self._rejects(peer, flights)
        # Others first: an author shows its events already, and they are what others wait for.
        return effects + answers

    def _answer(self, peer: Peer, flights: list[_Flight], first: int) -> list[Effect]:
        """One ordered stream for an author: acknowledgements in the place of its own events."""
        frames: list[bytes | None] = []
        run = AckRun()
        others: list[bytes] = []
        seq = first
        for flight in flights:
            own = flight.peer == peer.id
            if own and others:
                frames += self._frames(seq - len(others), others)
                others = []
            for decision in flight.batch.decisions:
                if decision.body is None:
                    if own:
                        frames += [run.take(), _reject(decision.session, decision.n, decision.code or "invalid", decision.message)]
                    continue
                if own:
                    frames.append(run.add(decision.session, decision.n, seq))
                else:
                    if run.count:
                        frames.append(run.take())
                    others.append(decision.body)
                seq += 1
        frames.append(run.take())
        if others:
            frames += self._frames(seq - len(others), others)
        return [Send(peer.id, frame) for frame in frames if frame is not None]

    def _rejects(self, peer: Peer, flights: list[_Flight]) -> list[Effect]:
        return [
            Send(peer.id, _reject(decision.session, decision.n, decision.code, decision.message))
            for flight in flights
            if flight.peer == peer.id
            for decision in flight.batch.decisions
            if decision.code is not None
        ]

    def _frames(self, first: int, bodies: list[bytes]) -> list[bytes]:
        return events_frames(first, bodies, self._limits.batch_events, self._limits.batch_bytes)

    def _stream(self, peer: Peer) -> list[Effect]:
        if peer.stage != "lagging" or peer.busy:
            return []
        if peer.position == self.head:
            return self._go_live(peer)
        bodies = self._tail.after(peer.position, self._limits.batch_events, self._limits.batch_bytes)
        if bodies is None:
            peer.busy = True
            return [ReadPage(peer.id, peer.position)]
        return self._send_page(peer, peer.position, bodies)

    def _send_page(self, peer: Peer, after: int, bodies: list[bytes]) -> list[Effect]:
        # What was read may be newer than what is known here to be durable; that part comes with its own announcement.
        bodies = bodies[: self.head - after]
        peer.position = after + len(bodies)
        done = peer.position == self.head
        peer.busy = not done
        effects: list[Effect] = [Send(peer.id, frame, bulk=not done) for frame in self._frames(after + 1, bodies)]
        return effects + (self._go_live(peer) if done else [])

    def _answer_in_turn(self, peer: Peer, frames: list[bytes]) -> list[Effect]:
        """Send answers that may name events which a peer that lags has not been sent: to that one, when it has.

        A peer that has not asked for the log is not kept waiting: it may never ask, and is told of no place in it.
        """
        if peer.stage == "live" or peer.only_pushes:
            return [Send(peer.id, frame) for frame in frames]
        peer.held += frames
        return []

    def _go_live(self, peer: Peer) -> list[Effect]:
        peer.stage = "live"
        held, peer.held = peer.held, []
        return [Send(peer.id, frame) for frame in held]

    def _look_up_waiting(self) -> list[Effect]:
        """Ask for the records of events pushed again; what is in flight waits for the disk, what was given up is paused."""
        effects: list[Effect] = []
        waiting: list[LookUp] = []
        for look in self._waiting:
            session = self._sessions[look.session]
            if any(session.durable_n < n <= session.last_n for n, _ in look.wanted):
                waiting.append(look)
                continue
            decided = tuple(item for item in look.wanted if item[0] <= session.durable_n)
            undecided = [n for n, _ in look.wanted if n > session.durable_n]
            peer = self._peers.get(look.peer)
            if undecided and peer is not None:
                effects.append(self._pause(peer, look.session, undecided[0]))
            if decided:
                effects.append(replace(look, wanted=decided))
            elif peer is not None:
                del peer.behind[look.session]
        self._waiting = waiting
        return effects

    def _on_live(self, peer: Peer, live: LiveOut, now_s: float) -> list[Effect]:
        if len(bytes(live.data)) > self._limits.live_bytes:
            return self._bye(peer, "bad-frame", f"live: data has more than {self._limits.live_bytes} bytes", now_s)
        try:
            decode_live_data(live.data)
        except FrameError as exc:
            return self._bye(peer, "bad-frame", str(exc), now_s)
        if peer.looks_only and (live.topic not in VIEWER_TOPICS or live.to is not None):
            return []
        sender = Sender(session=peer.session, user=peer.user.id)
        frame = encode_frame(LiveIn(topic=live.topic, data=live.data, sender=sender, to=live.to, id=live.id))
        if live.to is not None:
            return [Send(to, frame) for to in sorted(self._by_session.get(live.to, ()))]
        return [Send(other.id, frame) for other in self._peers.values() if other.session and other.id != peer.id]

    def _on_standby(self, peer: Peer, standby: Standby, now_s: float) -> None:
        """Keep the offer of a connection that is the active runtime's own, once all is decided that ended what it ran."""
        session = self._sessions.get(peer.session)
        if session is None or not self._lease.vouches(peer.session) or not peer.same_rules:
            return
        if self._by_session.get(peer.session) != {peer.id}:
            return  # another's session, or a machine and its copy, each of which would run what is started
        if session.last_n >= standby.n and (session.rate is None or session.rate.take(1, now_s)):
            self._offers.take(Offer(peer.id, standby, now_s))

    def _note(self, note: Note, now_s: float, ago_s: float) -> list[Effect]:
        match note.kind:
            case "session":
                self._asked = False
                self._lease.apply(note, now_s, ago_s)
                self._offers.changed()
            case "password":
                self._grounds.passwords.add(str(note.args["requestId"]))
            case "title":
                return [Retitle(str(note.args["value"]))]
            case "request" | "none":
                pass
        return []

    def _tend(self, now_s: float) -> list[Effect]:
        """Commit what the lease makes due, one event at a time."""
        if self._asked or not self._lease.active:
            return []
        connected = any(self._lease.vouches(session) for session, peers in self._by_session.items() if peers)
        due = self._lease.due(now_s, connected)
        if due is None:
            return []
        self._asked = True
        return self.commit([due])

    def _pause(self, peer: Peer, session: str, n: int) -> Send:
        """Say that nothing from `n` on was decided; what waits behind a look-up is sent again too."""
        if (behind := peer.behind.get(session)) is not None:
            behind.clear()
        peer.paused[session] = n = min(n, peer.paused.get(session, n))
        return Send(peer.id, encode_frame(Pause(session=session, from_n=n, retry_ms=PAUSE_MS)))

    def _bye(self, peer: Peer, code: ByeCode, message: str, now_s: float) -> list[Effect]:
        self._forget(peer, now_s)
        return [Close(peer.id, code, message)]

    def _forget(self, peer: Peer, now_s: float) -> None:
        del self._peers[peer.id]
        self._offers.withdraw({peer.id})  # its runtime may be dead
        same = self._by_session.get(peer.session, set())
        if peer.id not in same:
            return
        same.discard(peer.id)
        if not same:
            del self._by_session[peer.session]
            if self._lease.vouches(peer.session):
                self._lease.gone(now_s)


def _reject(session: str, n: int, code: RejectCode, message: str) -> bytes:
    return encode_frame(Reject(session=session, n=n, code=code, message=message))
