"""Time and ids of this worker: the core's Clock and IdSource ports."""

import asyncio
import os
import time
from typing import final

from runtime_core.ports import Clock, IdSource
from runtime_schema.ids import uuid7


@final
class SystemClock(Clock):
    """The worker's clocks and the event loop's timers."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@final
class RandomIds(IdSource):
    """UUIDs of version 7: random, and sorted by when they were made."""

    def new_id(self) -> str:
        return uuid7(time.time_ns() // 1_000_000, os.urandom(10))
