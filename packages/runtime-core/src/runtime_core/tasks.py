"""Tasks that somebody owns, and waits that are bounded or leave alone what they wait for."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .ports import Clock

ResultT = TypeVar("ResultT")


class Tasks:
    """Tasks of one owner.

    Args:
        on_failure: Hears of each error that a task ended with.
    """

    def __init__(self, on_failure: Callable[[Exception], object]) -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:  # Any: what a coroutine yields to its loop
        """Run beside the caller."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def cancel(self) -> None:
        """Cancel all of them."""
        for task in tuple(self._tasks):
            task.cancel()

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(problem := task.exception(), Exception):
            self._on_failure(problem)


async def done_within(clock: Clock, seconds: float, future: asyncio.Future[Any]) -> bool:  # Any: the result is not looked at
    """Wait until the future is done, at most so long, and tell whether it is. Its result or error stays in it."""
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({future, timer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
    return future.done()


async def result_of(future: asyncio.Future[ResultT]) -> ResultT:
    """Wait for a future that others hold too: cancelling the waiter leaves it alone."""
    await asyncio.wait({future})
    return future.result()
