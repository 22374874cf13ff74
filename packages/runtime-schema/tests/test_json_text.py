"""The strict decoder takes what both languages agree on and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_schema.errors import InvalidJsonError
from runtime_schema.json_text import decode, encode

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_encode_then_decode_is_identity(value: Any) -> None:
    assert decode(encode(value)) == value


@given(VALUES)
def test_encode_is_compact_json(value: Any) -> None:
    assert json.loads(encode(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "9007199254740992",
        "-9007199254740992",
        "1" * 5_000,
        '{"a":1,"a":2}',
        '"\\ud800"',
        '{"\\ud800":1}',
        "[" * 70 + "]" * 70,
        "[" * 100_000,
        "{} {}",
        "\ufeff{}",
        "{'a':1}",
        "[1,]",
        "// c\n1",
        "",
        b"\xff",
    ],
)
def test_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidJsonError):
        decode(text)


def test_depth_64_is_accepted() -> None:
    assert decode("[" * 64 + "]" * 64) is not None


@pytest.mark.parametrize("text", ["[]," * 999 + "[]", '"' + "[" * 999 + '"', '"' + '\\"[' * 999 + '\\\\"', '{"]":"{"},' * 999 + "{}"])
def test_many_brackets_are_not_depth(text: str) -> None:
    assert decode(f"[{text}]") == json.loads(f"[{text}]")


@pytest.mark.parametrize("text", ['"' + "[" * 999, '"' + '\\"' * 99_999 + "[" * 999, '"\\' + "[" * 999, "]" * 999])
def test_brackets_of_a_broken_text_are_refused_all_the_same(text: str) -> None:
    with pytest.raises(InvalidJsonError):
        decode(text)
