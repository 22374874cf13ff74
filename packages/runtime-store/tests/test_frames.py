"""Frames: raw parts stay as they came, and nothing but a frame gets in."""

import pytest
from msgspec import Raw

from runtime_schema.wire import Limits
from runtime_store.errors import FrameError
from runtime_store.frames import (
    Ack,
    Bye,
    ConfirmedEvent,
    Events,
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
    decode_args,
    decode_client_frame,
    decode_live_data,
    decode_server_frame,
    encode_frame,
    trusted_args,
)

CLIENT = {
    b'{"t":"hello","session":"s","rules":"r","schema":"c","backend":"b","head":3,"snapshot":true}': Hello("s", "r", "c", "b", 3, True),
    b'{"t":"from","head":0}': From(0),
    b'{"t":"push","events":[],"session":"old"}': Push([], "old"),
    b'{"t":"push","events":[],"standby":{"sessionId":"r","executionCount":1,"startedMs":2,"n":3,"head":4}}': Push(
        [], standby=Standby("r", 1, 2, 3, 4)
    ),
    b'{"t":"live","topic":"x","data":{"a": 1},"to":"s2","id":"q"}': LiveOut("x", Raw(b'{"a": 1}'), "s2", "q"),
    b'{"t":"ping"}': Ping(),
    b'{"t":"pong"}': Pong(),
}
SERVER = {
    b'{"t":"ack","session":"s","n":1,"count":2,"first":7}': Ack("s", 1, 2, 7),
    b'{"t":"reject","session":"s","n":1,"code":"too-large","message":"m"}': Reject("s", 1, "too-large", "m"),
    b'{"t":"pause","session":"s","from":4,"retryMs":100}': Pause("s", 4, 100),
    b'{"t":"live","topic":"x","data":[1],"from":{"session":"s","user":"u"},"id":"q"}': LiveIn("x", Raw(b"[1]"), Sender("s", "u"), id="q"),
    b'{"t":"ping","head":0}': Ping(0),
    b'{"t":"bye","code":"shutdown","message":"m"}': Bye("shutdown", "m"),
}


@pytest.mark.parametrize("text", CLIENT)
def test_a_client_frame_is_read_and_written_as_the_protocol_says(text: bytes) -> None:
    assert encode_frame(CLIENT[text]) == text
    assert encode_frame(decode_client_frame(text)) == text


@pytest.mark.parametrize("text", SERVER)
def test_a_server_frame_is_read_and_written_as_the_protocol_says(text: bytes) -> None:
    assert encode_frame(SERVER[text]) == text
    assert encode_frame(decode_server_frame(text)) == text


def test_args_pass_through_a_push_and_an_events_frame_byte_for_byte() -> None:
    args = b'{"a" : 1.50, "\\u00e9":"\\ud83d\\ude00"}'
    push = decode_client_frame(b'{"t":"push","events":[{"n":1,"name":"v1.X","args":' + args + b"}]}")
    assert isinstance(push, Push)
    assert push.events == [PushEvent(1, "v1.X", push.events[0].args)]
    frame = encode_frame(Events(5, [ConfirmedEvent("v1.X", push.events[0].args, "u", "s", 1)]))
    assert frame == b'{"t":"events","first":5,"events":[["v1.X",' + args + b',"u","s",1]]}'


def test_limits_cross_in_camel_case_and_unknown_ones_are_let_pass() -> None:
    welcome = Welcome("b", 0, User("u", "U", "owner"), LimitsOut.of(Limits(event_bytes=5)), {"s": 2}, Snapshot(1, "/x", 2, "00"))
    text = encode_frame(welcome)
    assert b'"eventBytes":5' in text
    assert b'"sizeBytes":2' in text
    newer = decode_server_frame(text.replace(b'"eventBytes":5', b'"eventBytes":5,"somethingNew":1'))
    assert isinstance(newer, Welcome)
    assert newer.limits.limits() == Limits(event_bytes=5)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b'{"t":"nope"}',
        b'{"t":"pong","extra":1}',
        b'{"t":"from"}',
        b'{"t":"from","head":-1}',
        b'{"t":"from","head":1.5}',
        b'{"t":"from","head":9007199254740992}',
        b'{"t":"hello","session":"a\\n","rules":"","schema":""}',
        b'{"t":"push","events":[{"n":0,"name":"v1.X","args":{}}]}',
        b'{"t":"push","events":[{"n":1,"name":"","args":{}}]}',
        b'{"t":"push","events":[{"n":1,"name":"v1.X","args":{}} ,]}',
        b'{"t":"ack","session":"s","n":1,"count":1,"first":1}',
        b'{"t":"live","topic":"x","data":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
)
def test_what_is_no_client_frame_is_refused_with_one_coded_error(text: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        decode_client_frame(text)
    assert caught.value.code == "bad-frame"


def test_the_error_names_the_place() -> None:
    with pytest.raises(FrameError, match=r"\$\.head"):
        decode_server_frame(b'{"t":"ping","head":"x"}')


@pytest.mark.parametrize(
    "text", [b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1e999}', b'{"a":"\\ud800"}', b"[1]", b"{", b"\xff", b'{"a":' * 9_000]
)
def test_args_on_which_languages_disagree_are_refused(text: bytes) -> None:
    with pytest.raises(FrameError):
        decode_args(text)


def test_args_that_are_not_canonical_are_read_all_the_same() -> None:
    assert decode_args(b'{ "a": "\\u00e9", "b": [1, true, null] }') == {"a": "é", "b": [1, True, None]}
    assert decode_args('{"a":"é"}'.encode()) == {"a": "é"}


def test_args_of_an_authority_must_at_least_be_an_object() -> None:
    with pytest.raises(FrameError):
        trusted_args(b"[1]")


def test_data_of_live_messages_is_read_strictly() -> None:
    assert decode_live_data(b'{"x":[1.5,null]}') == {"x": [1.5, None]}
    with pytest.raises(FrameError, match="duplicate"):
        decode_live_data(b'{"x":1,"x":2}')
