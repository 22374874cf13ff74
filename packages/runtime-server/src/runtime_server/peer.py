"""What a room knows of one connection."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from runtime_store.frames import Ack, PushEvent, User, encode_frame

from .effects import PeerId
from .rate import Rate

Stage = Literal["new", "welcomed", "lagging", "live"]
"""No hello yet; has not asked for the log; being sent older events; hears every event as it becomes durable."""


@dataclass(slots=True)
class Peer:
    """One connection. `position` is the last event it was sent; `busy` while a page is on its way to it.

    `held` are answers about events it will be sent first; `paused` the lowest undecided `n` of sessions told to pause.
    `behind` has the sessions whose records are being looked up, with the pushes that wait for the answer; `conflicts` those
    whose look-up ended in a conflict: nothing new of them is recorded here, the client re-commits it under another session.
    """

    id: PeerId
    user: User
    opened_s: float
    chatter: Rate
    session: str = ""
    same_rules: bool = True
    stage: Stage = "new"
    position: int = 0
    busy: bool = False
    pinged_s: float = 0.0
    held: list[bytes] = field(default_factory=list[bytes])
    paused: dict[str, int] = field(default_factory=dict[str, int])
    behind: dict[str, deque[list[PushEvent]]] = field(default_factory=dict[str, deque[list[PushEvent]]])
    conflicts: set[str] = field(default_factory=set[str])

    @property
    def looks_only(self) -> bool:
        """Whether it may change nothing and speak to no runtime."""
        return self.user.role == "viewer"

    @property
    def only_pushes(self) -> bool:
        """Whether it has not asked for the log: a second store session of a page, which hears it by its first, never does."""
        return self.stage == "welcomed"


@dataclass(slots=True)
class AckRun:
    """Acknowledgements in the making: events of one session that follow each other in it and in the log."""

    session: str = ""
    n: int = 0
    count: int = 0
    first: int = 0

    def add(self, session: str, n: int, seq: int) -> bytes | None:
        """Add an event; give the frame of the run before it when it starts another."""
        if self.count and session == self.session and n == self.n + self.count and seq == self.first + self.count:
            self.count += 1
            return None
        frame = self.take()
        self.session, self.n, self.count, self.first = session, n, 1, seq
        return frame

    def take(self) -> bytes | None:
        """End the run and give its frame."""
        if not self.count:
            return None
        frame = encode_frame(Ack(session=self.session, n=self.n, count=self.count, first=self.first))
        self.count = 0
        return frame
