"""The live channel's comm messages and their pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_schema.json_text import Json
from runtime_schema.live import MOST_PARTS, PART_ASCII_CHARACTERS, CommMessage, Joiner, comm_from_json, pieces
from runtime_schema.wire import Limits

OPEN = CommMessage(kind="open", comm_id="c1", target_name="jupyter.widget", data={"state": {"n": 1}}, buffers=("AA==",))


def test_a_comm_message_is_read_as_it_was_written() -> None:
    assert comm_from_json(OPEN.to_json()) == OPEN
    assert OPEN.to_json("e1")["executionId"] == "e1"
    close = CommMessage(kind="close", comm_id="c1")
    assert comm_from_json({"kind": "close", "commId": "c1"}) == comm_from_json(close.to_json()) == close


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "is an object"),
        ({"kind": "shut", "commId": "c"}, "needs a kind"),
        ({"kind": "msg"}, "needs a kind"),
        ({"kind": "msg", "commId": ""}, "needs a kind"),
        ({"kind": "msg", "commId": "c", "data": []}, "are objects"),
        ({"kind": "msg", "commId": "c", "metadata": 1}, "are objects"),
        ({"kind": "open", "commId": "c", "targetName": 1}, "are objects"),
        ({"kind": "msg", "commId": "c", "buffers": "AA=="}, "are a list"),
        ({"kind": "msg", "commId": "c", "buffers": [1]}, "base64 strings"),
    ],
)
def test_what_is_no_comm_message_is_refused(value: Json, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        comm_from_json(value)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.integers(0, 3))
def test_pieces_join_to_the_text(text: str, times: int) -> None:
    long = text * (10_000 * times + 1)
    joiner = Joiner()
    joined = [joiner.add(piece) for piece in pieces(long)]
    assert joined[-1] == long
    assert not any(joined[:-1])


@pytest.mark.parametrize("letter", ["a", '"', "\\", "é", "€", "𝄞"])
def test_a_piece_fits_a_live_message(letter: str) -> None:
    for piece in pieces(json.dumps([letter * 100_000], ensure_ascii=False)):
        frame = json.dumps({"sessionId": "s" * 64, **piece}, ensure_ascii=False)
        assert len(frame.encode()) < Limits().live_bytes


def test_too_long_a_text_is_refused_before_a_piece_is_made() -> None:
    with pytest.raises(ValueError, match="too many for the live channel"):
        next(pieces("x" * (PART_ASCII_CHARACTERS * MOST_PARTS + 1)))


@pytest.mark.parametrize(
    "piece",
    [
        {},
        {"part": 0, "parts": 1, "text": 1},
        {"part": "0", "parts": 1, "text": ""},
        {"part": 0, "parts": "1", "text": ""},
        {"part": 1, "parts": 1, "text": ""},
        {"part": -1, "parts": 1, "text": ""},
        {"part": 0, "parts": MOST_PARTS + 1, "text": ""},
    ],
)
def test_what_is_no_piece_is_refused(piece: dict[str, Json]) -> None:
    with pytest.raises(ValueError, match="a piece needs"):
        Joiner().add(piece)


def test_a_missing_piece_is_told_and_part_0_begins_anew() -> None:
    joiner = Joiner()
    assert joiner.add({"part": 0, "parts": 3, "text": "lost"}) is None
    with pytest.raises(ValueError, match="piece 2 came without"):
        joiner.add({"part": 2, "parts": 3, "text": "c"})
    with pytest.raises(ValueError, match="piece 1 came without"):
        joiner.add({"part": 1, "parts": 3, "text": "b"})
    assert joiner.add({"part": 0, "parts": 2, "text": "a"}) is None
    assert joiner.add({"part": 0, "parts": 2, "text": "c"}) is None
    assert joiner.add({"part": 1, "parts": 2, "text": "d"}) == "cd"
