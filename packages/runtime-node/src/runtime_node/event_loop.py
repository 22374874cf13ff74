"""The event loop of our own processes is uvloop's: it takes a tenth off an execution, and more off an event from one client to another.

User code has the loop that Python comes with, as in any kernel.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run_program(main: Coroutine[Any, Any, T]) -> T:
    """Run a program to its end on such a loop, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
