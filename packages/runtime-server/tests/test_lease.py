"""Leases: what the authority commits about a runtime session, and when, by a clock that the test moves."""

from typing import Any

import msgspec
import pytest

from runtime_schema.hashes import RULES_HASH, SCHEMA_HASH
from runtime_schema.wire import Limits
from runtime_server.effects import Append, Effect
from runtime_server.log import OpenedStore, PastEvent
from runtime_server.room import Room
from runtime_store.frames import From, Hello, Push, PushEvent, User

USER = User(id="local", name="local", role="owner")
STARTED = {
    "sessionId": "r",
    "runtimeId": "me",
    "runtimeType": "python",
    "capabilities": ["code"],
    "info": "{}",
    "lostAfterMs": 60_000,
    "startedMs": 1,
}


class Notebook:
    """A room whose batches are durable at once; `log` is what it recorded of sessions, as `(name, args)`."""

    def __init__(self, marked: tuple[PastEvent, ...] = (), now_s: float = 0.0, now_ms: int = 0) -> None:
        opened = OpenedStore(backend="b", head=len(marked), sessions={}, marked=marked)
        self.room = Room("nb", opened, limits=Limits(), session="server", now_s=now_s, now_ms=now_ms, has_artifact=lambda _: False)
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.bodies: list[bytes] = []
        self.flags: list[bool] = []

    def run(self, effects: list[Effect], now_s: float) -> None:
        for effect in effects:
            if isinstance(effect, Append):
                if effect.batch.active is not None:
                    self.flags.append(effect.batch.active)
                for decision in effect.batch.decisions:
                    assert decision.body is not None, decision.message
                    self.bodies.append(decision.body)
                    name, args, *_ = msgspec.json.decode(decision.body)
                    self.log.append((name.removeprefix("v1.RuntimeSession"), args))
                self.run(self.room.on_durable(1, now_s), now_s)

    def connect(self, peer: int, session: str, now_s: float) -> None:
        self.room.on_connect(peer, USER, now_s)
        self.run(self.room.on_frame(peer, Hello(session=session, rules=RULES_HASH, schema=SCHEMA_HASH), now_s), now_s)

    def push(self, peer: int, n: int, name: str, args: object, now_s: float, session: str | None = None) -> None:
        event = PushEvent(n=n, name=f"v1.RuntimeSession{name}", args=msgspec.Raw(msgspec.json.encode(args)))
        self.run(self.room.on_frame(peer, Push(events=[event], session=session), now_s), now_s)

    def tick(self, now_s: float) -> list[str]:
        before = len(self.log)
        self.run(self.room.on_timer(now_s), now_s)
        return [name for name, _ in self.log[before:]]


@pytest.fixture
def notebook() -> Notebook:
    """A notebook with a ready runtime, connected as peer 1 under the store session `agent`."""
    made = Notebook()
    made.connect(1, "agent", 0.0)
    made.push(1, 1, "Started", STARTED, 0.0)
    made.push(1, 2, "StatusSet", {"sessionId": "r", "status": "ready"}, 0.0)
    return made


def test_a_connected_runtime_is_left_alone(notebook: Notebook) -> None:
    assert notebook.tick(100_000.0) == []


def test_a_runtime_that_is_gone_becomes_unreachable_after_the_lease(notebook: Notebook) -> None:
    notebook.room.on_close(1, 10.0)
    assert notebook.tick(39.9) == []
    assert notebook.tick(40.0) == ["Unreachable"]
    assert notebook.tick(41.0) == []


def test_a_connection_under_another_session_does_not_vouch(notebook: Notebook) -> None:
    notebook.room.on_close(1, 10.0)
    notebook.connect(2, "page", 11.0)
    assert notebook.tick(40.0) == ["Unreachable"]


def test_a_return_resumes_before_its_pushes_are_taken(notebook: Notebook) -> None:
    notebook.room.on_close(1, 0.0)
    notebook.tick(30.0)
    notebook.connect(2, "agent", 35.0)
    notebook.push(2, 3, "StatusSet", {"sessionId": "r", "status": "restarting"}, 35.0)
    assert [name for name, _ in notebook.log[-3:]] == ["Unreachable", "Resumed", "StatusSet"]


def test_a_page_vouches_for_its_runtime_by_the_connection_of_that_session_alone() -> None:
    notebook = Notebook()
    notebook.connect(1, "page", 0.0)
    notebook.run(notebook.room.on_frame(1, From(head=0), 0.0), 0.0)
    notebook.connect(2, "guest", 0.0)  # it never asks for the log
    notebook.push(2, 1, "Started", STARTED, 0.0)
    notebook.push(2, 2, "StatusSet", {"sessionId": "r", "status": "ready"}, 0.0)
    assert notebook.tick(1_000.0) == []
    notebook.room.on_close(2, 1_000.0)
    assert notebook.tick(1_030.0) == ["Unreachable"]
    notebook.push(1, 3, "StatusSet", {"sessionId": "r", "status": "ready"}, 1_031.0, session="guest")
    assert notebook.tick(1_032.0) == []
    notebook.connect(3, "guest", 1_033.0)
    assert notebook.log[-1][0] == "Resumed"


