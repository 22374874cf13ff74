"""The client's half of the sync protocol, with plain data and a clock that the test moves."""

from collections.abc import Sequence

import pytest
from msgspec import Raw

from runtime_schema.wire import Limits
from runtime_store.frames import (
    Ack,
    Bye,
    ConfirmedEvent,
    Events,
    From,
    Hello,
    LimitsOut,
    LiveIn,
    Pause,
    Ping,
    Pong,
    Push,
    Reject,
    Sender,
    ServerFrame,
    Snapshot,
    User,
    Welcome,
    encode_frame,
)
from runtime_store.protocol import Close, Connect, Deliver, Effect, LoadImage, Reconciled, Reset, Send, SyncProtocol, Upload, Welcomed
from runtime_store.reconcile import Confirmed, Dropped, Entry, Outcome, Replica

SHA = "a" * 64


class Sync:
    """A protocol with its replica, and the clock."""

    def __init__(self, *, uploads: bool = False, images: bool = False, limits: Limits | None = None) -> None:
        self.replica = Replica("me", "local", lambda: "fresh")
        self.protocol = SyncProtocol(self.replica, lambda: 1.0, uploads=uploads, images=images)
        self.limits = limits or Limits()
        self.now = 100.0

    def commit(self, name: str = "v1.T", args: bytes = b'{"a":1}') -> tuple[Entry, Sequence[Effect]]:
        entry = self.replica.commit(name, {"a": 1}, args)
        return entry, self.protocol.offer([entry])

    def hear(self, frame: ServerFrame) -> Sequence[Effect]:
        return self.protocol.on_frame(encode_frame(frame), self.now)

    def welcome(
        self, backend: str = "b", head: int = 0, decided: dict[str, int] | None = None, snapshot: Snapshot | None = None
    ) -> Sequence[Effect]:
        self.hello()
        return self.hear(Welcome(backend, head, User("local", "L", "owner"), LimitsOut.of(self.limits), decided or {}, snapshot))

    def hello(self) -> Hello:
        self.protocol.start()
        (said,) = self.protocol.on_connected(self.now)
        assert isinstance(said, Send)
        assert isinstance(said.frame, Hello)
        return said.frame


def pushed(effects: Sequence[Effect]) -> list[tuple[str | None, list[int]]]:
    return [
        (effect.frame.session, [event.n for event in effect.frame.events])
        for effect in effects
        if isinstance(effect, Send) and isinstance(effect.frame, Push)
    ]


def test_a_connection_opens_with_hello_then_from_then_what_is_pending() -> None:
    sync = Sync()
    assert sync.protocol.start() == [Connect()]
    sync.commit()
    (hello,) = sync.protocol.on_connected(0.0)
    assert isinstance(hello, Send)
    assert isinstance(hello.frame, Hello)
    assert (hello.frame.session, hello.frame.backend, hello.frame.head) == ("me", None, 0)
    effects = sync.hear(Welcome("b", 0, User("u", "U", "owner"), LimitsOut.of(Limits()), {}))
    assert effects[:3] == [Reset("b", known=False), Welcomed("u", "owner", Limits()), Send(From(0))]
    assert pushed(effects) == [(None, [1])]
    assert sync.protocol.connected


IMAGE = Snapshot(7, "/image", 10, SHA)


def test_an_image_is_asked_for_by_who_has_nothing_and_can_take_one() -> None:
    assert Sync(images=True).hello().snapshot
    assert not Sync().hello().snapshot
    begun = Sync(images=True)
    begun.replica.begin_at(3)
    assert not begun.hello().snapshot


def test_the_log_is_asked_for_behind_the_image_and_nothing_is_pushed_before() -> None:
    sync = Sync(images=True)
    sync.commit()
    effects = sync.welcome(head=9, snapshot=IMAGE)
    assert effects[-1] == LoadImage("b", IMAGE)
    assert not sync.protocol.connected
    assert [effect for effect in effects if isinstance(effect, Send)] == []
    assert sync.hear(Ping(9)) == [Send(Pong())]
    sync.replica.begin_at(7)
    effects = sync.protocol.on_image()
    assert effects[0] == Send(From(7))
    assert pushed(effects) == [(None, [1])]
    assert sync.protocol.connected


