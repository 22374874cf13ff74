import os
from collections.abc import Iterator

import pytest

from runtime_node.captured import Captured

TOKEN = "abc"


@pytest.fixture
def captured() -> Iterator[Captured]:
    read, write = os.pipe()
    yield Captured("stdout", read, TOKEN)
    os.close(read)
    os.close(write)


def mark(number: int) -> bytes:
    return b"\xffabc%016d" % number


def test_text_before_any_mark_is_shown_at_once(captured: Captured) -> None:
    captured.feed(b"text")
    assert captured.take(0) == "text"
    assert captured.take(0) == ""


def test_text_behind_a_mark_waits_for_its_message(captured: Captured) -> None:
    captured.feed(b"a" + mark(1) + b"b" + mark(2) + mark(3) + b"c")
    assert [captured.take(messages) for messages in range(4)] == ["a", "b", "", "c"]
    captured.feed(b"d")
    assert captured.take(3) == "d"


def test_nothing_waits_when_no_more_messages_come(captured: Captured) -> None:
    captured.feed(b"a" + mark(1) + b"b" + mark(2)[:5])
    assert captured.take(None) == "ab\ufffdabc0"


def test_a_mark_may_be_read_in_two_parts(captured: Captured) -> None:
    data = "é".encode() + mark(12) + b"b"
    for cut in range(len(data)):
        captured.feed(data[:cut])
        captured.feed(data[cut:])
        assert captured.take(12) == "éb"


def test_a_mark_may_stand_within_a_character(captured: Captured) -> None:
    captured.feed(b"\xc3" + mark(1) + b"\xa9")
    assert captured.take(0) + captured.take(1) == "é"


@pytest.mark.parametrize("data", [b"\xff", b"\xffab!", b"\xff\xff", b"\xffabd" + b"0" * 16])
def test_what_only_looks_like_a_mark_is_text(captured: Captured, data: bytes) -> None:
    captured.feed(data)
    captured.feed(b".")
    assert captured.take(0) == (data + b".").decode(errors="replace")
