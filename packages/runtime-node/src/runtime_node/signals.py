"""Signals that ask a process to end: the first asks politely, the second means now."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import final

from .exit_codes import ExitCode

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@final
class StopSignals:
    """While entered, the first signal sets `asked`, and the second leaves the process at once.

    Args:
        leave: Ends the process with that status, without cleaning up.
    """

    def __init__(self, leave: Callable[[int], object] = os._exit) -> None:
        self.asked = asyncio.Event()
        self.name = ""
        self._leave = leave
        self._numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]

    def __enter__(self) -> "StopSignals":
        """Take over the signals."""
        loop = asyncio.get_running_loop()
        for number in self._numbers:
            loop.add_signal_handler(number, self._receive, signal.Signals(number))
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        loop = asyncio.get_running_loop()
        for number in self._numbers:
            loop.remove_signal_handler(number)

    def _receive(self, received: signal.Signals) -> None:
        if self.asked.is_set():
            self._leave(ExitCode.FORCED)
            return
        self.name = received.name
        self.asked.set()
