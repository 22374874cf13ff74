"""The frames of the sync protocol, both directions, and their strict encoding.

Args of events and data of live messages stay raw: they are passed on byte for byte, and decoded only by who reads them.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from runtime_schema import json_text
from runtime_schema.errors import InvalidJsonError
from runtime_schema.ids import ID_PATTERN
from runtime_schema.json_text import Json
from runtime_schema.wire import ByeCode, Limits, RejectCode

from .errors import FrameError

Id = Annotated[str, Meta(pattern=rf"\A{ID_PATTERN}\Z")]
Seq = Annotated[int, Meta(ge=1, le=json_text.MAX_INTEGER)]
Head = Annotated[int, Meta(ge=0, le=json_text.MAX_INTEGER)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]


class Frame(Struct, tag_field="t", forbid_unknown_fields=True, frozen=True, omit_defaults=True, gc=False):
    """Root of all frames."""


class Hello(Frame, frozen=True, tag="hello"):
    """First frame of a client: which life of which store it is, and what it has."""

    session: Id
    rules: str
    schema: str
    backend: str | None = None
    head: Head = 0
    snapshot: bool = False


class From(Frame, frozen=True, tag="from"):
    """The client wants everything after `head`."""

    head: Head


class PushEvent(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """One event to be recorded."""

    n: Seq
    name: Name
    args: Raw


class Standby(Struct, forbid_unknown_fields=True, frozen=True, gc=False, rename="camel"):
    """A runtime session waits: the next execution may be started for it where its request enters the log.

    It waits once hello's store session has its events up to `n` decided, and knows all requests up to `head`. `started_ms` is
    its clock now; the rest is as in `v1.ExecutionStarted`.
    """

    session_id: Id
    execution_count: Seq
    started_ms: Head
    n: Head
    head: Head


class Push(Frame, frozen=True, tag="push"):
    """Events to be recorded, ascending by `n`; `session` is hello's when absent."""

    events: list[PushEvent]
    session: Id | None = None
    standby: Standby | None = None


class LiveOut(Frame, frozen=True, tag="live"):
    """An ephemeral message of a client: to one store session, or to all others."""

    topic: Name
    data: Raw
    to: Id | None = None
    id: Id | None = None


class Ping(Frame, frozen=True, tag="ping"):
    """Are you there? The server adds the head of its log."""

    head: Head | UnsetType = UNSET


class Pong(Frame, frozen=True, tag="pong"):
    """Yes."""


