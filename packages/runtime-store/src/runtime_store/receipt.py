"""What `commit` gives: an awaitable that may be awaited often, cancelled while awaited, or never looked at."""

import asyncio
from collections.abc import Awaitable, Generator
from typing import final

from runtime_schema.store_types import Applied


@final
class Receipt(Awaitable[Applied]):
    """The outcome of one committed event, when it is known."""

    __slots__ = ("_futures", "_outcome")

    def __init__(self) -> None:
        self._outcome: Applied | Exception | None = None
        self._futures: list[asyncio.Future[Applied]] = []

    @property
    def done(self) -> bool:
        """Whether the outcome is known."""
        return self._outcome is not None

    def settle(self, outcome: Applied | Exception) -> None:
        """Make the outcome known, once. An exception is raised in whoever awaits, and in nobody else."""
        self._outcome = outcome
        for future in self._futures:
            _put(future, outcome)
        self._futures.clear()

    def future(self) -> asyncio.Future[Applied]:
        """Give the outcome as a future of the caller's own: for callbacks, without a task that awaits."""
        future: asyncio.Future[Applied] = asyncio.get_running_loop().create_future()
        if self._outcome is None:
            self._futures.append(future)
        else:
            _put(future, self._outcome)
        return future

    def __await__(self) -> Generator[object, None, Applied]:
        if self._outcome is None:
            return (yield from self.future())
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def _put(future: asyncio.Future[Applied], outcome: Applied | Exception) -> None:
    if future.done():
        return  # whoever waited has gone
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
