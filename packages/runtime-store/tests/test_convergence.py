"""Replicas and one backend under random commits, cuts, reconnects, duplicates, overload and refusals: all end equal.

The protocol, the bookkeeping and the SQL are the real ones; the network is two queues per connection that the test moves.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from runtime_schema.args import encode_args
from runtime_schema.events import (
    CellCreated,
    CellDeleted,
    CellMoved,
    CellSourceSet,
    Event,
    ExecutionCancelRequested,
    ExecutionFinished,
    ExecutionRequested,
    ExecutionStarted,
    JsonText,
    RuntimeSessionStarted,
    RuntimeSessionStatusSet,
    RuntimeSessionTerminated,
    StreamAppended,
    wire_name,
)
from runtime_schema.ids import CellId, ExecutionId, OutputId, RuntimeId, RuntimeSessionId
from runtime_schema.materialize import create_state, materialize
from runtime_schema.store_types import Applied, RejectedError
from runtime_store.frames import ConfirmedEvent, PushEvent, encode_frame, encode_json, trusted_args
from runtime_store.protocol import Close, Connect, Effect, Reconciled, Reset, Send, SyncProtocol, Welcomed
from runtime_store.receipt import Receipt
from runtime_store.reconcile import Rekeyed, Replica
from runtime_store.replica_state import ReplicaState
from runtime_store.sqlite import dump_tables, open_memory
from runtime_store.testing import InMemoryBackend, Peer, Verdict

FOUL = "foul"

Dump = dict[str, list[tuple[object, ...]]]


def judge(event: PushEvent) -> Verdict:
    return ("invalid", "foul language") if FOUL.encode() in bytes(event.args) else None


def replay(log: list[ConfirmedEvent]) -> tuple[Dump, list[bool]]:
    """Make the state from nothing, and tell which events were applied."""
    db = open_memory()
    create_state(db)
    applied = [bool(materialize(db, event.name, trusted_args(event.args), event.client_id, event.store_session_id)) for event in log]
    made = dump_tables(db)
    db.close()
    return made, applied


@dataclass(slots=True)
class Link:
    """One connection and what the client has sent on it that did not arrive yet."""

    peer: Peer
    to_server: deque[bytes]


class Client:
    """One store without a loop: the real parts, wired by hand."""

    def __init__(self, backend: InMemoryBackend, number: int) -> None:
        self.backend = backend
        self.names = (f"s{number}-{life}" for life in range(1_000))
        self.replica = Replica(next(self.names), "local", lambda: next(self.names))
        self.local = ReplicaState(self.replica)
        self.protocol = SyncProtocol(self.replica, lambda: 0.5)
        self.protocol.start()
        self.now = 0.0
        self.link: Link | None = None
        self.stale_links: list[Link] = []
        self.receipts: list[tuple[str, Receipt]] = []

    def commit(self, event: Event) -> None:
        args = encode_args(event)
        entry, receipt = self.local.commit(wire_name(event), args, encode_json(args))
        self.receipts.append((entry.event.name, receipt))
        self.perform(self.protocol.offer([entry]))

    def connect(self) -> None:
        """Open a connection; one that was open lives on at the server, with what was sent on it under way."""
        if self.link is not None:
            self.stale_links.append(self.link)
            self.closed()
        self.link = Link(self.backend.connect(), deque())
        self.perform(self.protocol.on_connected(self.now))

    def cut(self) -> None:
        if self.link is not None:
            self.backend.disconnect(self.link.peer)
            self.closed()

    def closed(self) -> None:
        self.link = None
        self.protocol.on_closed(self.now, "cut")

    def send(self, count: int) -> None:
        """Let up to `count` frames reach the server, those of old connections last."""
        for link in [*([self.link] if self.link else []), *self.stale_links]:
            for _ in range(min(count, len(link.to_server))):
                self.backend.on_frame(link.peer, link.to_server.popleft())

    def receive(self, count: int) -> None:
        link = self.link
        for _ in range(count):
            if link is None or link is not self.link or not link.peer.outbox:
                return
            self.perform(self.protocol.on_frame(link.peer.outbox.popleft(), self.now))

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.perform(self.protocol.on_timer(self.now))

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(frame):
                    assert self.link is not None
                    self.link.to_server.append(encode_frame(frame))
                case Close():
                    self.cut()
                case Reconciled(outcome):
                    self.local.take(outcome)
                    if any(isinstance(step, Rekeyed) for step in outcome.steps):
                        self.protocol.offer(self.replica.pending())
                case Reset(_, known):
                    if known:
                        self.local.reset()
                case Welcomed():
                    assert effect.client_id == "local"
                case Connect():
                    pass
                case _:
                    raise AssertionError(effect)

    @property
    def quiet(self) -> bool:
        return self.link is not None and not self.link.to_server and not self.link.peer.outbox and self.protocol.connected


def settle(backend: InMemoryBackend, clients: list[Client]) -> None:
    """Heal everything and let it run to its end."""
    backend.overloaded = False
    for client in clients:
        for link in client.stale_links:
            while link.to_server:
                backend.on_frame(link.peer, link.to_server.popleft())
            backend.disconnect(link.peer)
        client.stale_links.clear()
        client.connect()
    for _ in range(200):
        for client in clients:
            if client.link is None:
                client.connect()
            client.send(1_000)
            client.receive(1_000)
            client.tick(0.2)
        if all(client.quiet and client.replica.pending_count == 0 for client in clients):
            return
    raise AssertionError("no rest was reached")


def receipts_of(client: Client) -> Iterator[tuple[str, Applied | Exception]]:
    client.local.settle()
    for name, receipt in client.receipts:
        assert receipt.done
        awaiting = receipt.__await__()
        try:
            next(awaiting)
        except StopIteration as stop:
            yield name, stop.value
        except RejectedError as exc:
            yield name, exc
        else:
            raise AssertionError("a settled receipt does not wait")


CELLS = [CellId(f"c{i}") for i in range(3)]
EXECUTIONS = [ExecutionId(f"e{i}") for i in range(4)]
SESSIONS = [RuntimeSessionId(f"r{i}") for i in range(2)]

texts = st.sampled_from(["x = 1", "y", "z\n", FOUL])


def started(session: RuntimeSessionId, replaces: RuntimeSessionId | None = None) -> RuntimeSessionStarted:
    return RuntimeSessionStarted(
        session_id=session,
        replaces=replaces,
        runtime_id=RuntimeId("rt"),
        runtime_type="python",
        capabilities=("code",),
        info=JsonText("{}"),
        lost_after_ms=1,
        started_ms=1,
    )


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event on few ids, so that guards meet."""
    cell, execution, session = draw(st.sampled_from(CELLS)), draw(st.sampled_from(EXECUTIONS)), draw(st.sampled_from(SESSIONS))
    text, digit = draw(texts), draw(st.integers(0, 3))
    made: list[Event] = [
        CellCreated(cell_id=cell, cell_type="code", position="a0", source=text),
        CellSourceSet(cell_id=cell, source=text),
        CellMoved(cell_id=cell, position=f"a{digit}"),
        CellDeleted(cell_id=cell),
        started(session, draw(st.none() | st.sampled_from(SESSIONS))),
        RuntimeSessionStatusSet(session_id=session, status="ready"),
        RuntimeSessionTerminated(session_id=session, reason="evicted"),
        ExecutionRequested(execution_id=execution, cell_id=cell, source=text, requested_ms=1),
        ExecutionStarted(execution_id=execution, session_id=session, execution_count=1, started_ms=1),
        ExecutionFinished(execution_id=execution, session_id=session, status="ok", finished_ms=2),
        ExecutionCancelRequested(execution_id=execution, reason="user"),
        StreamAppended(
            output_id=OutputId(f"o-{execution}"), execution_id=execution, session_id=session, stream="stdout", n=digit, text=text
        ),
    ]
    return draw(st.sampled_from(made))


