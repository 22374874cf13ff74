"""Where one room takes pushes that carry their numbers, and tells those who read the log that it has grown.

While a client has its turn, what others push waits here: at most one push of each connection, which is not read on.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from runtime_server.effects import Effect
from runtime_server.errors import StorageFullError
from runtime_server.room import Room
from runtime_server.verdict import NumberedEvent
from runtime_store.frames import User

from .numbered import Refused, standing
from .turns import REST_S, Turns

Append = Callable[[list[Effect]], Awaitable[int]]
"""Carries out effects that append, and gives the head when all of them are on disk."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The push is on disk."""


@dataclass(frozen=True, slots=True)
class ServerAhead:
    """The push lacks events that its client is being sent; `expected` is the number that it would have had to begin with."""

    expected: int


class Reader(Protocol):
    """A connection that the room may have to end."""

    def dismiss(self, code: int, reason: str) -> None:
        """Close it, in order."""
        ...

    def cut(self) -> None:
        """End it now."""
        ...


class Desk:
    """One room's. `readers` are the connections that it serves."""

    def __init__(self, room: Room, append: Append, now_s: Callable[[], float]) -> None:
        self.readers: set[Reader] = set()
        self._room = room
        self._append = append
        self._now_s = now_s
        self._turns: Turns[Hashable] = Turns()
        self._kept: deque[Callable[[], None]] = deque()
        self._turn_over: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._moved: asyncio.Future[None] | None = None
        self._paced: dict[Hashable, asyncio.Future[None]] = {}

    async def push(
        self, client: Hashable, user: User, events: Sequence[NumberedEvent], *, same_rules: bool
    ) -> Recorded | ServerAhead | Refused:
        """Record events that continue the log, all or none.

        Args:
            client: Whose turn it may become.
            user: Who is connected.
            events: One or more, whose chain is whole.
            same_rules: Whether the client derives states by this server's rules.
        """
        parent = events[0].seq - 1
        while True:
            stands = standing(parent, self._room.head, self._room.decided)
            if isinstance(stands, Refused):
                return stands
            if stands == "behind":
                self._turns.rejected(client, self._now_s())
                self._follow_turn()
                if not self._turns.struggles(client):
                    self._hurry(client)
                return ServerAhead(self._room.decided + 1)
            if stands == "wait":
                await self.moved()
            elif self._turns.holder not in (None, client):
                await self.calm()
            else:
                return await self._record(client, user, events, same_rules)

    async def _record(self, client: Hashable, user: User, events: Sequence[NumberedEvent], same_rules: bool) -> Recorded | Refused:
        effects = self._room.push_numbered(user, events, same_rules=same_rules, now_s=self._now_s())
        if isinstance(effects, str):
            return Refused(effects)
        recording = asyncio.ensure_future(self._append(effects))
        self._turns.succeeded(client, self._now_s())
        self._follow_turn()
        try:
            await asyncio.shield(recording)
        except StorageFullError as error:
            return Refused(str(error))
        return Recorded()

    def leave(self, client: Hashable) -> None:
        """A client is gone."""
        self._turns.gone(client, self._now_s())
        self._follow_turn()

    def keep(self, act: Callable[[], None]) -> bool:
        """Keep what would append until the turn is over; False when nobody has one."""
        if self._turns.holder is None:
            return False
        self._kept.append(act)
        return True

    def turn_over(self) -> asyncio.Future[None] | None:
        """Give what to wait for before others may append; None when they may."""
        return None if self._turn_over is None else asyncio.shield(self._turn_over)

    async def calm(self) -> None:
        """Wait until nobody has a turn."""
        while (over := self.turn_over()) is not None:
            await over

    async def moved(self) -> None:
        """Wait until events became durable, or were given up."""
        if self._moved is None:
            self._moved = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._moved)

    def move(self) -> None:
        """Events became durable, or were given up."""
        if self._moved is not None:
            self._moved.set_result(None)
            self._moved = None

    async def pace(self, client: Hashable, at_most_s: float) -> None:
        """Let some time pass; less when a push of the client fails for what it does not know, and none in its turn.

        One that has not used its turn is still busy with what it was sent: more of it would make it miss the next, too.
        """
        if self._turns.holder == client:
            return
        if self._turns.struggles(client):
            at_most_s = max(at_most_s, REST_S)
        hurry = self._paced[client] = asyncio.get_running_loop().create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await hurry
        self._paced.pop(client, None)

    async def grown(self, client: Hashable, position: int) -> None:
        """Wait until there are events after a position; in the client's turn, until all that was accepted before it is among them."""
        while self._room.head == position or (self._turns.holder == client and self._room.head < self._room.decided):
            await self.moved()

    def _hurry(self, client: Hashable) -> None:
        if (paced := self._paced.pop(client, None)) is not None and not paced.done():
            paced.set_result(None)

    def dismiss(self, code: int, reason: str) -> None:
        """Send everybody away."""
        for reader in list(self.readers):
            reader.dismiss(code, reason)

    def cut(self) -> None:
        """End who does not go."""
        for reader in list(self.readers):
            reader.cut()

    def _follow_turn(self) -> None:
        """Set the clock for the turn that there is now, or let go of what waited for the last one."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._turns.holder is not None:
            self._turn_over = self._turn_over or loop.create_future()
            self._hurry(self._turns.holder)
            self._timer = loop.call_later(max(0.0, self._turns.ends_s - self._now_s()), self._expire)
            return
        if self._turn_over is not None:
            self._turn_over.set_result(None)
            self._turn_over = None
        while self._kept and self._turns.holder is None:
            self._kept.popleft()()

    def _expire(self) -> None:
        # The loop's clock and the room's may differ: what the timer says counts.
        self._turns.expire(max(self._now_s(), self._turns.ends_s))
        self._follow_turn()