def test_pushes_for_an_earlier_life_do_not_resume(notebook: Notebook) -> None:
    notebook.room.on_close(1, 0.0)
    notebook.tick(30.0)
    notebook.connect(2, "next-life", 35.0)
    notebook.push(2, 3, "StatusSet", {"sessionId": "r", "status": "restarting"}, 35.0, session="agent")
    assert "Resumed" not in [name for name, _ in notebook.log]


def test_a_short_cut_ends_nothing(notebook: Notebook) -> None:
    notebook.room.on_close(1, 0.0)
    assert notebook.tick(29.0) == []
    notebook.connect(2, "agent", 29.5)
    assert notebook.tick(100.0) == []


def test_one_of_two_connections_of_a_session_is_enough(notebook: Notebook) -> None:
    notebook.connect(2, "agent", 5.0)
    notebook.room.on_close(1, 10.0)
    assert notebook.tick(100.0) == []


def test_an_unreachable_runtime_is_lost_after_its_own_limit(notebook: Notebook) -> None:
    notebook.room.on_close(1, 0.0)
    notebook.tick(30.0)
    assert notebook.tick(89.9) == []
    assert notebook.tick(90.0) == ["Terminated"]
    assert notebook.log[-1][1] == {"sessionId": "r", "reason": "lost"}
    assert not notebook.room.idle or notebook.flags == [True, False]


def test_a_dead_process_is_terminated_at_once(notebook: Notebook) -> None:
    notebook.run(notebook.room.runtime_died("agent", 1.0), 1.0)
    assert notebook.log[-1] == ("Terminated", {"sessionId": "r", "reason": "crashed"})


def test_a_process_that_died_before_its_start_was_recorded_is_terminated_then() -> None:
    notebook = Notebook()
    notebook.run(notebook.room.runtime_died("agent", 1.0), 1.0)
    notebook.connect(1, "agent", 2.0)
    notebook.push(1, 1, "Started", STARTED, 2.0)
    assert [name for name, _ in notebook.log] == ["Started", "Terminated"]


def test_the_death_of_another_process_is_nothing(notebook: Notebook) -> None:
    notebook.run(notebook.room.runtime_died("someone-else", 1.0), 1.0)
    assert [name for name, _ in notebook.log] == ["Started", "StatusSet"]


def test_a_runtime_that_never_gets_ready_is_given_up() -> None:
    notebook = Notebook()
    notebook.connect(1, "agent", 0.0)
    notebook.push(1, 1, "Started", STARTED, 0.0)
    assert notebook.tick(599.0) == []
    assert notebook.tick(600.0) == ["Terminated"]
    assert notebook.log[-1][1]["reason"] == "crashed"


def test_a_displaced_runtime_is_not_watched_any_more(notebook: Notebook) -> None:
    notebook.connect(2, "agent-2", 1.0)
    notebook.push(2, 1, "Started", STARTED | {"sessionId": "r2", "replaces": "r"}, 1.0)
    notebook.push(2, 2, "StatusSet", {"sessionId": "r2", "status": "ready"}, 1.0)
    notebook.room.on_close(1, 2.0)
    assert notebook.tick(1_000.0) == []


def test_a_refused_start_is_not_watched(notebook: Notebook) -> None:
    notebook.connect(2, "agent-2", 1.0)
    notebook.push(2, 1, "Started", STARTED | {"sessionId": "r2"}, 1.0)
    notebook.room.on_close(2, 2.0)
    assert notebook.tick(1_000.0) == []


def test_a_restarted_server_counts_the_lease_from_its_readiness(notebook: Notebook) -> None:
    marked = tuple(PastEvent(body, 0) for body in notebook.bodies)
    restarted = Notebook(marked, now_s=500.0, now_ms=10_000_000)
    assert restarted.tick(529.9) == []
    assert restarted.tick(530.0) == ["Unreachable"]


def test_a_restarted_server_gives_an_unreachable_runtime_time_to_return(notebook: Notebook) -> None:
    notebook.room.on_close(1, 0.0)
    notebook.tick(30.0)
    marked = tuple(PastEvent(body, 0) for body in notebook.bodies)
    restarted = Notebook(marked, now_s=500.0, now_ms=10_000_000)
    assert restarted.tick(529.9) == []
    assert restarted.tick(530.0) == ["Terminated"]


def test_a_restarted_server_resumes_a_runtime_that_returns(notebook: Notebook) -> None:
    notebook.room.on_close(1, 0.0)
    notebook.tick(30.0)
    restarted = Notebook(tuple(PastEvent(body, 0) for body in notebook.bodies), now_s=500.0)
    restarted.connect(1, "agent", 501.0)
    assert [name for name, _ in restarted.log] == ["Resumed"]


def test_a_refused_lease_event_is_tried_again(notebook: Notebook) -> None:
    notebook.room.on_close(1, 0.0)
    assert [type(effect) for effect in notebook.room.on_timer(30.0)] == [Append]
    notebook.room.on_refused()
    assert notebook.tick(31.0) == ["Unreachable"]


def test_a_store_is_flagged_while_it_has_a_runtime(notebook: Notebook) -> None:
    assert notebook.flags == [True]
    notebook.push(1, 3, "Terminated", {"sessionId": "r", "reason": "shutdown"}, 5.0)
    assert notebook.flags == [True, False]
    notebook.room.on_close(1, 6.0)
    assert notebook.room.idle