actions = st.one_of(
    st.tuples(st.just("commit"), events()),
    st.tuples(st.sampled_from(["send", "receive"]), st.integers(1, 6)),
    st.tuples(st.sampled_from(["send", "receive", "read", "read-confirmed"]), st.integers(6, 9)),
    st.tuples(st.sampled_from(["connect", "cut", "tick", "overload", "recover", "ping"]), st.none()),
)

# A session that is ready and a cell to begin with, so that guards hold often enough to matter.
OPENING: list[Event] = [
    CellCreated(cell_id=CELLS[0], cell_type="code", position="a0", source="x"),
    started(SESSIONS[0]),
    RuntimeSessionStatusSet(session_id=SESSIONS[0], status="ready"),
]


def act(backend: InMemoryBackend, client: Client, action: tuple[str, object]) -> None:
    match action:
        case "commit", Event() as event:
            client.commit(event)
        case "send", int(count):
            client.send(count)
        case "receive", int(count):
            client.receive(count)
        case "connect", _:
            client.connect()
        case "cut", _:
            client.cut()
        case "tick", _:
            client.tick(0.2)
        case "read", _:
            pending = [ConfirmedEvent(e.event.name, Raw(e.raw), "local", *e.key) for e in client.replica.pending()]
            assert client.local.dump(confirmed=False) == replay(backend.log[: client.replica.head] + pending)[0]
        case "read-confirmed", _:
            assert client.local.dump(confirmed=True) == replay(backend.log[: client.replica.head])[0]
        case "ping", _:
            backend.ping()
        case name, _:
            backend.overloaded = name == "overload"


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 2), actions), min_size=10, max_size=100))
def test_three_stores_and_one_backend_converge_whatever_the_network_does(script: list[tuple[int, tuple[str, object]]]) -> None:
    backend = InMemoryBackend(judge=judge)
    clients = [Client(backend, number) for number in range(3)]
    for event in OPENING:
        clients[0].commit(event)
    settle(backend, clients)
    for number, action in script:
        act(backend, clients[number], action)
    settle(backend, clients)

    expected, applied = replay(backend.log)
    for client in clients:
        assert client.local.dump(confirmed=False) == expected
        assert client.local.dump(confirmed=True) == expected
        for name, outcome in receipts_of(client):
            if isinstance(outcome, Applied):
                assert backend.log[outcome.seq - 1].name == name
                assert applied[outcome.seq - 1] == outcome.applied
            else:
                assert str(outcome).endswith("foul language")
    keys = [(event.store_session_id, event.n) for event in backend.log]
    assert len(keys) == len(set(keys)) == sum(isinstance(o, Applied) for client in clients for _, o in receipts_of(client))


