"""Identifiers: opaque strings, each kind its own type so that a checker tells them apart."""

import re
from typing import NewType

CellId = NewType("CellId", str)
ExecutionId = NewType("ExecutionId", str)
OutputId = NewType("OutputId", str)
BatchId = NewType("BatchId", str)
RequestId = NewType("RequestId", str)
ActorId = NewType("ActorId", str)
RuntimeId = NewType("RuntimeId", str)
RuntimeSessionId = NewType("RuntimeSessionId", str)
StoreId = NewType("StoreId", str)
StoreSessionId = NewType("StoreSessionId", str)

ID_PATTERN = "[A-Za-z0-9_-]{1,64}"
_matches_id = re.compile(ID_PATTERN).fullmatch

SERVER_CLIENT_ID = "server"
"""The `clientId` of an authority's own events; no user can have it."""


def is_id(text: str) -> bool:
    """Tell whether `text` may be an id: 1 to 64 letters, digits, `_` or `-`."""
    return _matches_id(text) is not None


def uuid7(unix_ms: int, random: bytes) -> str:
    """Make a UUID version 7, which sorts by the time it was made.

    Args:
        unix_ms: Milliseconds since 1970, 48 bits.
        random: 10 random bytes.

    Source: RFC 9562, section 5.7.
    """
    value = (unix_ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(random[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
