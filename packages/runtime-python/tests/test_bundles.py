import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_python.bundles import clean_text, encode_bundle, encode_metadata, is_json


def test_bytes_are_base64() -> None:
    assert encode_bundle({"image/png": b"\x89PNG"}) == ({"image/png": "iVBORw=="}, [])


def test_json_types_become_json_text() -> None:
    bundle, problems = encode_bundle({"application/json": {"a": [1, "ü"]}, "application/vnd.vega.v5+json": "text"})
    assert bundle == {"application/json": '{"a": [1, "ü"]}', "application/vnd.vega.v5+json": '"text"'}
    assert problems == []


def test_charts_whose_type_ends_in_dot_json_get_the_type_that_notebooks_know() -> None:
    assert encode_bundle({"application/vnd.vegalite.v6.json": {"mark": "bar"}}) == (
        {"application/vnd.vegalite.v6+json": '{"mark": "bar"}'},
        [],
    )


def test_nan_becomes_null_since_json_has_none() -> None:
    bundle, _ = encode_bundle({"application/json": {"y": [1.5, float("nan"), float("inf")]}})
    assert bundle == {"application/json": '{"y": [1.5, null, null]}'}


def test_a_value_that_is_not_json_falls_back_to_plain_text_and_says_so() -> None:
    bundle, problems = encode_bundle({"application/json": {1j}})
    assert bundle == {"text/plain": "{1j}"}
    assert problems == ["application/json of this output is left out, it cannot be encoded: a set is not JSON"]


def test_a_bad_value_leaves_the_other_types() -> None:
    bundle, problems = encode_bundle({"text/plain": "plain", "text/html": 5})
    assert bundle == {"text/plain": "plain"}
    assert len(problems) == 1


def test_a_circular_value_does_not_break_the_output() -> None:
    value: list[object] = []
    value.append(value)
    bundle, problems = encode_bundle({"application/json": value})
    assert bundle == {"text/plain": "[[...]]"}
    assert len(problems) == 1


def test_lines_are_joined() -> None:
    assert encode_bundle({"text/html": ["<b>", "x</b>"]})[0] == {"text/html": "<b>x</b>"}


@pytest.mark.parametrize(
    ("mime_type", "expected"), [("application/json", True), ("application/a+json; v=1", True), ("image/svg+xml", False)]
)
def test_json_types_are_known_by_name(mime_type: str, expected: bool) -> None:
    assert is_json(mime_type) is expected


def test_lone_surrogates_become_replacement_characters() -> None:
    assert clean_text("a\ud800b\udfff") == "a\ufffdb\ufffd"


def test_surrogate_pairs_are_joined() -> None:
    assert clean_text("\ud83d\ude00") == "\U0001f600"


def test_metadata_that_is_not_json_becomes_text() -> None:
    assert encode_metadata({"a": 1, "b": {2}}) == '{"a": 1, "b": "{2}"}'
    assert encode_metadata(None) == "{}"


@given(st.text(st.characters(codec=None)) | st.text(alphabet=[chr(0xD800), chr(0xDC00), "a", "é"]))
def test_clean_text_is_always_encodable(text: str) -> None:
    clean_text(text).encode()


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_any_json_value_crosses(value: object) -> None:
    bundle, problems = encode_bundle({"application/json": value})
    assert problems == []
    json.loads(bundle["application/json"], parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
