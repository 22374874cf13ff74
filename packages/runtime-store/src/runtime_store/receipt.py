"""What `commit` gives: an awaitable that may be awaited often, cancelled while awaited, or never looked at."""

import asyncio
from collections.abc import Awaitable, Generator
from typing import final

from runtime_schema.store_types import Applied


@final
class Receipt(Awaitable[Applied]):
    """The outcome of one committed event, when it is known."""

    __slots__ = ("_outcome", "_waiters")

    def __init__(self) -> None:
        self._outcome: Applied | Exception | None = None
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def done(self) -> bool:
        """Whether the outcome is known."""
        return self._outcome is not None

    def settle(self, outcome: Applied | Exception) -> None:
        """Make the outcome known, once. An exception is raised in whoever awaits, and in nobody else."""
        self._outcome = outcome
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def __await__(self) -> Generator[object, None, Applied]:
        if self._outcome is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        outcome = self._outcome
        assert outcome is not None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
