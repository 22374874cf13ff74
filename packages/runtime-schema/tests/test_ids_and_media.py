"""Ids are UUIDs of version 7; MIME types say whether their value is text, JSON or base64."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_schema.ids import is_id, uuid7
from runtime_schema.media import is_json, is_mime_type, is_sha256, is_text


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_uuid7_holds_the_time_and_its_version(unix_ms: int, random: bytes) -> None:
    made = uuid.UUID(uuid7(unix_ms, random))
    assert made.int >> 80 == unix_ms
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert is_id(str(made))


def test_uuid7_sorts_by_time() -> None:
    assert uuid7(1, b"\xff" * 10) < uuid7(2, b"\x00" * 10)


@pytest.mark.parametrize(
    ("mime_type", "json", "text"),
    [
        ("text/plain", False, True),
        ("text/html; charset=utf-8", False, True),
        ("application/json", True, True),
        ("application/vnd.plotly.v1+json", True, True),
        ("image/svg+xml", False, True),
        ("application/javascript", False, True),
        ("image/png", False, False),
        ("application/pdf", False, False),
    ],
)
def test_kinds_of_mime_types(mime_type: str, json: bool, text: bool) -> None:
    assert is_mime_type(mime_type)
    assert (is_json(mime_type), is_text(mime_type)) == (json, text)


@pytest.mark.parametrize("text", ["", "text", "text/", "/plain", "Text/plain", "a/b/c", "text/plain\r\nX: y"])
def test_what_is_not_a_mime_type(text: str) -> None:
    assert not is_mime_type(text)


def test_sha256_is_64_lower_case_digits() -> None:
    assert is_sha256("0a" * 32)
    assert not is_sha256("0A" * 32)
    assert not is_sha256("0a" * 31)
