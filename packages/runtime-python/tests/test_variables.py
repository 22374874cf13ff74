"""The list of variables: which names, in which order, and one line about any value whatever it does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_python.variables import MOST, SUMMARY_CHARACTERS, list_variables, summarize


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    @property
    def shape(self) -> object:
        raise RuntimeError("no")


class Frame:
    shape = (344, 8)
    dtype = "float64"


def twice(n: int, *, times: int = 2) -> int:
    return n * times


@pytest.mark.parametrize(
    ("value", "summary"),
    [
        (42, "42"),
        (None, "None"),
        ("text\nwith a line", "'text\\nwith a line'"),
        ("x" * 1000, "'" + "x" * (SUMMARY_CHARACTERS - 2) + "…"),
        ([1, "a"], "2 items: [1, 'a']"),
        ([], "0 items"),
        ({"a": 1}, "1 item: {'a': 1}"),
        (list(range(1000)), "1000 items"),
        ([Hostile()], "1 item"),
        (Frame(), "344 × 8, float64"),  # noqa: RUF001  # as people write it
        (Hostile(), "<cannot be shown: RuntimeError>"),
        (twice, "twice(n: int, *, times: int = 2) -> int"),
        (Frame, "class Frame"),
        ("half \ud800 a pair", "'half \\ud800 a pair'"),
    ],
)
def test_a_value_is_one_line(value: object, summary: str) -> None:
    assert summarize(value) == summary


def test_a_huge_integer_is_not_written_out() -> None:
    assert summarize(10**5000) == "an integer of 16610 bits"


@given(st.recursive(st.none() | st.integers() | st.text() | st.floats() | st.binary(), st.lists, max_leaves=20))
def test_every_line_is_short_and_can_be_encoded(value: object) -> None:
    line = summarize(value)
    assert len(line) <= SUMMARY_CHARACTERS
    assert "\n" not in line
    line.encode()


def test_values_come_before_functions_and_only_the_users_names_are_listed() -> None:
    given: dict[str, object] = {"In": (), "quit": 1}
    namespace: dict[str, object] = {"twice": twice, "b": 1, "a": 2, "_": 3, "__name__": "x", "pytest": pytest, "In": given["In"], "quit": 7}
    assert [variable["name"] for variable in list_variables(namespace, given)] == ["a", "b", "quit", "twice"]


def test_a_large_namespace_is_cut() -> None:
    assert len(list_variables({f"v{n}": n for n in range(1000)}, {})) == MOST
