"""What a store fetches from its backend beside the socket: images, and older parts of the log. Blocking, for a thread."""

import hashlib
import urllib.request
from http.client import HTTPException
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from runtime_schema.wire import LogEvent

from .address import Address
from .errors import DamagedImageError
from .frames import Snapshot, trusted_args
from .http import make_opener
from .reconcile import Confirmed, Entry

TIMEOUT_S = 30.0


class _Event(Struct, rename="camel"):
    seq: int
    name: str
    args: Raw
    client_id: str
    store_session_id: str
    n: int


class _History(Struct):
    head: int
    events: list[_Event]


_HISTORY = msgspec.json.Decoder(_History)


def fetch_image(address: Address, snapshot: Snapshot) -> bytes:
    """Fetch an image that `welcome` offered.

    Raises:
        OSError: It cannot be had.
        DamagedImageError: What came is something else.
    """
    data = _get(address, snapshot.url, snapshot.size_bytes + 1)
    if len(data) != snapshot.size_bytes:
        raise DamagedImageError(f"it has {len(data)} bytes, not {snapshot.size_bytes}")
    if hashlib.sha256(data).hexdigest() != snapshot.sha256:
        raise DamagedImageError("its bytes are not those of its hash")
    return data


def fetch_history(address: Address, after: int, limit: int) -> list[Confirmed]:
    """Fetch events of the log from `after + 1` on, at most `limit`.

    Raises:
        OSError: They cannot be had.
    """
    data = _get(address, f"/api/notebooks/{address.store_id}/history?after={after}&limit={min(limit, 1_000)}")
    try:
        events = _HISTORY.decode(data).events
    except msgspec.MsgspecError as exc:
        raise OSError(f"{address.url} answered with something else than a history: {exc}") from exc
    return [
        Confirmed(
            event.seq, Entry(LogEvent(event.name, trusted_args(raw), event.client_id, event.store_session_id, event.n), raw), own=False
        )
        for event, raw in ((event, bytes(event.args)) for event in events)
    ]


def _get(address: Address, path: str, max_bytes: int | None = None) -> bytes:
    if not path.startswith("/") or path.startswith("//"):
        raise OSError(f"{path!r} is no path on {address.url}")  # credentials go nowhere else
    url = f"{address.origin}{urlsplit(address.url).path.rstrip('/')}{path}"
    request = urllib.request.Request(url, headers=address.headers)
    try:
        with make_opener(url).open(request, timeout=TIMEOUT_S) as answer:
            return answer.read() if max_bytes is None else answer.read(max_bytes)
    except HTTPException as exc:
        raise OSError(f"{url}: {exc}") from exc
