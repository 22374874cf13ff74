"""From what code shows to what an event carries: clean text, MIME bundles with large parts as artifacts, bounded errors."""

import base64
import binascii
from collections.abc import Mapping
from itertools import islice

from runtime_schema.errors import InvalidJsonError
from runtime_schema.events import JsonText
from runtime_schema.json_text import decode, encode
from runtime_schema.media import Artifact, Bundle, Inline, is_json, is_mime_type, is_text

from .ports import ArtifactStore

BUNDLE_LIMIT_BYTES = 160 * 1024
"""Bound of an encoded bundle: with metadata and ids the event stays below the backend's 256 KiB."""

METADATA_LIMIT_BYTES = 64 * 1024
ERROR_NAME_LIMIT = 256
TEXT_LIMIT_BYTES = 8 * 1024
"""Bound of one text that is not an output: the value of an error, a prompt."""

TRACEBACK_LIMIT_BYTES = 96 * 1024
FALLBACK_LIMIT = 2_000
MAX_REPRESENTATIONS = 64
DISPLAY_ID_LIMIT = 256


def clean_text(text: str) -> str:
    """Join surrogate pairs, and replace lone surrogates, which no UTF-8 can carry, by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def encoded_size(text: str) -> int:
    """Count the bytes that a clean text takes inside a JSON string."""
    return len(encode(text).encode("utf-8")) - 2


def make_bundle(shown: Mapping[str, str], artifacts: ArtifactStore, inline_limit_bytes: int) -> Bundle:
    """Make the bundle of an event.

    MIME types become lower case; beyond 64 of them nothing is shown. A representation above the limit, of any type, becomes
    an artifact; so do the largest while the whole is too large for an event. Invalid JSON and base64 is left out, with its
    text as `text/plain` where nothing else is left to show.

    Args:
        shown: MIME type to text, JSON text or base64.
        artifacts: Keeps what is large.
        inline_limit_bytes: Largest representation inside the event, in bytes of UTF-8 or base64.
    """
    made: dict[str, Inline | Artifact] = {}
    rejected = ""
    for name, value in islice(shown.items(), MAX_REPRESENTATIONS):
        mime_type, data = name.strip().lower(), clean_text(value)
        if mime_type in made:
            continue
        if not is_mime_type(mime_type) or not _is_valid(mime_type, data):
            rejected = rejected or data
        elif len(data.encode("utf-8")) > inline_limit_bytes:
            made[mime_type] = _spill(mime_type, data, artifacts)
        else:
            made[mime_type] = Inline(type="inline", data=data)
    if not made:
        made["text/plain"] = Inline(type="inline", data=cut_text(rejected, FALLBACK_LIMIT))
    while len(encode(made).encode("utf-8")) > BUNDLE_LIMIT_BYTES:
        inline = [(name, part["data"]) for name, part in made.items() if part["type"] == "inline"]
        largest, data = max(inline, key=lambda entry: encoded_size(entry[1]))
        made[largest] = _spill(largest, data, artifacts)
    return made


def make_metadata(text: str) -> JsonText:
    """Pass on metadata that is a JSON object of bearable size; anything else becomes `{}`."""
    text = clean_text(text)
    try:
        fits = encoded_size(text) <= METADATA_LIMIT_BYTES and isinstance(decode(text), dict)
    except InvalidJsonError:
        fits = False
    return JsonText(text if fits else "{}")


def cut_text(text: str, limit: int) -> str:
    """Bound a clean text to about `limit` bytes as JSON, and say how much is missing."""
    if encoded_size(text) <= limit:
        return text
    kept = text[:limit]
    while encoded_size(kept) > limit:
        kept = kept[: len(kept) * 3 // 4]
    return f"{kept}… ({len(text) - len(kept)} more characters)"


def cut_error(name: str, value: str, traceback: tuple[str, ...] = ()) -> tuple[str, str, tuple[str, ...]]:
    """Bound an exception; notes say what was left out. Of a long traceback the middle goes: that is where it repeats."""
    lines = [cut_text(clean_text(line), TRACEBACK_LIMIT_BYTES // 4) for line in traceback]
    return cut_text(clean_text(name), ERROR_NAME_LIMIT), cut_text(clean_text(value), TEXT_LIMIT_BYTES), _cut_middle(lines)


def _cut_middle(lines: list[str]) -> tuple[str, ...]:
    room = TRACEBACK_LIMIT_BYTES
    head: list[str] = []
    tail: list[str] = []
    while len(head) + len(tail) < len(lines):
        line = lines[len(head)] if len(head) < len(tail) else lines[-1 - len(tail)]
        room -= encoded_size(line)
        if room < 0:
            left_out = len(lines) - len(head) - len(tail)
            return (*head, f"… {left_out} more frames or lines …", *reversed(tail))
        (head if len(head) < len(tail) else tail).append(line)
    return tuple(lines)


def _is_valid(mime_type: str, data: str) -> bool:
    try:
        if is_json(mime_type):
            decode(data)
        elif not is_text(mime_type):
            _decode_base64(data)
    except (InvalidJsonError, binascii.Error, ValueError):
        return False
    return True


def _spill(mime_type: str, data: str, artifacts: ArtifactStore) -> Artifact:
    content = data.encode("utf-8") if is_text(mime_type) else _decode_base64(data)
    return Artifact(type="artifact", sha256=artifacts.put(content, mime_type), sizeBytes=len(content))


def _decode_base64(data: str) -> bytes:
    # Encoders wrap lines; what is left must be strictly base64.
    return base64.b64decode("".join(data.split()), validate=True)
