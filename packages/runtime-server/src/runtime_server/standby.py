"""A runtime that waits, and the start that is committed for it where the next request enters the log.

Pure. That spares the request a crossing to the runtime and back. Whatever speaks against it, nothing is lost by that: the
request is queued as any other, and the runtime starts it itself.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import final

from runtime_schema.events import ExecutionStarted
from runtime_schema.ids import ExecutionId, RuntimeSessionId
from runtime_schema.json_text import MAX_INTEGER
from runtime_store.frames import Standby

from .effects import PeerId


@dataclass(frozen=True, slots=True)
class Offer:
    """What a runtime's connection has said, and when, in the server's monotonic seconds."""

    peer: PeerId
    standby: Standby
    made_s: float

    def start(self, execution_id: str, now_s: float) -> ExecutionStarted:
        """Make the start of an execution, by the runtime's own clock: with its finish it tells how long the cell took."""
        started_ms = self.standby.started_ms + round((now_s - self.made_s) * 1000)
        return ExecutionStarted(
            execution_id=ExecutionId(execution_id),
            session_id=RuntimeSessionId(self.standby.session_id),
            execution_count=self.standby.execution_count,
            started_ms=min(started_ms, MAX_INTEGER),
        )


@final
class Offers:
    """The offer of one notebook's runtime, if one stands: good for the first request after those that the runtime knew.

    Args:
        head: Of the log. An offer by a runtime that does not know as much may be out of date.
    """

    def __init__(self, head: int) -> None:
        self.standing: Offer | None = None
        self._requested = head

    def take(self, offer: Offer) -> None:
        """Take an offer, unless a request has come meanwhile: that one is first, and the runtime will see it."""
        if offer.standby.head >= self._requested:
            self.standing = offer

    def requested(self, seq: int) -> None:
        """An execution was asked for, by the event of this number or one before it."""
        self._requested = seq
        self.standing = None

    def withdraw(self, peers: Set[PeerId]) -> None:
        """What these connections offered is over."""
        if self.standing is not None and self.standing.peer in peers:
            self.standing = None

    def changed(self) -> None:
        """The notebook's runtime is another or in another state, or its last words were not recorded after all."""
        self.standing = None