def test_without_the_image_the_whole_log_is_asked_for_and_no_image_again() -> None:
    sync = Sync(images=True)
    sync.welcome(head=9, snapshot=IMAGE)
    assert sync.protocol.on_image() == [Send(From(0))]
    sync.protocol.on_closed(sync.now, "cut")
    assert not sync.hello().snapshot


def test_an_image_that_arrives_behind_a_cut_serves_the_next_connection() -> None:
    sync = Sync(images=True)
    sync.welcome(head=9, snapshot=IMAGE)
    sync.protocol.on_closed(sync.now, "cut")
    sync.replica.begin_at(7)
    assert sync.protocol.on_image() == []
    assert sync.hello().head == 7


def test_an_image_is_not_asked_for_once_something_of_this_life_was_pushed() -> None:
    sync = Sync(images=True)
    sync.commit()
    sync.welcome()
    sync.protocol.on_closed(sync.now, "cut")
    assert not sync.hello().snapshot


def test_nothing_is_pushed_before_the_welcome() -> None:
    sync = Sync()
    sync.protocol.start()
    sync.protocol.on_connected(0.0)
    assert sync.commit()[1] == []


def test_the_log_goes_to_the_replica() -> None:
    sync = Sync()
    sync.welcome(head=1)
    assert not sync.protocol.caught_up
    (effect,) = sync.hear(Events(1, [ConfirmedEvent("v1.T", Raw(b'{"a":1}'), "u", "s", 1)]))
    assert isinstance(effect, Reconciled)
    (step,) = effect.outcome.steps
    assert isinstance(step, Confirmed)
    assert (step.seq, step.own, step.entry.raw) == (1, False, b'{"a":1}')
    assert sync.protocol.caught_up


def test_own_events_are_acknowledged_without_their_payload() -> None:
    sync = Sync()
    sync.welcome()
    mine, effects = sync.commit()
    assert pushed(effects) == [(None, [1])]
    assert sync.hear(Ack("me", 1, 1, 1)) == [Reconciled(Outcome([Confirmed(1, mine, own=True)]))]


def test_the_window_bounds_what_is_in_flight() -> None:
    sync = Sync(limits=Limits(batch_events=2))
    sync.welcome()
    assert [pushed(sync.commit()[1]) for _ in range(4)] == [[(None, [1])], [(None, [2])], [], []]
    assert pushed(sync.hear(Ack("me", 1, 2, 1))) == [(None, [3, 4])]


def test_the_window_is_also_one_of_bytes_and_lets_a_single_big_event_pass() -> None:
    sync = Sync(limits=Limits(batch_bytes=10))
    sync.welcome()
    assert pushed(sync.commit()[1]) == [(None, [1])]
    assert pushed(sync.commit()[1]) == []
    assert pushed(sync.hear(Ack("me", 1, 1, 1))) == [(None, [2])]


def test_after_a_reconnect_everything_undecided_is_pushed_again() -> None:
    sync = Sync()
    sync.welcome()
    for _ in range(3):
        sync.commit()
    sync.hear(Ack("me", 1, 1, 1))
    sync.protocol.on_closed(sync.now, "cut")
    effects = sync.welcome(head=1)
    assert Send(From(1)) in effects
    assert pushed(effects) == [(None, [2, 3])]


def test_what_was_decided_before_is_asked_about_before_anything_new_is_sent() -> None:
    sync = Sync()
    for _ in range(3):
        sync.commit()
    assert pushed(sync.welcome(decided={"me": 2})) == [(None, [1, 2])]
    assert pushed(sync.hear(Ack("me", 1, 2, 1))) == [(None, [3])]


def test_an_earlier_lifes_events_are_decided_before_this_lifes_first() -> None:
    sync = Sync()
    left = Entry(sync.replica.commit("v1.T", {}, b"{}").event._replace(store_session_id="old", n=9), b"{}")
    sync = Sync()
    sync.replica.restore([left])
    sync.protocol.offer([left])
    sync.commit()
    assert pushed(sync.welcome()) == [("old", [9])]
    assert pushed(sync.hear(Ack("old", 9, 1, 1))) == [(None, [1])]