def test_a_clone_with_other_events_under_the_same_numbers_recommits_them_under_a_new_session() -> None:
    backend = InMemoryBackend()
    original, clone = Client(backend, 0), Client(backend, 0)
    clone.names = (f"clone-{life}" for life in range(9))
    original.commit(CellCreated(cell_id=CELLS[0], cell_type="code", position="a0", source="original"))
    clone.commit(CellCreated(cell_id=CELLS[1], cell_type="code", position="a1", source="clone"))
    clone.commit(CellSourceSet(cell_id=CELLS[1], source="more"))
    settle(backend, [original])
    settle(backend, [clone])
    settle(backend, [original, clone])
    assert [(event.name, event.store_session_id, event.n) for event in backend.log] == [
        ("v1.CellCreated", "s0-0", 1),
        ("v1.CellCreated", "clone-0", 1),
        ("v1.CellSourceSet", "clone-0", 2),
    ]
    assert clone.replica.session == "clone-0"
    assert [outcome for _, outcome in receipts_of(clone)] == [Applied(2, applied=True), Applied(3, applied=True)]
    assert original.local.dump(confirmed=True) == clone.local.dump(confirmed=True) == replay(backend.log)[0]


def test_a_clone_that_learns_of_its_twin_only_from_the_backends_refusal_recommits_too() -> None:
    backend = InMemoryBackend()
    original, clone = Client(backend, 0), Client(backend, 0)
    clone.names = (f"clone-{life}" for life in range(9))
    clone.connect()
    clone.send(9)
    clone.receive(1)
    original.commit(CellCreated(cell_id=CELLS[0], cell_type="code", position="a0", source="original"))
    settle(backend, [original])
    clone.send(9)
    clone.commit(CellCreated(cell_id=CELLS[1], cell_type="code", position="a1", source="clone"))
    clone.send(9)
    settle(backend, [original, clone])
    assert [event.store_session_id for event in backend.log] == ["s0-0", "clone-0"]
    assert original.local.dump(confirmed=True) == clone.local.dump(confirmed=True) == replay(backend.log)[0]


def test_another_log_at_the_backend_replaces_the_copy_and_keeps_what_was_pending() -> None:
    backend = InMemoryBackend("before")
    client = Client(backend, 0)
    client.commit(CellCreated(cell_id=CELLS[0], cell_type="code", position="a0", source="old"))
    settle(backend, [client])
    client.cut()
    client.commit(CellCreated(cell_id=CELLS[1], cell_type="code", position="a1", source="unsent"))
    restored = InMemoryBackend("after")
    client.backend = restored
    settle(restored, [client])
    assert [event.n for event in restored.log] == [2]
    assert client.local.dump(confirmed=False) == replay(restored.log)[0]
    assert client.protocol.problem is not None
    assert "another log" in client.protocol.problem


def test_a_refused_event_that_was_already_seen_disappears_and_what_was_behind_it_stays() -> None:
    backend = InMemoryBackend(judge=judge)
    client = Client(backend, 0)
    client.commit(CellCreated(cell_id=CELLS[0], cell_type="code", position="a0", source="x"))
    settle(backend, [client])
    client.commit(CellSourceSet(cell_id=CELLS[0], source=FOUL))
    assert client.local.dump(confirmed=False)["cells"][0][:3] == ("c0", "code", FOUL)
    client.send(1)
    client.receive(1)
    client.commit(CellMoved(cell_id=CELLS[0], position="a1"))
    assert client.local.dump(confirmed=False)["cells"][0][:4] == ("c0", "code", "x", "a1")
