"""What makes user code wait on purpose, so that an interrupt ends the wait: `time.sleep`, `input()` and `run_sync`.

With a control buffer the thread blocks in slices and nothing else runs meanwhile. Without one the stack is switched where
the browser can (JavaScript Promise Integration), and the event loop runs on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, final

from runtime_core.ports import Clock

from .bridge import Bridge

if TYPE_CHECKING:
    from runtime_python import Interrupts

SLICE_MS = 1000.0
"""How long the thread blocks at a time: an interrupt or a reply ends a slice at once."""


@dataclass(frozen=True, slots=True)
class StackSwitching:
    """Pyodide's own functions, and the modules whose `run_sync` is replaced."""

    run_sync: Callable[[Awaitable[Any]], Any]  # Any: whatever is awaited gives
    can_run_sync: Callable[[], bool]
    modules: Sequence[ModuleType] = ()


@final
class Blocking:
    """Blocks user code, from `install` to `restore`.

    Args:
        bridge: Blocks the thread.
        clock: Tells how long it has.
        interrupts: The engine's.
        look: Looks whether an interrupt has come, and may raise it; called after every slice.
        switching: Where the stack may be switched.
    """

    def __init__(
        self, bridge: Bridge, clock: Clock, interrupts: "Interrupts", look: Callable[[], None], switching: StackSwitching | None
    ) -> None:
        self._bridge = bridge
        self._clock = clock
        self._interrupts = interrupts
        self._look = look
        self._switching = switching
        self._plain_sleep = time.sleep
        self._questions = 0

    def install(self) -> None:
        """Take the place of the plain functions."""
        time.sleep = self.sleep
        if self._switching is not None:
            for module in self._switching.modules:
                module.run_sync = self.run_sync  # type: ignore[attr-defined]  # Pyodide's modules have it

    def restore(self) -> None:
        """Give back what was replaced."""
        time.sleep = self._plain_sleep
        if self._switching is not None:
            for module in self._switching.modules:
                module.run_sync = self._switching.run_sync  # type: ignore[attr-defined]  # as above

    @property
    def can_switch(self) -> bool:
        """Whether `run_sync` works here and now."""
        return self._switching is not None and self._switching.can_run_sync()

    def sleep(self, seconds: float, /) -> None:
        """Stand in for `time.sleep`."""
        if not seconds >= 0:
            raise ValueError("sleep length must be non-negative")
        if self._bridge.isolated:
            end = self._clock.monotonic() + seconds
            self._look()
            while (left := end - self._clock.monotonic()) > 0:
                self._bridge.wait(min(left * 1000, SLICE_MS))
                self._look()
        elif self.can_switch:
            self.run_sync(self._clock.sleep(seconds))
        else:
            self._plain_sleep(seconds)

    def run_sync(self, awaitable: Awaitable[Any], /) -> Any:  # Any: as it gives
        """Stand in for `pyodide.ffi.run_sync`: what is awaited is a task, and an interrupt cancels it."""
        assert self._switching is not None, "it is installed only where there is one to stand in for"
        if not self._switching.can_run_sync():
            return self._switching.run_sync(awaitable)  # it says why not
        work = asyncio.ensure_future(awaitable)
        try:
            with self._interrupts.suspended(work):
                self._switching.run_sync(asyncio.wait([work]))
            self._interrupts.deliver()
        except BaseException:
            work.cancel()
            raise
        return work.result()

    def ask(self, post: Callable[[int], None]) -> tuple[str | None, str]:
        """Block until the page has replied to a request.

        Args:
            post: Sends the request, given its number.

        Returns:
            The text, or None and why there is none.
        """
        self._questions += 1
        post(self._questions)
        while (reply := self._bridge.take_reply(self._questions)) is None:
            self._look()
            self._bridge.wait(SLICE_MS)
        self._look()
        return reply
