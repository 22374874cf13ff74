"""What both ends of the sync protocol agree on: names, codes, limits and the shape of a confirmed event.

Frames are one JSON object a text frame; SYNC lists them. Each end parses them with the decoder of its platform.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from .json_text import Json

SUBPROTOCOL = "runt-sync.v1"
STORE_ID_PATTERN = "[A-Za-z0-9_-]{1,64}"

RejectCode = Literal["invalid", "forbidden", "too-large", "conflict", "upgrade", "missing-artifact"]
ByeCode = Literal["unauthorized", "bad-frame", "timeout", "slow-consumer", "too-many", "ahead", "not-found", "shutdown"]

CLOSE_CODES: dict[ByeCode, int] = {
    "bad-frame": 4400,
    "unauthorized": 4401,
    "not-found": 4404,
    "timeout": 4408,
    "slow-consumer": 4408,
    "ahead": 4409,
    "too-many": 4429,
    "shutdown": 1001,
}
"""The WebSocket close code that follows each `bye`."""


class LogEvent(NamedTuple):
    """A confirmed event as `events` frames carry it, in this order; its `seq` is its place after the frame's `first`."""

    name: str
    args: dict[str, Json]
    client_id: str
    store_session_id: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that the backend enforces and tells in `welcome.limits` (camelCase there)."""

    event_bytes: int = 256 * 1024
    batch_events: int = 1_000
    batch_bytes: int = 1024 * 1024
    frame_bytes: int = 1024 * 1024 + 64 * 1024
    live_bytes: int = 64 * 1024
    events_per_s: int = 50_000
    connections_per_user: int = 200
    send_queue_bytes: int = 1024 * 1024
    hello_timeout_ms: int = 5_000
    ping_interval_ms: int = 10_000
    lease_ms: int = 30_000
