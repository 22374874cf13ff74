"""Whether a push of a LiveStore client continues the log. Its events carry the numbers that they are to have.

The chain is checked whole: a client swallows a gap silently, and is wrong from then on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from runtime_server.verdict import NumberedEvent

from .identity import WireAuthor, store_session_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")


class WireEvent(msgspec.Struct, frozen=True, rename="camel"):
    """An event as LiveStore sends it. Absent args are `undefined` there, which is not null."""

    name: str
    seq_num: int
    parent_seq_num: int
    client_id: str
    session_id: str
    args: Raw | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Refused:
    """The push will never do as it is."""

    problem: str


Standing = Literal["next", "behind", "wait"]
"""It continues the log; it lacks events that are on their way to its client; that is not settled yet."""


def numbered(batch: Sequence[WireEvent], user: str) -> tuple[NumberedEvent, ...] | Refused:
    """Check what does not depend on the log: the chain within, who commits, names.

    Args:
        batch: One event or more.
        user: The authenticated user.
    """
    made: list[NumberedEvent] = []
    before = batch[0].parent_seq_num
    for event in batch:
        if event.parent_seq_num != before or event.seq_num != before + 1 or before < 0:
            return Refused(f"event {event.seq_num} after {event.parent_seq_num} does not follow {before}")
        session = store_session_of(WireAuthor(event.client_id, event.session_id), user)
        if session is None:
            return Refused(
                f"clientId {event.client_id[:64]!r}, sessionId {event.session_id[:64]!r}: this connection is {user}'s, whose clientId is"
                f" {user!r} or {user + '/<device>'!r}, of letters, digits and '-'; with the session at most 62 characters"
            )
        if _NAME.fullmatch(event.name) is None:
            return Refused(f"{event.name[:64]!r} is no name of an event here")
        if not isinstance(event.args, Raw):
            return Refused(f"{event.name}: args are missing; an event here has an object, be it empty")
        made.append(NumberedEvent(session, event.seq_num, event.name, event.args))
        before = event.seq_num
    return tuple(made)


def standing(parent: int, head: int, decided: int) -> Standing | Refused:
    """Tell how a push stands to the log.

    Args:
        parent: The number before its first event.
        head: The last durable event, of which the client has been told or will be.
        decided: The last accepted one. What lies between is sent once it is durable, or is given up when the disk is full.
    """
    if parent == decided:
        return "next"
    if parent < head:
        return "behind"
    if parent < decided:
        return "wait"
    return Refused(f"the push continues event {parent}, this log has {decided}: it was replaced by an older copy")
