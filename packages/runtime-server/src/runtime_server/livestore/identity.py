"""Whose an event is: LiveStore's `clientId` and `sessionId`, and the log's user and store session.

LiveStore's `clientId` is `<user>` or `<user>/<device>`. A device goes into the log's store session, before `__`, so that
two devices of a user whose sessions have one name stay two. Each direction undoes the other.
"""

import re
from typing import NamedTuple

from runtime_schema.ids import is_id

_DEVICE = re.compile(r"([A-Za-z0-9-]+)__(.+)")


class WireAuthor(NamedTuple):
    """A committer as LiveStore has it."""

    client_id: str
    session_id: str


def store_session_of(author: WireAuthor, user: str) -> str | None:
    """Give the store session of a committer; None when it is not this user's, or has no name in the log."""
    if author.client_id == user:
        return author.session_id if is_id(author.session_id) and _DEVICE.fullmatch(author.session_id) is None else None
    owner, slash, device = author.client_id.partition("/")
    session = f"{device}__{author.session_id}"
    if owner != user or not slash or not is_id(session) or _DEVICE.fullmatch(session) is None or "_" in device:
        return None
    return session


def wire_author_of(client_id: str, store_session: str) -> WireAuthor:
    """Give the committer of an event of the log as LiveStore has it."""
    found = _DEVICE.fullmatch(store_session)
    return WireAuthor(f"{client_id}/{found[1]}", found[2]) if found else WireAuthor(client_id, store_session)