class User(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """Who the backend took the client for."""

    id: str
    name: str
    role: str


# A new limit must not lock out older clients, so unknown ones are let pass here and only here.
class LimitsOut(Struct, frozen=True, gc=False, rename="camel"):
    """The limits in force, camelCase."""

    event_bytes: int
    batch_events: int
    batch_bytes: int
    frame_bytes: int
    live_bytes: int
    events_per_s: int
    connections_per_user: int
    send_queue_bytes: int
    hello_timeout_ms: int
    ping_interval_ms: int
    lease_ms: int

    @classmethod
    def of(cls, limits: Limits) -> "LimitsOut":
        """Take over limits for the wire."""
        return cls(**{field: getattr(limits, field) for field in cls.__struct_fields__})

    def limits(self) -> Limits:
        """Give them as the rest of the code has them."""
        return Limits(**{field: getattr(self, field) for field in self.__struct_fields__})


class Snapshot(Struct, forbid_unknown_fields=True, frozen=True, gc=False, rename="camel"):
    """An image of the state that the client may load instead of the log up to `seq`."""

    seq: Seq
    url: str
    size_bytes: int
    sha256: str


class Welcome(Frame, frozen=True, tag="welcome"):
    """The server's answer to hello. `decided` maps store sessions to the last `n` that is recorded or rejected for good."""

    backend: str
    head: Head
    user: User
    limits: LimitsOut
    decided: dict[str, int]
    snapshot: Snapshot | None = None


class ConfirmedEvent(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """One event of the log, written as a list in this order."""

    name: str
    args: Raw
    client_id: str
    store_session_id: str
    n: int


class Events(Frame, frozen=True, tag="events"):
    """A piece of the log: the first event has the number `first`, the others follow without gap."""

    first: Seq
    events: list[ConfirmedEvent]


class Ack(Frame, frozen=True, tag="ack"):
    """The receiver's own events `n` to `n + count - 1` are the log's `first` to `first + count - 1`."""

    session: Id
    n: Seq
    count: Seq
    first: Seq


class Reject(Frame, frozen=True, tag="reject"):
    """That event is not recorded, for good."""

    session: Id
    n: Seq
    code: RejectCode
    message: str


class Pause(Frame, frozen=True, tag="pause", rename={"from_n": "from", "retry_ms": "retryMs"}):
    """Nothing from `from_n` on was decided; send it again after `retry_ms`."""

    session: Id
    from_n: Seq
    retry_ms: Head


class Sender(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """Whom a live message is from, as the server knows it."""

    session: str
    user: str


class LiveIn(Frame, frozen=True, tag="live", rename={"sender": "from"}):
    """An ephemeral message as the server relays it."""

    topic: Name
    data: Raw
    sender: Sender
    to: Id | None = None
    id: Id | None = None


class Bye(Frame, frozen=True, tag="bye"):
    """The server closes, and why."""

    code: ByeCode
    message: str


ClientFrame = Hello | From | Push | LiveOut | Ping | Pong
ServerFrame = Welcome | Events | Ack | Reject | Pause | LiveIn | Ping | Pong | Bye

_ENCODER = msgspec.json.Encoder()
_CLIENT_DECODER = msgspec.json.Decoder(ClientFrame)
_SERVER_DECODER = msgspec.json.Decoder(ServerFrame)
_OBJECT_DECODER = msgspec.json.Decoder(dict[str, Any])  # Any: checked against the event's definition by who asked


def encode_frame(frame: ClientFrame | ServerFrame) -> bytes:
    """Write a frame as JSON in UTF-8; raw parts as they came."""
    return _ENCODER.encode(frame)


def decode_client_frame(data: bytes | str) -> ClientFrame:
    """Parse what a client sent.

    Raises:
        FrameError: Not JSON, not a client's frame, a field missing, unknown or out of range.
    """
    try:
        return _CLIENT_DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise FrameError(_problem(exc)) from None


def decode_server_frame(data: bytes | str) -> ServerFrame:
    """Parse what a server sent.

    Raises:
        FrameError: Not JSON, not a server's frame, a field missing, unknown or out of range.
    """
    try:
        return _SERVER_DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise FrameError(_problem(exc)) from None


def encode_json(value: object) -> bytes:
    """Write a JSON value compactly, keys in the order given."""
    return _ENCODER.encode(value)


def decode_args(raw: bytes | memoryview | Raw) -> dict[str, Json]:
    """Parse the args of an event as strictly as `json_text.decode`, which is consulted only for texts that are not canonical.

    Raises:
        FrameError: Not an object, or JSON on which Python and JavaScript would disagree.
    """
    data = bytes(raw)
    try:
        args = _OBJECT_DECODER.decode(data)
        # Equal bytes rule out what a lenient decoder hides, such as a key that stands twice.
        if _ENCODER.encode(args) == data:
            return args
        strict = json_text.decode(data)
    except InvalidJsonError as exc:
        raise FrameError(f"args: {exc.problem}") from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise FrameError(f"args: {_problem(exc)}") from None
    assert isinstance(strict, dict)  # the decoder above has seen an object
    return strict


def trusted_args(raw: bytes | memoryview | Raw) -> dict[str, Json]:
    """Parse args that an authority has checked.

    Raises:
        FrameError: Not an object after all.
    """
    try:
        return _OBJECT_DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise FrameError(f"args: {_problem(exc)}") from None


def decode_live_data(raw: bytes | memoryview | Raw) -> Json:
    """Parse the data of a live message strictly.

    Raises:
        FrameError: JSON on which Python and JavaScript would disagree.
    """
    try:
        return json_text.decode(bytes(raw))
    except InvalidJsonError as exc:
        raise FrameError(f"data: {exc.problem}") from None


def _problem(exc: Exception) -> str:
    return "nested too deep" if isinstance(exc, RecursionError) else str(exc)
