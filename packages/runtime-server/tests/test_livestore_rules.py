"""LiveStore's protocol as plain data: frames, whose an event is, which pushes continue a log, whose turn it is."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_server.livestore import messages
from runtime_server.livestore.identity import WireAuthor, store_session_of, wire_author_of
from runtime_server.livestore.numbered import Refused, WireEvent, numbered, standing
from runtime_server.livestore.turns import REST_S, TURN_S, Turns
from runtime_server.verdict import NumberedEvent, event_body

ARGS = msgspec.Raw(b'{"cellId":"c"}')


def event(seq: int, parent: int | None = None, *, client: str = "ann", session: str = "s", name: str = "v1.CellDeleted") -> WireEvent:
    before = seq - 1 if parent is None else parent
    return WireEvent(name=name, seq_num=seq, parent_seq_num=before, client_id=client, session_id=session, args=ARGS)


@pytest.mark.parametrize(
    ("client", "session", "expected"),
    [
        ("ann", "s1", "s1"),
        ("ann/laptop", "s1", "laptop__s1"),
        ("ann/laptop", "_s", "laptop___s"),
        ("bob", "s1", None),
        ("bob/laptop", "s1", None),
        ("annlaptop", "s1", None),
        ("ann/", "s1", None),
        ("ann/a_b", "s1", None),
        ("ann/a/b", "s1", None),
        ("ann", "laptop__s1", None),  # would be taken for a device's
        ("ann", "", None),
        ("ann/laptop", "", None),
        ("ann", "s 1", None),
        ("ann/laptop", "s" * 57, None),
        ("server", "s1", None),
    ],
)
def test_a_committer_has_one_name_in_the_log(client: str, session: str, expected: str | None) -> None:
    assert store_session_of(WireAuthor(client, session), "ann") == expected


_IDS = st.text("aZ0_-", min_size=1, max_size=12)


@given(_IDS)
def test_an_event_of_the_log_keeps_its_name_through_livestore(session: str) -> None:
    author = wire_author_of("ann", session)
    assert store_session_of(author, "ann") == session


@given(st.none() | _IDS, _IDS)
def test_what_a_client_is_echoed_is_what_it_said(device: str | None, session: str) -> None:
    author = WireAuthor("ann" if device is None else f"ann/{device}", session)
    known = store_session_of(author, "ann")
    assert known is None or wire_author_of("ann", known) == author


def test_a_chain_is_taken_whole() -> None:
    assert numbered([event(5), event(6, client="ann/tab", session="t")], "ann") == (
        NumberedEvent("s", 5, "v1.CellDeleted", ARGS),
        NumberedEvent("tab__t", 6, "v1.CellDeleted", ARGS),
    )


@pytest.mark.parametrize(
    ("batch", "problem"),
    [
        ([event(5), event(7, 6)], "event 7 after 6 does not follow 5"),
        ([event(5), event(5, 4)], "event 5 after 4 does not follow 5"),
        ([event(6, 4)], "event 6 after 4 does not follow 4"),
        ([event(0, -1)], "event 0 after -1 does not follow -1"),
        ([event(1, client="bob")], "clientId 'bob', sessionId 's': this connection is ann's"),
        ([event(1, name='x"')], "is no name of an event here"),
        ([WireEvent("v1.X", 1, 0, "ann", "s")], "v1.X: args are missing"),
    ],
)
def test_what_is_no_chain_of_the_users_own_is_refused(batch: list[WireEvent], problem: str) -> None:
    found = numbered(batch, "ann")
    assert isinstance(found, Refused)
    assert problem in found.problem


def test_a_push_continues_the_log_or_waits_or_is_behind() -> None:
    assert standing(7, head=5, decided=7) == "next"
    assert standing(4, head=5, decided=7) == "behind"
    # Others' events are accepted and not yet on disk: were they refused for want of space, nobody would ever send them.
    assert standing(5, head=5, decided=7) == "wait"
    assert isinstance(standing(8, head=5, decided=7), Refused)


def test_a_turn_comes_after_two_rejections_and_ends_with_a_push() -> None:
    turns: Turns[str] = Turns()
    turns.rejected("ann", 1.0)
    assert turns.holder is None
    turns.rejected("ann", 1.1)
    assert (turns.holder, turns.ends_s) == ("ann", 1.1 + TURN_S)
    turns.succeeded("ann", 1.2)
    assert turns.holder is None
    turns.rejected("ann", 1.3)
    assert turns.holder is None


def test_turns_come_one_after_another() -> None:
    turns: Turns[str] = Turns()
    for client in ("ann", "bob", "cy"):
        turns.rejected(client, 1.0)
        turns.rejected(client, 1.0)
    assert turns.holder == "ann"
    turns.expire(1.0 + TURN_S - 0.01)
    assert turns.holder == "ann"
    turns.expire(1.0 + TURN_S)
    assert (turns.holder, turns.ends_s) == ("bob", 1.0 + 2 * TURN_S)
    turns.gone("cy", 1.3)
    turns.succeeded("bob", 1.3)
    assert turns.holder is None


def test_who_does_not_use_a_turn_lets_others_append_before_the_next() -> None:
    turns: Turns[str] = Turns()
    turns.rejected("ann", 0.0)
    turns.rejected("ann", 0.0)
    turns.expire(TURN_S)
    turns.rejected("ann", TURN_S + REST_S - 0.01)
    assert turns.holder is None
    turns.rejected("ann", TURN_S + REST_S)
    assert turns.holder == "ann"


def test_each_turn_that_a_client_misses_makes_its_next_longer() -> None:
    turns: Turns[str] = Turns()
    turns.rejected("ann", 0.0)
    now, lengths = 0.0, list[float]()
    for _ in range(4):
        turns.rejected("ann", now)
        lengths.append(turns.ends_s - now)
        turns.expire(turns.ends_s)
        now = turns.ends_s + REST_S
    assert lengths == pytest.approx([0.25, 0.5, 1.0, 1.0])
    turns.succeeded("ann", now)
    turns.rejected("ann", now)
    turns.rejected("ann", now)
    assert turns.ends_s - now == pytest.approx(TURN_S)


def test_a_pull_is_read_with_and_without_a_cursor() -> None:
    text = '{"_tag":"Request","id":"0","tag":"SyncWsRpc.Pull","payload":{"storeId":"n","live":true,"cursor":%s},"traceId":"t","headers":[]}'
    request = messages.decode_message(text % '{"_tag":"None"}')
    assert isinstance(request, messages.Request)
    assert messages.decode_call(request, "SyncWsRpc") == messages.Pull("n", messages.NoneOption(), live=True)
    request = messages.decode_message(text % '{"_tag":"Some","value":{"backendId":"b","eventSequenceNumber":7}}')
    assert isinstance(request, messages.Request)
    assert messages.decode_call(request, "SyncWsRpc") == messages.Pull("n", messages.SomeCursor(messages.Cursor("b", 7)), live=True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"_tag":"Nonsense"}', '{"_tag":"Request","id":1}', '{"_tag":"Ack"}', "[" * 10_000])
def test_what_is_no_message_is_told(text: str) -> None:
    with pytest.raises(messages.MessageError):
        messages.decode_message(text)


@pytest.mark.parametrize(("tag", "payload"), [("SyncWsRpc.Drop", b"{}"), ("SyncHttpRpc.Push", b"{}"), ("SyncWsRpc.Push", b'{"storeId":1}')])
def test_what_is_no_call_is_told(tag: str, payload: bytes) -> None:
    with pytest.raises(messages.MessageError):
        messages.decode_call(messages.Request(id="1", tag=tag, payload=msgspec.Raw(payload)), "SyncWsRpc")


def test_events_of_the_log_are_written_with_their_args_as_they_came() -> None:
    body = event_body("v1.X", b'{"a":1.50, "b":"\xc3\xa9"}', "ann", "tab__s", 9)
    frame = messages.chunk('"0', 8, [body], 3, "b1")
    assert b'"args":{"a":1.50, "b":"\xc3\xa9"}' in frame
    found = msgspec.json.decode(frame)
    assert found == {
        "_tag": "Chunk",
        "requestId": '"0',
        "values": [
            {
                "batch": [
                    {
                        "eventEncoded": {
                            "name": "v1.X",
                            "args": {"a": 1.5, "b": "é"},
                            "seqNum": 8,
                            "parentSeqNum": 7,
                            "clientId": "ann/tab",
                            "sessionId": "s",
                        },
                        "metadata": {"_tag": "None"},
                    }
                ],
                "pageInfo": {"_tag": "MoreKnown", "remaining": 3},
                "backendId": "b1",
            }
        ],
    }
    assert msgspec.json.decode(messages.chunk("0", 1, [], 0, "b1"))["values"][0]["pageInfo"] == {"_tag": "NoMore"}


def test_a_payload_may_be_anything() -> None:
    assert messages.payload_value(msgspec.Raw(b'{"rules":"r"}'), "rules") == "r"
    for payload in (msgspec.UNSET, msgspec.Raw(b"7"), msgspec.Raw(b"null"), msgspec.Raw(b"{}")):
        assert messages.payload_value(payload, "rules") is None
