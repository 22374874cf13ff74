"""MIME bundles as events carry them: each representation inline, or an artifact named by its sha256.

A bundle is `{mime: {"type": "inline", "data"} | {"type": "artifact", "sha256", "sizeBytes"}}`. Inline data is a string:
text is itself, `+json` is JSON text, everything else base64.
"""

import re
from collections.abc import Mapping
from typing import Literal, TypedDict

INLINE_LIMIT_BYTES = 32 * 1024
"""Largest representation kept inside an event; configurable where outputs are made."""


class Inline(TypedDict):
    """A representation that travels in the event."""

    type: Literal["inline"]
    data: str


class Artifact(TypedDict):
    """A representation whose bytes are in the artifact store; for text the bytes are its UTF-8."""

    type: Literal["artifact"]
    sha256: str
    sizeBytes: int


Bundle = Mapping[str, Inline | Artifact]

_MIME = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}(;[ -~]{1,255})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXT_APPLICATIONS = frozenset({"application/javascript", "application/xml", "application/x-latex"})


def is_mime_type(text: str) -> bool:
    """Tell whether `text` is a lower-case MIME type, parameters allowed."""
    return _MIME.fullmatch(text) is not None


def is_sha256(text: str) -> bool:
    """Tell whether `text` is 64 lower-case hexadecimal digits."""
    return _SHA256.fullmatch(text) is not None


def is_json(mime_type: str) -> bool:
    """Tell whether values of this type are JSON text: `application/json` and everything `+json`."""
    essence = mime_type.partition(";")[0]
    return essence == "application/json" or essence.endswith("+json")


def is_text(mime_type: str) -> bool:
    """Tell whether values of this type are text (JSON included) rather than base64."""
    essence = mime_type.partition(";")[0]
    return essence.startswith("text/") or essence in _TEXT_APPLICATIONS or essence.endswith("+xml") or is_json(mime_type)