def test_a_pause_sends_again_later_from_where_it_says() -> None:
    sync = Sync()
    sync.welcome()
    for _ in range(3):
        sync.commit()
    sync.hear(Ack("me", 1, 1, 1))
    sync.hear(Pause("me", 2, 500))
    assert sync.commit()[1] == []
    assert sync.protocol.deadline == sync.now + 0.5
    assert pushed(sync.protocol.on_timer(sync.now + 0.5)) == [(None, [2, 3, 4])]


def test_a_rejected_event_is_dropped_and_the_next_goes_on() -> None:
    sync = Sync()
    sync.welcome()
    mine, _ = sync.commit()
    assert sync.hear(Reject("me", 1, "invalid", "no")) == [Reconciled(Outcome([Dropped(mine, "invalid", "no")]))]


def test_an_upgrade_is_told_to_people() -> None:
    sync = Sync()
    sync.welcome()
    sync.commit()
    sync.hear(Reject("me", 1, "upgrade", "no"))
    assert sync.protocol.problem == "the server follows other rules than this program: update it"


def test_a_conflict_reconnects_under_the_new_session_at_once() -> None:
    sync = Sync()
    sync.welcome()
    sync.commit()
    effects = sync.hear(Reject("me", 1, "conflict", "taken"))
    assert effects[-1] == Close("the store session changed")
    sync.protocol.offer(sync.replica.pending())
    sync.protocol.on_closed(sync.now, "")
    assert sync.protocol.deadline == sync.now
    assert sync.protocol.on_timer(sync.now) == [Connect()]
    (hello,) = sync.protocol.on_connected(sync.now)
    assert isinstance(hello, Send)
    assert isinstance(hello.frame, Hello)
    assert hello.frame.session == "fresh"


def test_a_gap_reconnects_at_once() -> None:
    sync = Sync()
    sync.welcome()
    effects = sync.hear(Events(3, [ConfirmedEvent("v1.T", Raw(b"{}"), "u", "s", 1)]))
    assert effects[-1] == Close("a part of the log is missing")
    sync.protocol.on_closed(sync.now, "")
    assert sync.protocol.deadline == sync.now


def test_pings_are_answered_and_an_old_head_twice_in_a_row_reconnects() -> None:
    sync = Sync()
    sync.welcome()
    assert sync.hear(Ping(0)) == [Send(Pong())]
    assert sync.hear(Ping(5)) == [Send(Pong())]
    assert sync.hear(Ping(5)) == [Close("the server no longer sends its log")]


def test_a_replica_that_is_behind_but_comes_nearer_stays_connected() -> None:
    sync = Sync()
    sync.welcome()
    sync.hear(Ping(5))
    sync.hear(Events(1, [ConfirmedEvent("v1.T", Raw(b"{}"), "u", "s", 1)]))
    assert sync.hear(Ping(5)) == [Send(Pong())]


def test_two_silent_intervals_reconnect() -> None:
    sync = Sync(limits=Limits(ping_interval_ms=10_000))
    sync.welcome()
    assert sync.protocol.on_timer(sync.now + 19.9) == []
    assert sync.protocol.on_timer(sync.now + 20.0) == [Close("the server is silent")]


def test_a_server_that_never_welcomes_is_left() -> None:
    sync = Sync()
    sync.protocol.start()
    sync.protocol.on_connected(0.0)
    assert sync.protocol.on_timer(10.0) == [Close("the server is silent")]


def test_the_backoff_grows_to_fifteen_seconds_and_starts_anew_after_a_settled_connection() -> None:
    sync = Sync()
    waits: list[float] = []
    for _ in range(9):
        sync.protocol.on_closed(0.0, "refused")
        assert sync.protocol.deadline is not None
        waits.append(round(sync.protocol.deadline, 3))
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0]
    assert sync.protocol.problem == "no connection to the server (refused); trying again"
    sync.welcome()
    assert sync.protocol.problem is None
    sync.protocol.on_closed(sync.now + 2, "cut")
    assert sync.protocol.deadline == pytest.approx(sync.now + 2.1)


