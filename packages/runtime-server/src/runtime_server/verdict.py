"""Whether one pushed event may be recorded: its size, its name, its args, who sends it, under which rules.

Pure; what the notebook's rules make of a valid event is the materializers' concern, after it has its number.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from runtime_schema.args import DEFINITIONS, check_args
from runtime_schema.errors import InvalidEventError
from runtime_schema.events import RULE_BOUND, SERVER_ONLY, RuntimeSessionStarted, wire_name
from runtime_schema.json_text import Json
from runtime_schema.wire import Limits
from runtime_store.errors import FrameError
from runtime_store.frames import decode_args, encode_json

from .log import Decision

NoteKind = Literal["session", "password", "title", "request", "none"]

_KEPT = frozenset[NoteKind]({"session", "password"})
"""What a room must know of what was recorded before it was opened."""
_SERVER_ONLY = frozenset(wire_name(event) for event in SERVER_ONLY)
_RULE_BOUND = frozenset(wire_name(event) for event in RULE_BOUND)
_SESSION_EVENTS = frozenset(name for name in DEFINITIONS if name.startswith("v1.RuntimeSession"))
_WITH_ARTIFACTS = frozenset({"v1.DisplayAdded", "v1.DisplayUpdated", "v1.ResultAdded", "v1.FilePut"})
SESSION_STARTED = wire_name(RuntimeSessionStarted)
_REQUESTED, _BATCH_REQUESTED = "v1.ExecutionRequested", "v1.ExecutionBatchRequested"
_INPUT_REQUESTED, _INPUT_REPLIED, _METADATA_SET = "v1.InputRequested", "v1.InputReplied", "v1.NotebookMetadataSet"


@dataclass(frozen=True, slots=True)
class Note:
    """A recorded event that the room itself acts on; once it is durable, but for requests."""

    kind: NoteKind
    name: str
    args: dict[str, Json]
    client_id: str
    store_session_id: str


class NumberedEvent(NamedTuple):
    """An event whose client has given it its place in the log."""

    session: str
    seq: int
    name: str
    args: msgspec.Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a verdict depends on besides the event. `has_artifact` tells whether the bytes of a sha256 are here."""

    limits: Limits
    has_artifact: Callable[[str], bool]
    passwords: set[str]


def event_body(name: str, args: bytes, client_id: str, session: str, n: int) -> bytes:
    """Write an event as `events` frames carry it; the args as they came."""
    return b'["%s",%s,"%s","%s",%d]' % (name.encode(), args, client_id.encode(), session.encode(), n)


def event_digest(name: str, args: bytes, client_id: str) -> bytes:
    """Fingerprint what a resend must repeat; 16 bytes."""
    return hashlib.blake2b(b"%s\0%s\0%s" % (name.encode(), client_id.encode(), args), digest_size=16).digest()


def judge(
    name: str,
    raw: msgspec.Raw,
    client_id: str,
    session: str,
    n: int,
    *,
    same_rules: bool,
    authority: bool,
    grounds: Grounds,
    keep_unknown: bool = False,
) -> tuple[Decision, Note | None]:
    """Decide about one event.

    Args:
        name: Its wire name.
        raw: Its args as they came.
        client_id: The authenticated user.
        session: The store session it is pushed under.
        n: Its number there.
        same_rules: Whether the client derives states by this server's rules.
        authority: Whether it is the server's own.
        grounds: Limits, artifacts, open password requests.
        keep_unknown: Whether an event that has no definition here is recorded, for those who know it.
    """
    args = bytes(raw)
    digest = event_digest(name, args, client_id)

    def reject(code: Any, message: str) -> tuple[Decision, None]:  # Any: a literal of RejectCode
        return Decision(session, n, client_id, digest, None, code, message[:500]), None

    if len(args) + len(name) > grounds.limits.event_bytes:
        return reject("too-large", f"{name[:64]} has {len(args)} bytes; an event may have {grounds.limits.event_bytes}")
    try:
        decoded = decode_args(args)
        if not keep_unknown or name in DEFINITIONS:
            check_args(name, decoded)
    except FrameError as exc:
        return reject("invalid", f"{name[:64]}: {exc}")
    except InvalidEventError as exc:
        return reject("invalid", str(exc))
    if not authority:
        if name in _SERVER_ONLY:
            return reject("forbidden", f"{name} is the server's to commit")
        if not same_rules and name in _RULE_BOUND:
            return reject("upgrade", f"{name} needs the rules of this server; update and start again")
    if name in _WITH_ARTIFACTS and (missing := _missing_artifact(decoded, grounds.has_artifact)) is not None:
        return reject("missing-artifact", f"{name} names bytes that are not here: sha256 {missing}")
    if name == _INPUT_REPLIED and "value" in decoded and decoded["requestId"] in grounds.passwords:
        return reject("forbidden", "a password is answered over the live channel, never in the log")
    kind = note_kind(name, decoded)
    note = Note(kind, name, decoded, client_id, session) if kind != "none" else None
    marked = kind in _KEPT
    return Decision(session, n, client_id, digest, event_body(name, args, client_id, session, n), None, "", marked), note


def note_kind(name: str, args: Mapping[str, Json]) -> NoteKind:
    """Tell which of the room's own concerns an event is, if any."""
    if name in _SESSION_EVENTS:
        return "session"
    if name == _INPUT_REQUESTED and args["password"] is True:
        return "password"
    if name == _REQUESTED or (name == _BATCH_REQUESTED and args["items"]):
        return "request"
    if name == _METADATA_SET and args["key"] == "title":
        return "title"
    return "none"


def note_of(body: bytes) -> Note:
    """Read a marked event back."""
    name, args, client_id, session, _ = msgspec.json.decode(body)
    return Note(note_kind(name, args), name, args, client_id, session)


def first_requested(note: Note) -> str:
    """Give the id of the first execution that a request asks for."""
    items: Any = note.args.get("items")  # Any: checked args
    return str(items[0]["executionId"] if items else note.args["executionId"])


def raw_args(args: Mapping[str, Json]) -> msgspec.Raw:
    """Write args of the server's own event."""
    return msgspec.Raw(encode_json(args))


def _missing_artifact(args: Mapping[str, Any], has_artifact: Callable[[str], bool]) -> str | None:  # Any: checked args
    if "sha256" in args:
        return None if has_artifact(args["sha256"]) else args["sha256"]
    for representation in args["bundle"].values():
        if representation["type"] == "artifact" and not has_artifact(representation["sha256"]):
            return representation["sha256"]
    return None
