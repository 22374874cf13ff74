"""Positions: always room between two, always ascending, short under appends, equal in both languages."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_schema.errors import InvalidPositionError
from runtime_schema.position import is_position, positions_between

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "contract" / "positions.json").read_text())


@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(1, 4)), max_size=60))
def test_inserted_anywhere_they_stay_sorted_and_distinct(inserts: list[tuple[int, int]]) -> None:
    keys: list[str] = []
    for place, count in inserts:
        at = place % (len(keys) + 1)
        made = positions_between(keys[at - 1] if at else None, keys[at] if at < len(keys) else None, count)
        keys[at:at] = made
    assert keys == sorted(set(keys))
    assert all(is_position(key) for key in keys)


@pytest.mark.parametrize("vector", VECTORS["between"], ids=lambda vector: f"{vector['before']}..{vector['after']}")
def test_shared_vectors(vector: dict[str, Any]) -> None:
    assert positions_between(vector["before"], vector["after"], vector["count"]) == vector["positions"]


def test_shared_verdicts() -> None:
    assert [is_position(text) for text in VECTORS["valid"]] == [True] * len(VECTORS["valid"])
    assert [is_position(text) for text in VECTORS["invalid"]] == [False] * len(VECTORS["invalid"])


def test_a_hundred_thousand_appends_stay_short() -> None:
    assert max(map(len, positions_between(None, None, 100_000))) == 4


def test_the_ends_of_the_range_still_have_room() -> None:
    last = "z" + "z" * 26
    assert positions_between(last, None)[0] > last
    first = "A" + "0" * 25 + "1"
    assert is_position(first)
    for _ in range(3):
        before = positions_between(None, first)[0]
        assert before < first
        assert is_position(before)
        first = before
    assert positions_between("a0", "a1", 0) == []


def test_error_names_the_position() -> None:
    with pytest.raises(InvalidPositionError, match=r"^'a00' is not a position$"):
        positions_between("a00", None)


def test_a_gap_of_one_digit_is_filled_by_the_shorter_key() -> None:
    assert positions_between("a0", "a01V") == ["a01"]


def test_counting_crosses_each_length() -> None:
    assert positions_between("az", None) == ["b00"]
    assert positions_between("Zz", None) == ["a0"]
    assert positions_between("Yzz", None) == ["Z0"]
    assert positions_between(None, "a0") == ["Zz"]
    assert positions_between(None, "Z0") == ["Yzz"]


@pytest.mark.parametrize(("before", "after"), [("a1", "a1"), ("a2", "a1"), ("a10", None), (None, "")])
def test_malformed_or_unordered_neighbours_are_refused(before: str | None, after: str | None) -> None:
    with pytest.raises(InvalidPositionError):
        positions_between(before, after)
