"""The types that a store and its guests share by name: receipts, status, live messages, and the refusal of an event.

The Store port itself is `runtime_core.ports.Store`; these stand below it because stores do not depend on the core.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from .errors import RuntimeSchemaError
from .ids import StoreSessionId
from .json_text import Json

Unsubscribe = Callable[[], None]
"""Ends a subscription; calling it again does nothing."""


class Applied(NamedTuple):
    """What became of a committed event: its place in the log, and whether its guard held there.

    `applied` is None where nobody can tell: an event of an earlier life that stands in the image this one began from.
    """

    seq: int
    applied: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatus:
    """How a store stands to its authority. `head` is the last confirmed seq, `pending` the events not yet confirmed.

    `problem` is a sentence for people when something is wrong (unauthorised, offline since …), else None.
    """

    connected: bool
    head: int
    pending: int
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMessage:
    """An ephemeral message; never in the log. `sender` is a store session, `client_id` its authenticated user."""

    topic: str
    data: Json
    sender: StoreSessionId
    client_id: str


LiveHandler = Callable[[LiveMessage], Awaitable[Json]]
"""Answers one live message; the answer is its acknowledgement."""


@dataclass
class RejectedError(RuntimeSchemaError):
    """The authority will never record this event; `code` is SYNC's."""

    event: str
    code: str
    message: str

    def __str__(self) -> str:
        """Name the event, the code and the authority's words."""
        return f"{self.event} was rejected ({self.code}): {self.message}"
