"""The frames of LiveStore's sync protocol: Effect RPC as JSON, one object a WebSocket frame or a list of them over HTTP."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from .identity import wire_author_of
from .numbered import WireEvent

MAX_EVENTS, MAX_BYTES = 100, 900_000
"""What LiveStore puts into one message at most, in either direction."""

Transport = Literal["SyncWsRpc", "SyncHttpRpc"]


class MessageError(Exception):
    """What came is no message of this protocol."""


class ClientMessage(Struct, tag_field="_tag", frozen=True):
    """Root of what clients send; what else stands in a message (tracing) is let pass."""


class Ping(ClientMessage, frozen=True, tag="Ping"):
    """Are you there?"""


class Eof(ClientMessage, frozen=True, tag="Eof"):
    """No more requests will come."""


class Ack(ClientMessage, frozen=True, tag="Ack", rename={"request_id": "requestId"}):
    """A chunk was taken."""

    request_id: str


class Interrupt(ClientMessage, frozen=True, tag="Interrupt", rename={"request_id": "requestId"}):
    """The client no longer wants an answer."""

    request_id: str


class Request(ClientMessage, frozen=True, tag="Request"):
    """A call: `tag` says of what."""

    id: str
    tag: str
    payload: Raw


class NoneOption(Struct, tag_field="_tag", frozen=True, tag="None"):
    """Effect's Option without a value."""


class Cursor(Struct, frozen=True, rename="camel"):
    """What a client has: the last event, of the log that this backend id names."""

    backend_id: str
    event_sequence_number: int


class SomeCursor(Struct, tag_field="_tag", frozen=True, tag="Some"):
    """Effect's Option with a cursor."""

    value: Cursor


class SomeBackend(Struct, tag_field="_tag", frozen=True, tag="Some"):
    """Effect's Option with a backend id."""

    value: str


class Pull(Struct, frozen=True, rename="camel"):
    """Give me the log after a cursor, and, when `live`, what comes."""

    store_id: str
    cursor: NoneOption | SomeCursor
    live: bool = False


class Push(Struct, frozen=True, rename="camel"):
    """Record these; `payload` is what the application gave its store as `syncPayload`."""

    store_id: str
    batch: list[WireEvent]
    backend_id: NoneOption | SomeBackend
    payload: Raw | UnsetType = UNSET


class PingCall(Struct, frozen=True, rename="camel"):
    """Ping over HTTP."""

    store_id: str


Call = Pull | Push | PingCall

_CALLS: dict[str, type[Pull] | type[Push] | type[PingCall]] = {"Pull": Pull, "Push": Push, "Ping": PingCall}
_MESSAGES = msgspec.json.Decoder(Ping | Eof | Ack | Interrupt | Request)
_ENCODER = msgspec.json.Encoder()


def decode_message(text: str | bytes) -> Ping | Eof | Ack | Interrupt | Request:
    """Parse a message of a client.

    Raises:
        MessageError: It is none.
    """
    try:
        return _MESSAGES.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise MessageError(f"not a message: {exc}"[:300]) from None


def decode_call(request: Request, transport: Transport) -> Call:
    """Parse what a request asks for.

    Raises:
        MessageError: It asks for nothing that there is.
    """
    kind = _CALLS.get(request.tag.removeprefix(f"{transport}."))
    if kind is None:
        raise MessageError(f"there is no {request.tag[:64]}")
    try:
        return msgspec.json.decode(request.payload, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise MessageError(f"{request.tag}: {exc}"[:300]) from None


def payload_value(payload: Raw | UnsetType, key: str) -> object:
    """Give a value of the application's sync payload; None where there is none."""
    try:
        found = msgspec.json.decode(payload, type=dict[str, object]) if isinstance(payload, Raw) else {}
    except (msgspec.MsgspecError, RecursionError):
        return None
    return found.get(key)


def pong() -> bytes:
    """Answer a ping."""
    return b'{"_tag":"Pong"}'


def chunk(request_id: str, first: int, bodies: Sequence[bytes], remaining: int, backend: str) -> bytes:
    """Write events of the log, the first of which has the number `first`; `remaining` more are known to follow."""
    page: dict[str, object] = {"_tag": "MoreKnown", "remaining": remaining} if remaining else {"_tag": "NoMore"}
    batch = b",".join(_encoded_event(first + place, body) for place, body in enumerate(bodies))
    return b'{"_tag":"Chunk","requestId":%s,"values":[{"batch":[%s],"pageInfo":%s,"backendId":%s}]}' % (
        _ENCODER.encode(request_id),
        batch,
        _ENCODER.encode(page),
        _ENCODER.encode(backend),
    )


def success(request_id: str, value: object) -> bytes:
    """End a call well; a stream has no value, which is `UNSET`."""
    exit_ = {"_tag": "Success"} if value is UNSET else {"_tag": "Success", "value": value}
    return _ENCODER.encode({"_tag": "Exit", "requestId": request_id, "exit": exit_})


def failure(request_id: str, error: dict[str, object]) -> bytes:
    """End a call with an error that it declares; never with a defect, which ends the client."""
    return _exit(request_id, {"_tag": "Fail", "error": error})


def interrupted(request_id: str) -> bytes:
    """End a call as its client wished."""
    return _exit(request_id, {"_tag": "Interrupt", "fiberId": {"_tag": "None"}})


def server_ahead(expected: int, provided: int) -> dict[str, object]:
    """The push does not continue the log; the client waits for the events that it lacks."""
    return {"_tag": "ServerAheadError", "minimumExpectedNum": expected, "providedNum": provided}


def backend_mismatch(expected: str, received: str) -> dict[str, object]:
    """The client has another log's events."""
    return {"_tag": "BackendIdMismatchError", "expected": expected, "received": received}


def unknown_error(message: str) -> dict[str, object]:
    """Anything else: a push is tried again, a pull is not."""
    return {"_tag": "UnknownError", "cause": {"name": "Error", "message": message}}


def _exit(request_id: str, cause: dict[str, object]) -> bytes:
    return _ENCODER.encode({"_tag": "Exit", "requestId": request_id, "exit": {"_tag": "Failure", "cause": cause}})


class _Body(Struct, array_like=True, frozen=True):
    name: str
    args: Raw
    client_id: str
    store_session: str
    n: int


_BODIES = msgspec.json.Decoder(_Body)
# LiveStore's clients show nothing of this, and the log tells no time; but they want to have the field.
_METADATA: dict[str, Any] = {"_tag": "None"}


def _encoded_event(seq: int, body: bytes) -> bytes:
    event = _BODIES.decode(body)
    author = wire_author_of(event.client_id, event.store_session)
    encoded = {
        "name": event.name,
        "args": event.args,
        "seqNum": seq,
        "parentSeqNum": seq - 1,
        "clientId": author.client_id,
        "sessionId": author.session_id,
    }
    return _ENCODER.encode({"eventEncoded": encoded, "metadata": _METADATA})
