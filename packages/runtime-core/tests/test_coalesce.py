"""When text goes out, and where it is cut."""

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from runtime_core.coalesce import Chunk, TextCoalescer, split_text
from runtime_core.media import clean_text, encoded_size
from runtime_core.options import CoalesceOptions

Name = Literal["stdout", "stderr"]
OPTIONS = CoalesceOptions()


def coalescer(chunk_bytes: int = 64 * 1024) -> TextCoalescer[Name]:
    return TextCoalescer(CoalesceOptions(chunk_bytes=chunk_bytes))


def texts(chunks: list[Chunk[Name]]) -> list[tuple[Name, str]]:
    return [(key, text) for key, text, _ in chunks]


def test_first_text_goes_at_once() -> None:
    assert texts(coalescer().add("stdout", "a", 5.0)) == [("stdout", "a")]


def test_text_soon_after_waits_until_it_is_due() -> None:
    text = coalescer()
    text.add("stdout", "a", 5.0)
    assert text.due is None
    assert text.add("stdout", "b", 5.001) == []
    assert text.due == 5.0 + OPTIONS.min_interval_s
    assert text.tick(5.015) == []
    assert texts(text.tick(5.016)) == [("stdout", "b")]


def test_interval_grows_to_its_maximum_while_text_goes_on() -> None:
    text = coalescer()
    now = 0.0
    intervals: list[float] = []
    text.add("stdout", "x", now)
    for _ in range(20):
        text.add("stdout", "x", now)
        assert text.due is not None
        intervals.append(round(text.due - now, 6))
        now = text.due
        text.tick(now)
    assert intervals[:3] == [0.016, 0.024, 0.036]
    assert intervals[-1] == 0.1
    assert intervals == sorted(intervals)


def test_quiet_time_makes_it_fast_again() -> None:
    text = coalescer()
    for n in range(20):
        text.add("stdout", "x", n * 0.1)
        text.flush(n * 0.1)
    text.add("stdout", "x", 10.0)
    text.add("stdout", "y", 10.0)
    assert text.due == 10.0 + OPTIONS.min_interval_s


def test_full_chunk_does_not_wait() -> None:
    text = coalescer(chunk_bytes=10)
    text.add("stdout", "a", 0.0)
    assert texts(text.add("stdout", "0123456789", 0.001)) == [("stdout", "0123456789")]


def test_streams_keep_their_order() -> None:
    text = coalescer()
    text.add("stdout", "a", 0.0)
    writes: list[tuple[Name, str]] = [("stdout", "b"), ("stderr", "c"), ("stderr", "d"), ("stdout", "e")]
    for key, written in writes:
        assert text.add(key, written, 0.001) == []
    assert texts(text.flush(0.002)) == [("stdout", "b"), ("stderr", "cd"), ("stdout", "e")]


def test_progress_bars_pass_as_they_are() -> None:
    assert texts(coalescer().add("stderr", "\r 50%\r100%", 0.0)) == [("stderr", "\r 50%\r100%")]


def test_surrogate_pair_written_in_two_is_joined() -> None:
    text = coalescer()
    assert text.add("stdout", "\ud83d", 0.0) == []
    assert texts(text.add("stdout", "\ude00!", 0.1)) == [("stdout", "😀!")]


def test_half_pair_is_replaced_when_something_else_follows() -> None:
    text = coalescer()
    text.add("stdout", "\ud83d", 0.0)
    assert texts(text.add("stderr", "x", 0.1)) == [("stdout", "\ufffd"), ("stderr", "x")]
    text.add("stdout", "\ud83d", 0.2)
    assert texts(text.flush(0.3)) == [("stdout", "\ufffd")]


def test_text_is_cut_after_a_line() -> None:
    assert list(split_text("aaaa\nbb\ncccc", 10)) == ["aaaa\nbb\n", "cccc"]


def test_text_is_not_cut_inside_a_grapheme() -> None:
    assert list(split_text("aaaae\u0301", 5)) == ["aaaa", "e\u0301"]
    assert list(split_text("aaa👩\u200d🔬", 12)) == ["aaa", "👩\u200d🔬"]
    assert list(split_text("aaaa\r\nb", 7)) == ["aaaa", "\r\nb"]


def test_escapes_count_as_what_they_become() -> None:
    assert all(encoded_size(piece) <= 64 for piece in split_text("\x1b" * 100, 64))


@given(st.text(st.characters(exclude_categories=()), max_size=300), st.integers(16, 64))
def test_pieces_join_to_the_text_and_fit(text: str, limit: int) -> None:
    text = clean_text(text)
    pieces = list(split_text(text, limit))
    assert "".join(pieces) == text
    assert all(piece and encoded_size(piece) <= limit for piece in pieces)


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text(max_size=20), st.floats(0, 0.2)), max_size=30))
def test_nothing_is_lost_or_reordered(writes: list[tuple[Name, str, float]]) -> None:
    text, now = coalescer(chunk_bytes=16), 0.0
    out: list[tuple[Name, str]] = []
    for key, written, pause in writes:
        now += pause
        out += texts(text.tick(now)) + texts(text.add(key, written, now))
    out += texts(text.flush(now))
    marked = [(key, character) for key, written in out for character in written]
    assert marked == [(key, character) for key, written, _ in writes for character in written]