def test_who_is_not_let_in_tries_again_slowly_and_says_so() -> None:
    sync = Sync()
    sync.protocol.on_refused(401)
    sync.protocol.on_closed(0.0, "HTTP status 401")
    assert sync.protocol.deadline == 15.0
    assert sync.protocol.problem is not None
    assert "does not let this client in" in sync.protocol.problem


def test_a_notebook_that_is_gone_is_named_as_that() -> None:
    sync = Sync()
    sync.protocol.on_refused(404)
    assert sync.protocol.problem == "the server does not have this notebook"


@pytest.mark.parametrize(("code", "wait"), [("shutdown", 0.1), ("slow-consumer", 0.1), ("unauthorized", 15.0), ("too-many", 15.0)])
def test_a_bye_closes_and_its_code_tells_how_soon_to_return(code: str, wait: float) -> None:
    sync = Sync()
    sync.welcome()
    frame = Bye(code, "m")  # type: ignore[arg-type]  # the parameters are bye codes
    assert sync.hear(frame) == [Close(code)]
    sync.protocol.on_closed(sync.now, code)
    assert sync.protocol.deadline == pytest.approx(sync.now + wait)


def test_a_copy_newer_than_the_servers_log_is_kept_and_not_sent() -> None:
    sync = Sync()
    sync.welcome(backend="b", head=0)
    sync.hear(Events(1, [ConfirmedEvent("v1.T", Raw(b"{}"), "u", "s", 1)]))
    sync.protocol.on_closed(sync.now, "cut")
    sync.commit()
    assert sync.welcome(backend="b", head=0) == [Close("ahead")]
    assert sync.replica.pending_count == 1
    assert sync.protocol.problem is not None
    assert "newer than the server's" in sync.protocol.problem


def test_another_log_resets_the_replica_keeps_pending_and_says_so() -> None:
    sync = Sync()
    sync.welcome(backend="b")
    sync.hear(Events(1, [ConfirmedEvent("v1.T", Raw(b"{}"), "u", "s", 1)]))
    sync.protocol.on_closed(sync.now, "cut")
    sync.commit()
    effects = sync.welcome(backend="other", head=0)
    assert effects[0] == Reset("other", known=True)
    assert Send(From(0)) in effects
    assert pushed(effects) == [(None, [1])]
    assert sync.protocol.problem is not None
    assert "another log" in sync.protocol.problem


@pytest.mark.parametrize("data", [b"nonsense", b'{"t":"hello","session":"s","rules":"","schema":""}', b'{"t":"pong"}'])
def test_what_is_no_frame_or_out_of_turn_closes_and_is_reported(data: bytes) -> None:
    sync = Sync()
    sync.protocol.start()
    sync.protocol.on_connected(0.0)
    assert sync.protocol.on_frame(data, 0.0) == [Close("bad-frame")]
    assert sync.protocol.problem is not None
    assert sync.protocol.problem.startswith("the server speaks another language")


def test_a_live_message_is_delivered() -> None:
    sync = Sync()
    sync.welcome()
    frame = LiveIn("x", Raw(b"1"), Sender("s", "u"))
    (effect,) = sync.hear(frame)
    assert isinstance(effect, Deliver)
    assert effect.message.topic == "x"


def test_artifacts_are_uploaded_before_their_event_and_the_order_is_kept() -> None:
    sync = Sync(uploads=True)
    sync.welcome()
    bundle = {"image/png": {"type": "artifact", "sha256": SHA, "sizeBytes": 1}, "text/plain": {"type": "inline", "data": "x"}}
    big = sync.replica.commit("v1.DisplayAdded", {"bundle": bundle}, b"{}")  # type: ignore[dict-item]  # JSON
    small = sync.replica.commit("v1.T", {}, b"{}")
    assert sync.protocol.offer([big, small]) == [Upload(frozenset({SHA}))]
    assert sync.commit()[1] == []
    assert pushed(sync.protocol.on_uploaded(frozenset({SHA}))) == [(None, [1, 2, 3])]


def test_a_file_names_its_artifact_too() -> None:
    sync = Sync(uploads=True)
    sync.welcome()
    entry = sync.replica.commit("v1.FilePut", {"sha256": SHA}, b"{}")
    assert sync.protocol.offer([entry]) == [Upload(frozenset({SHA}))]
