"""Group commit in virtual time: what is queued is on disk at one moment, and its writers hear of it at a later one."""

import random
from collections.abc import Callable
from typing import Generic, TypeVar, final

from .loop import SimulatedLoop

ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")


@final
class GroupCommit(Generic[ItemT, ValueT]):
    """What the server's writer thread does, without a thread.

    Args:
        loop: The server's. What it has not committed when it dies is lost; what it has not answered stays committed.
        commit: Writes a group; gives what to answer, or None when nobody knows what is on disk.
        slow_s: How long a transaction takes, about.
        dice: Draws how long each takes.
    """

    def __init__(
        self,
        loop: SimulatedLoop,
        commit: Callable[[list[tuple[ItemT, Callable[[ValueT], None]]]], list[tuple[Callable[[ValueT], None], ValueT]] | None],
        slow_s: float,
        dice: random.Random,
    ) -> None:
        self._loop = loop
        self._write = commit
        self._slow_s = slow_s
        self._dice = dice
        self._queue: list[tuple[ItemT, Callable[[ValueT], None]]] = []
        self._busy = False

    def submit(self, item: ItemT, answer: Callable[[ValueT], None]) -> None:
        """Queue an item for the next group."""
        self._queue.append((item, answer))
        self._begin()

    def _begin(self) -> None:
        if not self._busy and self._queue:
            self._busy = True
            self._loop.world.after(self._slow_s * (0.5 + self._dice.random()), self._commit)

    def _commit(self) -> None:
        loop = self._loop
        if loop.dead:
            return
        if loop.frozen_until > loop.world.now:
            loop.world.at(loop.frozen_until, self._commit)
            return
        group, self._queue = self._queue, []
        answers = self._write(group)
        if answers is not None:
            loop.world.after(self._slow_s * self._dice.random() ** 2, self._answer, answers)

    def _answer(self, answers: list[tuple[Callable[[ValueT], None], ValueT]]) -> None:
        if self._loop.dead:
            return
        self._busy = False
        for answer, value in answers:
            self._loop.call_soon(answer, value)
        self._begin()
