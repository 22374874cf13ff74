"""Turns: a client whose pushes others always outrun gets a moment in which nobody else appends. No I/O, no clock.

LiveStore numbers events itself, so its push succeeds only if it knows the whole log. Against 50 events a second of others it
would do so once a minute. After `REJECTIONS` in a row it is next in line: while its turn lasts, what others push waits.
"""

from collections import deque
from typing import Generic, TypeVar

Client = TypeVar("Client")

REJECTIONS = 2
TURN_S = 0.25
LONGEST_S = 1.0
"""Each turn that a client misses doubles its next, up to this: where its processor is busy, 250 ms may never be enough."""
REST_S = 0.25
"""How long a client that did not use its turn waits for another, so that it cannot keep the log to itself."""
MOST_COUNTED = 1_000
"""Clients whose rejections are counted at once; over HTTP nobody says goodbye."""


class Turns(Generic[Client]):
    """Whose turn it is, and who waits for one."""

    def __init__(self) -> None:
        self.holder: Client | None = None
        self.ends_s = 0.0
        self._line: deque[Client] = deque()
        self._rejections: dict[Client, int] = {}
        self._rest_until_s: dict[Client, float] = {}
        self._missed: dict[Client, int] = {}

    def struggles(self, client: Client) -> bool:
        """Whether a client has been outrun so often that only a turn will help it."""
        return self._rejections.get(client, 0) >= REJECTIONS

    def rejected(self, client: Client, now_s: float) -> None:
        """A push of this client came too late."""
        if len(self._rejections) >= MOST_COUNTED:
            self._rejections.clear()
            self._rest_until_s.clear()
            self._missed.clear()
        self._rejections[client] = self._rejections.get(client, 0) + 1
        if not self.struggles(client) or client in self._line or client == self.holder:
            return
        if now_s < self._rest_until_s.get(client, now_s):
            return
        self._line.append(client)
        self._advance(now_s)

    def succeeded(self, client: Client, now_s: float) -> None:
        """A push of this client is recorded: its turn is over, or needed no longer."""
        for known in (self._rejections, self._rest_until_s, self._missed):
            known.pop(client, None)
        self._leave(client, now_s)

    def gone(self, client: Client, now_s: float) -> None:
        """This client has left."""
        self.succeeded(client, now_s)

    def expire(self, now_s: float) -> None:
        """Time has passed."""
        if self.holder is not None and now_s >= self.ends_s:
            self._rest_until_s[self.holder] = now_s + REST_S
            self._missed[self.holder] = self._missed.get(self.holder, 0) + 1
            self._leave(self.holder, now_s)

    def _leave(self, client: Client, now_s: float) -> None:
        if client in self._line:
            self._line.remove(client)
        if client == self.holder:
            self.holder = None
            self._advance(now_s)

    def _advance(self, now_s: float) -> None:
        if self.holder is None and self._line:
            self.holder = self._line.popleft()
            self.ends_s = now_s + min(LONGEST_S, TURN_S * 2 ** self._missed.get(self.holder, 0))
