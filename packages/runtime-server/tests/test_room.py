"""The room with plain data: what it asks for when frames, time and durability come in."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from runtime_schema.hashes import RULES_HASH, SCHEMA_HASH
from runtime_schema.wire import Limits
from runtime_server.effects import Append, Close, Effect, LookUp, ReadPage, Send
from runtime_server.log import OpenedStore, Record, SessionHead
from runtime_server.room import Room
from runtime_server.tail import Tail
from runtime_server.verdict import NumberedEvent, event_digest
from runtime_store.frames import From, Hello, LiveOut, Ping, Push, PushEvent, Standby, User

ANN = User(id="ann", name="Ann", role="owner")
BOB = User(id="bob", name="Bob", role="owner")
EMPTY = OpenedStore(backend="b1", head=0, sessions={}, marked=[])


def make_room(opened: OpenedStore = EMPTY, limits: Limits | None = None, artifacts: frozenset[str] = frozenset()) -> Room:
    return Room(
        "nb",
        opened,
        limits=limits or Limits(),
        session="server-session",
        now_s=0.0,
        now_ms=0,
        has_artifact=artifacts.__contains__,
    )


def enter(room: Room, peer: int, session: str, *, head: int | None = 0, user: User = ANN, rules: str = RULES_HASH) -> list[Effect]:
    room.on_connect(peer, user, 0.0)
    effects = room.on_frame(peer, Hello(session=session, rules=rules, schema=SCHEMA_HASH), 0.0)
    return effects if head is None else effects + room.on_frame(peer, From(head=head), 0.0)


def source(n: int, text: str = "1") -> PushEvent:
    return event(n, "v1.CellSourceSet", {"cellId": "c", "source": text})


def event(n: int, name: str, args: object) -> PushEvent:
    return PushEvent(n=n, name=name, args=msgspec.Raw(msgspec.json.encode(args)))


def push(room: Room, peer: int, *events: PushEvent, session: str | None = None) -> list[Effect]:
    return room.on_frame(peer, Push(events=list(events), session=session), 0.0)


def frames(effects: list[Effect], peer: int) -> list[dict[str, Any]]:
    return [msgspec.json.decode(effect.frame) for effect in effects if isinstance(effect, Send) and effect.peer == peer]


def kinds(effects: list[Effect]) -> list[type[Effect]]:
    return [type(effect) for effect in effects]


def test_hello_is_answered_with_head_and_what_was_decided() -> None:
    room = make_room(OpenedStore(backend="b1", head=7, sessions={"s": SessionHead("ann", 5), "t": SessionHead("bob", 9)}, marked=[]))
    (welcome,) = frames(enter(room, 1, "s", head=None), 1)
    assert (welcome["t"], welcome["backend"], welcome["head"]) == ("welcome", "b1", 7)
    assert welcome["decided"] == {"s": 5}
    assert welcome["user"] == {"id": "ann", "name": "Ann", "role": "owner"}
    assert welcome["limits"]["eventBytes"] == 262_144


def test_nothing_is_acknowledged_before_it_is_durable() -> None:
    room = make_room()
    enter(room, 1, "s")
    assert kinds(push(room, 1, source(1))) == [Append]
    assert frames(room.on_durable(1, 0.0), 1) == [{"t": "ack", "session": "s", "n": 1, "count": 1, "first": 1}]


def test_pushes_that_became_durable_together_are_one_frame_for_others() -> None:
    room = make_room()
    enter(room, 1, "s")
    enter(room, 2, "t")
    push(room, 1, source(1, "a"), source(2, "b"))
    push(room, 1, source(3, "c"))
    effects = room.on_durable(2, 0.0)
    assert frames(effects, 1) == [{"t": "ack", "session": "s", "n": 1, "count": 3, "first": 1}]
    (seen,) = frames(effects, 2)
    assert seen["first"] == 1
    assert [item[1]["source"] for item in seen["events"]] == ["a", "b", "c"]
    assert seen["events"][0] == ["v1.CellSourceSet", {"cellId": "c", "source": "a"}, "ann", "s", 1]


def test_others_are_told_before_the_author() -> None:
    room = make_room()
    enter(room, 1, "s")
    enter(room, 2, "t")
    enter(room, 3, "u")
    push(room, 2, source(1))
    assert [effect.peer for effect in room.on_durable(1, 0.0) if isinstance(effect, Send)] == [1, 3, 2]


def test_acks_stand_in_the_same_ordered_stream_as_the_others_events() -> None:
    room = make_room()
    enter(room, 1, "s")
    enter(room, 2, "t")
    push(room, 1, source(1))
    push(room, 2, source(1))
    push(room, 1, source(2))
    effects = room.on_durable(3, 0.0)
    assert [(frame["t"], frame["first"]) for frame in frames(effects, 1)] == [("ack", 1), ("events", 2), ("ack", 3)]
    assert [(frame["t"], frame["first"]) for frame in frames(effects, 2)] == [("events", 1), ("ack", 2), ("events", 3)]


def test_args_are_echoed_byte_for_byte() -> None:
    room = make_room()
    enter(room, 1, "s")
    enter(room, 2, "t")
    args = b'{ "source":"\\u00e9", "cellId" : "c"}'
    push(room, 1, PushEvent(n=1, name="v1.CellSourceSet", args=msgspec.Raw(args)))
    sent = [effect.frame for effect in room.on_durable(1, 0.0) if isinstance(effect, Send) and effect.peer == 2]
    assert args in sent[0]


def test_a_resend_in_flight_waits_and_is_answered_from_the_record() -> None:
    room = make_room()
    enter(room, 1, "s")
    push(room, 1, source(1))
    enter(room, 2, "s")
    assert push(room, 2, source(1)) == []
    effects = room.on_durable(1, 0.0)
    looks = [effect for effect in effects if isinstance(effect, LookUp)]
    assert [(look.peer, look.session, look.wanted[0][0]) for look in looks] == [(2, "s", 1)]
    answers = room.on_records(looks[0], [Record(1, looks[0].wanted[0][1], 1, None, "")], 0.0)
    assert frames(answers, 2) == [{"t": "ack", "session": "s", "n": 1, "count": 1, "first": 1}]


def test_the_same_key_with_another_body_is_a_conflict() -> None:
    room = make_room(OpenedStore(backend="b1", head=1, sessions={"s": SessionHead("ann", 1)}, marked=[]))
    enter(room, 1, "s", head=1)
    (look,) = push(room, 1, source(1, "other"))
    assert isinstance(look, LookUp)
    (answer,) = frames(room.on_records(look, [Record(1, b"another digest", 1, None, "")], 0.0), 1)
    assert (answer["t"], answer["n"], answer["code"]) == ("reject", 1, "conflict")


RECORDED = OpenedStore(backend="b1", head=1, sessions={"s": SessionHead("ann", 1)}, marked=[])
RECORD = Record(1, event_digest("v1.CellSourceSet", b'{"cellId":"c","source":"1"}', "ann"), 1, None, "")


def look_up(effects: list[Effect]) -> LookUp:
    (look,) = effects
    assert isinstance(look, LookUp)
    return look


def test_new_events_wait_for_the_records_of_what_stands_before_them() -> None:
    room = make_room(RECORDED)
    enter(room, 1, "s", head=1)
    look = look_up(push(room, 1, source(1), source(2)))
    assert push(room, 1, source(3)) == []
    effects = room.on_records(look, [RECORD], 0.0)
    assert frames(effects, 1) == [{"t": "ack", "session": "s", "n": 1, "count": 1, "first": 1}]
    assert kinds(effects) == [Send, Append, Append]
    assert frames(room.on_durable(2, 0.0), 1) == [{"t": "ack", "session": "s", "n": 2, "count": 2, "first": 2}]


def test_after_a_conflict_nothing_new_of_that_session_is_recorded() -> None:
    room = make_room(RECORDED)
    enter(room, 1, "s", head=1)
    look = look_up(push(room, 1, source(1, "other"), source(2)))
    push(room, 1, source(3))
    answers = frames(effects := room.on_records(look, [RECORD], 0.0), 1)
    assert [(answer["n"], answer["code"]) for answer in answers] == [(1, "conflict"), (2, "conflict"), (3, "conflict")]
    assert set(kinds(effects)) == {Send}
    assert frames(push(room, 1, source(4)), 1)[0]["code"] == "conflict"
    assert kinds(push(room, 1, source(1), session="fresh")) == [Append]


def test_other_sessions_and_connections_do_not_wait_for_a_look_up() -> None:
    room = make_room(RECORDED)
    enter(room, 1, "s", head=1)
    push(room, 1, source(1))
    assert kinds(push(room, 1, source(1), session="t")) == [Append]
    enter(room, 2, "s", head=1)
    assert kinds(push(room, 2, source(2))) == [Append]


def test_what_was_recorded_for_another_connection_meanwhile_is_looked_up_too() -> None:
    room = make_room(RECORDED)
    enter(room, 1, "s", head=1)
    enter(room, 2, "s", head=1)
    look = look_up(push(room, 1, source(1), source(2)))
    push(room, 2, source(2))
    room.on_durable(1, 0.0)
    effects = room.on_records(look, [RECORD], 0.0)
    assert kinds(effects) == [Send, LookUp]


@pytest.mark.parametrize("limits", [replace(Limits(), batch_bytes=1_000), replace(Limits(), batch_events=1)])
def test_what_waits_for_a_look_up_is_bounded(limits: Limits) -> None:
    room = make_room(RECORDED, limits=limits)
    enter(room, 1, "s", head=1)
    look = look_up(push(room, 1, source(1)))
    assert push(room, 1, source(2, "x" * 600)) == []
    paused = {"t": "pause", "session": "s", "from": 2, "retryMs": 1000}
    assert frames(push(room, 1, source(3, "x" * 600)), 1) == [paused]
    assert frames(push(room, 1, source(4)), 1) == [paused]
    assert kinds(room.on_records(look, [RECORD], 0.0)) == [Send]
    assert kinds(push(room, 1, source(2))) == [Append]


def test_what_waits_behind_a_refused_batch_is_sent_again() -> None:
    room = make_room()
    enter(room, 1, "s")
    push(room, 1, source(1))
    enter(room, 2, "s")
    assert push(room, 2, source(1), source(2)) == []
    effects = room.on_refused()
    assert [frames(effects, peer) for peer in (1, 2)] == [[{"t": "pause", "session": "s", "from": 1, "retryMs": 1000}]] * 2
    assert kinds(push(room, 2, source(1), source(2))) == [Append]
    room.on_durable(1, 0.0)
    assert room.head == 2


def test_a_rate_pause_does_not_hide_a_refused_batch_before_it() -> None:
    room = make_room(limits=replace(Limits(), events_per_s=2))
    enter(room, 1, "s")
    push(room, 1, source(1), source(2))
    assert frames(push(room, 1, source(3)), 1)[0]["from"] == 3
    assert frames(room.on_refused(), 1)[0]["from"] == 1
    assert frames(push(room, 1, source(3)), 1)[0]["from"] == 1


def test_a_reject_is_remembered_and_repeated() -> None:
    room = make_room(OpenedStore(backend="b1", head=0, sessions={"s": SessionHead("ann", 1)}, marked=[]))
    enter(room, 1, "s")
    (look,) = push(room, 1, source(1))
    assert isinstance(look, LookUp)
    digest = event_digest("v1.CellSourceSet", b'{"cellId":"c","source":"1"}', "ann")
    (answer,) = frames(room.on_records(look, [Record(1, digest, None, "invalid", "no")], 0.0), 1)
    assert answer == {"t": "reject", "session": "s", "n": 1, "code": "invalid", "message": "no"}


def test_a_number_that_was_skipped_cannot_be_used_any_more() -> None:
    room = make_room(OpenedStore(backend="b1", head=1, sessions={"s": SessionHead("ann", 5)}, marked=[]))
    enter(room, 1, "s", head=1)
    (look,) = push(room, 1, source(3))
    assert isinstance(look, LookUp)
    assert frames(room.on_records(look, [], 0.0), 1)[0]["code"] == "conflict"


def test_rejects_take_no_place_in_the_log_and_keep_their_order() -> None:
    room = make_room()
    enter(room, 1, "s")
    push(room, 1, source(1), event(2, "v1.CellSourceSet", {"cellId": "c"}), source(3))
    answers = frames(room.on_durable(1, 0.0), 1)
    assert [(answer["t"], answer["n"]) for answer in answers] == [("ack", 1), ("reject", 2), ("ack", 3)]
    assert answers[2]["first"] == 2
    assert answers[1]["message"] == "v1.CellSourceSet.source: missing"


BUNDLE = {"image/png": {"type": "artifact", "sha256": "a" * 64, "sizeBytes": 1}}
DISPLAY = {"outputId": "o", "executionId": "e", "sessionId": "r", "bundle": BUNDLE, "metadata": "{}"}
STARTED = {
    "sessionId": "r",
    "runtimeId": "me",
    "runtimeType": "python",
    "capabilities": ["code"],
    "info": "{}",
    "lostAfterMs": 86_400_000,
    "startedMs": 1,
}


@pytest.mark.parametrize(
    ("name", "args", "code"),
    [
        ("v1.CellSourceSet", {"cellId": "c", "source": 1}, "invalid"),
        ("v1.CellSourceSet", {"cellId": "c", "source": True}, "invalid"),
        ("v1.CellSourceSet", {"cellId": "c", "source": "", "extra": 1}, "invalid"),
        ("v1.CellSourceSet", {"cellId": "a b", "source": ""}, "invalid"),
        ("v1.CellSourceSet", [], "invalid"),
        ("v1.Unheard", {}, "invalid"),
        ("v9.CellSourceSet", {"cellId": "c", "source": ""}, "invalid"),
        ("v1.CellSourceSet", {"cellId": "c", "source": "x" * 262_144}, "too-large"),
        ("v1.RuntimeSessionUnreachable", {"sessionId": "r"}, "forbidden"),
        ("v1.RuntimeSessionResumed", {"sessionId": "r"}, "forbidden"),
        ("v1.DisplayAdded", DISPLAY, "missing-artifact"),
        ("v1.FilePut", {"path": "f", "sha256": "b" * 64, "mimeType": "text/csv", "sizeBytes": 1, "createdMs": 1}, "missing-artifact"),
    ],
)
def test_an_event_that_may_not_be_recorded_is_rejected(name: str, args: object, code: str) -> None:
    room = make_room()
    enter(room, 1, "s")
    push(room, 1, event(1, name, args))
    (answer,) = frames(room.on_durable(1, 0.0), 1)
    assert (answer["t"], answer["code"]) == ("reject", code)
    assert room.head == 0


@pytest.mark.parametrize(
    "args",
    [
        b'{"cellId":"c","cellId":"d","source":""}',
        b'{"cellId":"c","source":"\\ud800"}',
        b'{"cellId":"c","source":NaN}',
        b'{"cellId":"c","source":9007199254740993}',
        b'{"cellId":"c","source":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    ],
)
def test_json_on_which_languages_disagree_is_rejected(args: bytes) -> None:
    room = make_room()
    enter(room, 1, "s")
    push(room, 1, PushEvent(n=1, name="v1.CellSourceSet", args=msgspec.Raw(args)))
    (answer,) = frames(room.on_durable(1, 0.0), 1)
    assert (answer["t"], answer["code"]) == ("reject", "invalid")


def test_an_artifact_that_is_here_is_accepted() -> None:
    room = make_room(artifacts=frozenset({"a" * 64}))
    enter(room, 1, "s")
    push(room, 1, event(1, "v1.DisplayAdded", DISPLAY))
    assert frames(room.on_durable(1, 0.0), 1)[0]["t"] == "ack"


def test_other_rules_may_edit_but_not_start() -> None:
    room = make_room()
    enter(room, 1, "s", rules="old")
    push(room, 1, source(1), event(2, "v1.RuntimeSessionStarted", STARTED))
    answers = frames(room.on_durable(1, 0.0), 1)
    assert [(answer["t"], answer.get("code")) for answer in answers] == [("ack", None), ("reject", "upgrade")]


def test_a_password_never_enters_the_log() -> None:
    room = make_room()
    enter(room, 1, "s")
    request = {"requestId": "q", "executionId": "e", "sessionId": "r", "prompt": "?", "password": True}
    push(room, 1, event(1, "v1.InputRequested", request))
    room.on_durable(1, 0.0)
    push(room, 1, event(2, "v1.InputReplied", {"requestId": "q", "value": "secret"}), event(3, "v1.InputReplied", {"requestId": "q"}))
    assert [answer["t"] for answer in frames(room.on_durable(1, 0.0), 1)] == ["reject", "ack"]


def test_another_users_session_is_forbidden() -> None:
    room = make_room()
    enter(room, 1, "s")
    push(room, 1, source(1))
    room.on_durable(1, 0.0)
    enter(room, 2, "t", user=BOB)
    (answer,) = frames(push(room, 2, source(2), session="s"), 2)
    assert (answer["t"], answer["code"]) == ("reject", "forbidden")
    assert frames(push(room, 2, source(1), session="server-session"), 2)[0]["code"] == "forbidden"


def test_an_earlier_lifes_pending_is_pushed_under_its_own_session() -> None:
    room = make_room()
    enter(room, 1, "new")
    push(room, 1, source(4), session="old")
    assert frames(room.on_durable(1, 0.0), 1) == [{"t": "ack", "session": "old", "n": 4, "count": 1, "first": 1}]


def test_a_refused_batch_is_paused_forgotten_and_taken_again() -> None:
    room = make_room()
    enter(room, 1, "s")
    push(room, 1, source(1))
    push(room, 1, source(2))
    assert frames(room.on_refused(), 1) == [{"t": "pause", "session": "s", "from": 1, "retryMs": 1000}]
    assert frames(push(room, 1, source(3)), 1) == [{"t": "pause", "session": "s", "from": 1, "retryMs": 1000}]
    (append,) = push(room, 1, source(1))
    assert isinstance(append, Append)
    assert append.batch.first == 1
    assert frames(room.on_durable(1, 0.0), 1)[0]["t"] == "ack"


def test_too_many_events_a_second_are_paused() -> None:
    room = make_room(limits=replace(Limits(), events_per_s=2))
    enter(room, 1, "s")
    assert kinds(push(room, 1, source(1), source(2))) == [Append]
    assert frames(push(room, 1, source(3)), 1) == [{"t": "pause", "session": "s", "from": 3, "retryMs": 1000}]


def test_resume_takes_the_newest_from_memory_and_the_rest_from_the_log() -> None:
    room = make_room(OpenedStore(backend="b1", head=2, sessions={}, marked=[]))
    enter(room, 1, "s", head=2)
    push(room, 1, source(1))
    room.on_durable(1, 0.0)
    assert frames(enter(room, 2, "t", head=2), 2)[1]["first"] == 3
    effects = enter(room, 3, "u", head=0)
    assert effects[-1] == ReadPage(3, 0)
    page = room.on_page(3, 0, [b'["a",{},"ann","x",1]', b'["b",{},"ann","x",2]'])
    assert [(frame["first"], len(frame["events"])) for frame in frames(page, 3)] == [(1, 2)]
    assert [frame["first"] for frame in frames(room.on_drained(3), 3)] == [3]


def test_events_of_a_far_behind_client_are_not_sent_out_of_turn() -> None:
    room = make_room(OpenedStore(backend="b1", head=2, sessions={}, marked=[]))
    enter(room, 1, "s", head=2)
    enter(room, 2, "t", head=0)
    push(room, 1, source(1))
    assert frames(room.on_durable(1, 0.0), 2) == []


def test_a_lagging_author_sees_its_events_in_the_stream_and_its_rejects_at_once() -> None:
    room = make_room(OpenedStore(backend="b1", head=2, sessions={}, marked=[]))
    enter(room, 1, "s", head=0)
    push(room, 1, source(1), event(2, "v1.Unheard", {}))
    assert [frame["t"] for frame in frames(room.on_durable(1, 0.0), 1)] == ["reject"]
    room.on_page(1, 0, [b'["a",{},"ann","x",1]', b'["b",{},"ann","x",2]'])
    assert frames(room.on_drained(1), 1)[0]["events"][0][3:] == ["s", 1]


def test_who_only_pushes_is_streamed_nothing_and_told_its_rejects_and_pauses_at_once() -> None:
    room = make_room(limits=replace(Limits(), events_per_s=3))
    enter(room, 1, "guest", head=None)
    enter(room, 2, "page")
    push(room, 1, source(1), event(2, "v1.Unheard", {}), source(3))
    effects = room.on_durable(1, 0.0)
    assert [(frame["t"], frame["n"]) for frame in frames(effects, 1)] == [("reject", 2)]
    assert [item[3:] for item in frames(effects, 2)[0]["events"]] == [["guest", 1], ["guest", 3]]
    assert frames(push(room, 1, source(4)), 1) == [{"t": "pause", "session": "guest", "from": 4, "retryMs": 1000}]
    push(room, 2, source(1))
    assert frames(room.on_durable(1, 0.0), 1) == []
    assert frames(room.on_timer(10.0), 1) == [{"t": "ping", "head": 3}]


def test_who_only_pushes_is_answered_at_once_about_what_it_pushes_again() -> None:
    room = make_room(OpenedStore(backend="b1", head=1, sessions={"guest": SessionHead("ann", 3)}, marked=[]))
    enter(room, 1, "guest", head=None)
    look = look_up(push(room, 1, source(1), source(2), source(3, "other")))
    wanted = dict(look.wanted)
    records = [
        Record(1, wanted[1], 1, None, ""),
        Record(2, wanted[2], None, "invalid", "no"),
        Record(3, b"another digest", None, "invalid", "no"),
    ]
    answers = frames(room.on_records(look, records, 0.0), 1)
    assert [(answer["t"], answer["n"], answer["code"]) for answer in answers] == [("reject", 2, "invalid"), ("reject", 3, "conflict")]
    assert [(answer["n"], answer["code"]) for answer in frames(push(room, 1, source(4)), 1)] == [(4, "conflict")]


def test_what_a_session_left_behind_is_taken_from_the_page_while_its_own_push_is_in_flight() -> None:
    room = make_room()
    enter(room, 1, "guest", head=None)
    enter(room, 2, "page")
    push(room, 1, source(1))
    room.on_close(1, 0.0)
    push(room, 2, source(1), source(2), session="guest")
    effects = room.on_durable(1, 0.0)
    assert [(frame["t"], frame["first"]) for frame in frames(effects, 2)] == [("events", 1)]
    (look,) = [effect for effect in effects if isinstance(effect, LookUp)]
    effects = room.on_records(look, [Record(1, look.wanted[0][1], 1, None, "")], 0.0)
    assert frames(effects, 2) == [{"t": "ack", "session": "guest", "n": 1, "count": 1, "first": 1}]
    assert frames(room.on_durable(1, 0.0), 2) == [{"t": "ack", "session": "guest", "n": 2, "count": 1, "first": 2}]


def test_a_pause_ends_when_another_connection_of_the_session_got_its_event_decided() -> None:
    room = make_room(limits=replace(Limits(), events_per_s=1))
    enter(room, 1, "guest", head=None)
    enter(room, 2, "page")
    push(room, 1, source(1))
    assert frames(push(room, 2, source(2), source(3), session="guest"), 2)[0]["from"] == 2
    assert frames(push(room, 2, source(3), session="guest"), 2)[0]["from"] == 2
    assert kinds(room.on_frame(1, Push(events=[source(2)]), 1.0)) == [Append]
    assert kinds(room.on_frame(2, Push(events=[source(3)], session="guest"), 2.0)) == [Append]


def test_a_full_queue_is_caught_up_from_where_it_was_left() -> None:
    room = make_room()
    enter(room, 1, "s")
    enter(room, 2, "t")
    room.on_overflow(2)
    push(room, 1, source(1), source(2))
    assert frames(room.on_durable(1, 0.0), 2) == []
    assert [(frame["first"], len(frame["events"])) for frame in frames(room.on_drained(2), 2)] == [(1, 2)]


@pytest.mark.parametrize("head", [3, 2**53 - 1])
def test_a_client_that_knows_more_than_the_log_is_told_so(head: int) -> None:
    room = make_room(OpenedStore(backend="b1", head=2, sessions={}, marked=[]))
    close = enter(room, 1, "s", head=head)[-1]
    assert isinstance(close, Close)
    assert close.code == "ahead"


def test_a_head_of_another_backend_is_not_compared() -> None:
    room = make_room()
    room.on_connect(1, ANN, 0.0)
    effects = room.on_frame(1, Hello(session="s", rules=RULES_HASH, schema=SCHEMA_HASH, backend="b0", head=9), 0.0)
    assert frames(effects, 1)[0]["backend"] == "b1"


def test_hello_must_come_first_and_once() -> None:
    room = make_room()
    room.on_connect(1, ANN, 0.0)
    close = room.on_frame(1, Ping(), 0.0)[0]
    assert isinstance(close, Close)
    assert close.code == "bad-frame"
    enter(room, 2, "s")
    assert kinds(room.on_frame(2, Hello(session="s", rules="", schema=""), 0.0)) == [Close]
    enter(room, 3, "s")
    assert kinds(room.on_frame(3, From(head=0), 0.0)) == [Close]


def test_hello_must_come_in_time() -> None:
    room = make_room()
    room.on_connect(1, ANN, 0.0)
    assert room.on_timer(4.9) == []
    (close,) = room.on_timer(5.0)
    assert isinstance(close, Close)
    assert close.code == "timeout"


def test_pushes_ascend_within_the_batch_limit() -> None:
    room = make_room(limits=replace(Limits(), batch_events=2))
    enter(room, 1, "s")
    assert kinds(push(room, 1, source(2), source(2))) == [Close]
    enter(room, 2, "s")
    assert kinds(push(room, 2, source(1), source(2), source(3))) == [Close]


def test_pings_carry_the_head() -> None:
    room = make_room()
    enter(room, 1, "s")
    push(room, 1, source(1))
    room.on_durable(1, 0.0)
    assert room.on_timer(9.9) == []
    assert frames(room.on_timer(10.0), 1) == [{"t": "ping", "head": 1}]
    assert room.on_timer(19.9) == []


def test_a_ping_is_answered() -> None:
    room = make_room()
    enter(room, 1, "s")
    assert frames(room.on_frame(1, Ping(), 0.0), 1) == [{"t": "pong"}]


def test_live_messages_name_their_sender_and_reach_whom_they_are_for() -> None:
    room = make_room()
    for peer, session in ((1, "s"), (2, "t"), (3, "u")):
        enter(room, peer, session)
    everybody = room.on_frame(1, LiveOut(topic="presence", data=msgspec.Raw(b'{"cell":"c"}')), 0.0)
    assert [len(frames(everybody, peer)) for peer in (1, 2, 3)] == [0, 1, 1]
    one = room.on_frame(1, LiveOut(topic="runtime.stop", data=msgspec.Raw(b"{}"), to="u", id="m1"), 0.0)
    assert frames(one, 2) == []
    assert frames(one, 3) == [
        {"t": "live", "topic": "runtime.stop", "data": {}, "from": {"session": "s", "user": "ann"}, "to": "u", "id": "m1"}
    ]


def test_live_messages_reach_who_only_pushes() -> None:
    room = make_room()
    enter(room, 1, "page")
    enter(room, 2, "guest", head=None)
    asked = room.on_frame(1, LiveOut(topic="runtime.stop", data=msgspec.Raw(b"{}"), to="guest", id="m1"), 0.0)
    assert [frame["id"] for frame in frames(asked, 2)] == ["m1"]
    answer = room.on_frame(2, LiveOut(topic="ack", data=msgspec.Raw(b"null"), to="page", id="m1"), 0.0)
    assert [frame["from"] for frame in frames(answer, 1)] == [{"session": "guest", "user": "ann"}]


VIEWER = User(id="vic", name="Vic", role="viewer")


def test_a_viewer_is_shown_everything_and_may_push_nothing() -> None:
    room = make_room()
    enter(room, 1, "s")
    enter(room, 2, "v", user=VIEWER)
    (answer,) = frames(push(room, 2, source(1)), 2)
    assert (answer["t"], answer["code"], answer["message"]) == ("reject", "forbidden", "a viewer may only look")
    push(room, 1, source(1))
    assert frames(room.on_durable(1, 0.0), 2)[0]["t"] == "events"


@pytest.mark.parametrize(
    ("topic", "to", "heard"),
    [
        ("presence", None, 1),
        ("presence", "s", 0),
        ("runtime.stop", "s", 0),
        ("runtime.restart", None, 0),
        ("input.reply", "s", 0),
        ("ack", "s", 0),
        ("anything", None, 0),
    ],
)
def test_of_a_viewer_only_presence_is_relayed(topic: str, to: str | None, heard: int) -> None:
    room = make_room()
    enter(room, 1, "s")
    enter(room, 2, "v", user=VIEWER)
    assert len(frames(room.on_frame(2, LiveOut(topic=topic, data=msgspec.Raw(b"{}"), to=to), 0.0), 1)) == heard


@pytest.mark.parametrize("user", [VIEWER, BOB], ids=["viewer", "other-user"])
def test_who_names_anothers_runtime_session_neither_gets_its_messages_nor_vouches_for_it(user: User) -> None:
    room = make_room()
    enter(room, 1, "agent")
    push(room, 1, event(1, "v1.RuntimeSessionStarted", STARTED))
    room.on_durable(1, 0.0)
    enter(room, 2, "agent", user=user)
    enter(room, 3, "page")
    password = LiveOut(topic="input.reply", data=msgspec.Raw(b'{"requestId":"q","value":"secret"}'), to="agent")
    effects = room.on_frame(3, password, 0.0)
    assert [len(frames(effects, peer)) for peer in (1, 2)] == [1, 0]
    room.on_close(1, 0.0)
    assert Append in kinds(room.on_timer(30.0))
    room.on_close(2, 31.0)


def waiting_room(*, head: int = 2, n: int = 2) -> Room:
    """A room whose runtime, the connection 1, is ready and has offered to wait; a page is the connection 2."""
    room = make_room()
    enter(room, 1, "agent")
    enter(room, 2, "page", user=BOB)
    ready = event(2, "v1.RuntimeSessionStatusSet", {"sessionId": STARTED["sessionId"], "status": "ready"})
    push(room, 1, event(1, "v1.RuntimeSessionStarted", STARTED), ready)
    room.on_durable(1, 0.0)
    stand_by(room, 1, head=head, n=n)
    return room


def stand_by(room: Room, peer: int, *, head: int = 2, n: int = 2, now_s: float = 0.0) -> None:
    standby = Standby(session_id="r", execution_count=7, started_ms=5_000, n=n, head=head)
    assert room.on_frame(peer, Push(events=[], standby=standby), now_s) == []


def request(n: int, execution_id: str = "e1") -> PushEvent:
    return event(n, "v1.ExecutionRequested", {"executionId": execution_id, "cellId": "c", "source": "1", "requestedMs": 1})


def batch_request(n: int, *execution_ids: str) -> PushEvent:
    items = [{"executionId": execution_id, "cellId": "c", "source": "1"} for execution_id in execution_ids]
    return event(n, "v1.ExecutionBatchRequested", {"batchId": "b", "stopOnError": False, "items": items, "requestedMs": 1})


def starts(effects: list[Effect]) -> list[tuple[str, str]]:
    bodies = [decision.body for effect in effects if isinstance(effect, Append) for decision in effect.batch.decisions]
    events = [msgspec.json.decode(body) for body in bodies if body is not None]
    return [(args["executionId"], client) for name, args, client, _, _ in events if name == "v1.ExecutionStarted"]


def test_a_request_that_finds_its_runtime_waiting_is_started_in_the_same_moment() -> None:
    room = waiting_room()
    effects = room.on_frame(2, Push(events=[request(1)]), 2.5)
    assert [effect.batch.first for effect in effects if isinstance(effect, Append)] == [3, 4]
    (told,) = frames(room.on_durable(2, 2.5), 1)
    assert [name for name, *_ in told["events"]] == ["v1.ExecutionRequested", "v1.ExecutionStarted"]
    started = {"executionId": "e1", "sessionId": STARTED["sessionId"], "executionCount": 7, "startedMs": 7_500}
    assert told["events"][1][1:3] == [started, "server"]


def test_an_offer_is_good_for_one_request() -> None:
    room = waiting_room()
    assert starts(push(room, 2, request(1, "e1"), request(2, "e2"))) == [("e1", "server")]
    assert starts(push(room, 2, request(3, "e3"))) == []


def test_of_a_batch_the_first_is_started() -> None:
    room = waiting_room()
    assert starts(push(room, 2, batch_request(1))) == []
    assert starts(push(room, 2, batch_request(2, "e1", "e2"))) == [("e1", "server")]


def test_what_is_no_request_leaves_an_offer_as_it_is() -> None:
    room = waiting_room()
    assert starts(push(room, 2, source(1))) == []
    assert starts(push(room, 2, request(2))) == [("e1", "server")]


def test_a_request_that_is_rejected_starts_nothing() -> None:
    room = waiting_room()
    assert starts(push(room, 2, event(1, "v1.ExecutionRequested", {"executionId": "e1"}))) == []


@pytest.mark.parametrize(("head", "n"), [(3, 3), (4, 4)], ids=["a-request-came-meanwhile", "its-end-is-not-decided"])
def test_an_offer_of_a_runtime_that_has_something_to_do_is_none(head: int, n: int) -> None:
    room = waiting_room()
    push(room, 1, source(3))
    push(room, 2, request(1, "e0"))
    stand_by(room, 1, head=head, n=n)
    assert starts(push(room, 2, request(2))) == []
    stand_by(room, 1, head=6, n=3)
    assert starts(push(room, 2, request(3))) == [("e1", "server")]


def test_an_offer_ends_with_its_connection_and_no_other() -> None:
    room = waiting_room()
    enter(room, 3, "page")
    room.on_close(3, 0.0)
    assert starts(push(room, 2, request(1))) == [("e1", "server")]
    stand_by(room, 1, head=room.decided)
    room.on_close(1, 0.0)
    assert starts(push(room, 2, request(2))) == []


def test_a_connection_that_is_closed_for_its_push_offers_nothing() -> None:
    room = waiting_room()
    push(room, 2, request(1, "e0"))
    standby = Standby(session_id="r", execution_count=7, started_ms=5_000, n=2, head=room.decided)
    (close,) = room.on_frame(1, Push(events=[source(4), source(3)], standby=standby), 0.0)
    assert isinstance(close, Close)
    assert starts(push(room, 2, request(2))) == []


def test_of_two_connections_of_one_runtime_none_offers() -> None:
    room = waiting_room()
    enter(room, 3, "agent")
    assert starts(push(room, 2, request(1))) == []
    for peer in (1, 3):
        stand_by(room, peer, head=room.decided)
    assert starts(push(room, 2, request(2))) == []
    room.on_close(1, 0.0)
    stand_by(room, 3, head=room.decided)
    enter(room, 4, "page")
    assert starts(push(room, 2, request(3))) == [("e1", "server")]


def test_an_offer_is_made_with_the_end_of_what_ran_before() -> None:
    room = waiting_room()
    push(room, 2, request(1, "e0"))
    standby = Standby(session_id="r", execution_count=7, started_ms=5_000, n=3, head=room.decided)
    room.on_frame(1, Push(events=[source(3)], standby=standby), 0.0)
    assert starts(push(room, 2, request(2))) == [("e1", "server")]


def test_an_offer_does_not_count_on_what_was_before_the_room() -> None:
    opened = OpenedStore(backend="b1", head=9, sessions={"agent": SessionHead("ann", 2)}, marked=[])
    room = make_room(opened)
    enter(room, 1, "agent", head=8)
    enter(room, 2, "page", head=9, user=BOB)
    push(room, 1, event(3, "v1.RuntimeSessionStarted", STARTED))
    room.on_durable(1, 0.0)
    stand_by(room, 1, head=8)
    assert starts(push(room, 2, request(1))) == []


def test_an_offer_ends_when_the_runtime_changes() -> None:
    room = waiting_room()
    push(room, 1, event(3, "v1.RuntimeSessionStatusSet", {"sessionId": STARTED["sessionId"], "status": "restarting"}))
    room.on_durable(1, 0.0)
    assert starts(push(room, 2, request(1))) == []


def test_an_offer_ends_when_the_last_words_of_its_runtime_were_not_recorded() -> None:
    room = waiting_room()
    push(room, 1, source(3))
    stand_by(room, 1, n=3)
    room.on_refused()
    assert starts(push(room, 2, request(1))) == []


@pytest.mark.parametrize("user", [ANN, BOB, VIEWER], ids=["own-other-session", "other-user", "viewer"])
def test_nobody_but_the_runtime_offers_for_it(user: User) -> None:
    room = waiting_room()
    push(room, 2, request(1, "e0"))
    room.on_durable(2, 0.0)
    enter(room, 3, "other" if user is ANN else "agent", user=user)
    push(room, 3, source(2))
    stand_by(room, 3, head=room.decided)
    assert starts(push(room, 2, request(2))) == []
    stand_by(room, 1, head=room.decided)
    assert starts(push(room, 2, request(3))) == [("e1", "server")]


def test_a_runtime_of_other_rules_is_not_started_for() -> None:
    room = waiting_room()
    push(room, 2, request(1, "e0"))
    room.on_close(1, 0.0)
    enter(room, 3, "agent", rules="old")
    stand_by(room, 3, head=room.decided)
    assert starts(push(room, 2, request(2))) == []


def test_offers_are_bounded_in_rate_and_end_no_connection() -> None:
    room = waiting_room()
    for _ in range(2 * Limits().events_per_s):
        stand_by(room, 1)
    push(room, 2, request(1))
    room.on_durable(2, 0.0)
    stand_by(room, 1, head=room.head)
    assert starts(push(room, 2, request(2))) == []
    stand_by(room, 1, head=room.decided, now_s=1.0)
    assert starts(push(room, 2, request(3, "e3"))) == [("e3", "server")]


def test_an_event_of_a_numbering_client_starts_nothing_but_ends_an_offer() -> None:
    room = waiting_room()
    args = msgspec.Raw(msgspec.json.encode({"executionId": "e1", "cellId": "c", "source": "1", "requestedMs": 1}))
    numbered = [NumberedEvent("livestore", 3, "v1.ExecutionRequested", args)]
    effects = room.push_numbered(BOB, numbered, same_rules=True, now_s=0.0)
    assert not isinstance(effects, str)
    assert starts(effects) == []
    assert starts(push(room, 2, request(1))) == []


def test_live_messages_are_bounded_in_size_and_rate() -> None:
    room = make_room()
    enter(room, 1, "s")
    (close,) = room.on_frame(1, LiveOut(topic="x", data=msgspec.Raw(b'"' + b"x" * 65_536 + b'"')), 0.0)
    assert isinstance(close, Close)
    assert close.code == "bad-frame"
    enter(room, 2, "s")
    for _ in range(1_000):
        assert room.on_frame(2, Ping(), 0.0)
    (close,) = [effect for effect in room.on_frame(2, Ping(), 0.0) if isinstance(effect, Close)]
    assert close.code == "too-many"


def test_frames_of_a_forgotten_client_are_nothing() -> None:
    room = make_room()
    enter(room, 1, "s")
    room.on_close(1, 0.0)
    assert push(room, 1, source(1)) == []
    assert room.on_drained(1) == []


def test_the_tail_forgets_the_oldest() -> None:
    tail = Tail(10, max_events=4, max_bytes=1_000)
    tail.extend([b"11", b"12", b"13", b"14"])
    tail.extend([b"15"])
    assert (tail.start, tail.end) == (13, 15)
    assert tail.after(12, 10, 100) is None
    assert tail.after(13, 10, 100) == [b"14", b"15"]
    assert tail.after(13, 10, 1) == [b"14"]
    tail.extend([b"x" * 2_000])
    assert (tail.start, tail.end) == (16, 16)
