"""Bundles, metadata and errors as events carry them."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from runtime_core.media import BUNDLE_LIMIT_BYTES, clean_text, cut_error, make_bundle, make_metadata
from runtime_core.testing import InMemoryArtifacts
from runtime_schema.args import check_args
from runtime_schema.json_text import encode

LIMIT = 32 * 1024
MIME_TYPES = st.sampled_from(["text/plain", "TEXT/html", "image/png", "application/json", "bad"])


def bundle_of(**shown: str) -> dict[str, object]:
    return dict(make_bundle({name.replace("__", "/"): value for name, value in shown.items()}, InMemoryArtifacts(), LIMIT))


def test_small_representations_stay_inline() -> None:
    assert bundle_of(text__plain="1", text__html="<b>1</b>") == {
        "text/plain": {"type": "inline", "data": "1"},
        "text/html": {"type": "inline", "data": "<b>1</b>"},
    }


def test_large_text_becomes_an_artifact_of_its_utf8() -> None:
    artifacts = InMemoryArtifacts()
    made = make_bundle({"text/html": "é" * LIMIT, "text/plain": "x"}, artifacts, LIMIT)
    part = made["text/html"]
    assert part["type"] == "artifact"
    assert part["sizeBytes"] == 2 * LIMIT
    assert artifacts.kept[part["sha256"]] == ("é" * LIMIT).encode()
    assert made["text/plain"] == {"type": "inline", "data": "x"}


def test_large_binary_becomes_an_artifact_of_its_bytes() -> None:
    artifacts = InMemoryArtifacts()
    data = bytes(range(256)) * 200
    part = make_bundle({"image/png": base64.encodebytes(data).decode()}, artifacts, LIMIT)["image/png"]
    assert part["type"] == "artifact"
    assert artifacts.kept[part["sha256"]] == data


def test_limit_counts_bytes_not_characters() -> None:
    assert bundle_of(text__plain="é" * (LIMIT // 2))["text/plain"] == {"type": "inline", "data": "é" * (LIMIT // 2)}
    part = make_bundle({"text/plain": "é" * (LIMIT // 2 + 1)}, InMemoryArtifacts(), LIMIT)["text/plain"]
    assert part["type"] == "artifact"


def test_mime_types_become_lower_case() -> None:
    assert list(make_bundle({" Text/HTML ": "x", "text/html": "y"}, InMemoryArtifacts(), LIMIT).items()) == [
        ("text/html", {"type": "inline", "data": "x"})
    ]


def test_invalid_json_is_left_out() -> None:
    made = make_bundle({"application/vnd.x+json": "{", "text/plain": "x"}, InMemoryArtifacts(), LIMIT)
    assert list(made) == ["text/plain"]


def test_invalid_json_alone_is_shown_as_text() -> None:
    assert make_bundle({"application/json": "{NaN"}, InMemoryArtifacts(), LIMIT) == {"text/plain": {"type": "inline", "data": "{NaN"}}


def test_invalid_base64_and_mime_types_are_left_out() -> None:
    made = make_bundle({"image/png": "***", "no type": "x", "text/plain": "shown"}, InMemoryArtifacts(), LIMIT)
    assert list(made) == ["text/plain"]


def test_empty_bundle_is_empty_text() -> None:
    assert make_bundle({}, InMemoryArtifacts(), LIMIT) == {"text/plain": {"type": "inline", "data": ""}}


def test_largest_are_spilled_until_the_event_fits() -> None:
    shown = {f"text/x-{n}": str(n) * (20_000 + n) for n in range(10)}
    made = make_bundle(shown, InMemoryArtifacts(), LIMIT)
    assert len(encode(made).encode()) <= BUNDLE_LIMIT_BYTES
    assert [mime_type for mime_type, part in made.items() if part["type"] == "artifact"] == ["text/x-8", "text/x-9"]


def test_surrogates_are_joined_or_replaced() -> None:
    assert clean_text("a\ud83d\ude00b\ud800c") == "a😀b\ufffdc"


def test_metadata_that_is_no_object_is_left_out() -> None:
    assert make_metadata('{"a": 1}') == '{"a": 1}'
    assert make_metadata("[]") == "{}"
    assert make_metadata("{") == "{}"
    assert make_metadata('{"a": "' + "x" * 70_000 + '"}') == "{}"


def test_short_errors_are_unchanged() -> None:
    assert cut_error("ValueError", "no", ("a", "b")) == ("ValueError", "no", ("a", "b"))


def test_long_traceback_loses_its_middle() -> None:
    _, _, lines = cut_error("RecursionError", "deep", tuple(f"{n:05}" + "x" * 995 for n in range(1000)))
    assert lines[0].startswith("00000")
    assert lines[-1].startswith("00999")
    assert sum("more frames or lines" in line for line in lines) == 1
    assert len(encode(lines)) < 128 * 1024


def test_long_error_value_is_cut_with_a_note() -> None:
    name, value, _ = cut_error("E" * 1000, "v" * 100_000)
    assert name.endswith("more characters)")
    assert value.endswith("(91808 more characters)")


@given(st.dictionaries(MIME_TYPES, st.text(max_size=50)), st.text(max_size=40))
def test_every_bundle_makes_a_valid_event(shown: dict[str, str], metadata: str) -> None:
    bundle = make_bundle(shown, InMemoryArtifacts(), 20)
    args = {"outputId": "o", "executionId": "e", "sessionId": "s", "bundle": bundle, "metadata": make_metadata(metadata)}
    check_args("v1.DisplayAdded", args)
