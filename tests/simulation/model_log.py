"""The server's log as a model: a transaction is whole, and on disk at one moment.

A killed server loses what was not committed; what was committed and not announced is there when the next one opens it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from runtime_server.log import Batch, Done, EventLog, OpenedStore, Outcome, PastEvent, Record
from runtime_server.testing import LogContents

from .group_commit import GroupCommit
from .loop import SimulatedLoop


@dataclass(slots=True)
class LogDisk:
    """What outlives servers. With `full` it takes nothing more."""

    log: LogContents
    full: bool = False


@final
class ModelLog(EventLog):
    """One server's handle on the disk.

    Args:
        disk: What it writes to.
        loop: The server's.
        slow_s: How long a transaction takes, about.
        dice: Draws how long each takes.
        on_fatal: Ends the server, when nobody can know what is on disk.
    """

    def __init__(self, disk: LogDisk, loop: SimulatedLoop, slow_s: float, dice: random.Random, on_fatal: Callable[[str], None]) -> None:
        self._disk = disk
        self._loop = loop
        self._on_fatal = on_fatal
        self._writer = GroupCommit(loop, self._commit, slow_s, dice)

    async def create_store(self, store_id: str, title: str, path: str | None = None) -> bool:
        return False

    async def delete_store(self, store_id: str) -> bool:
        return False

    async def open_store(self, store_id: str) -> OpenedStore | None:
        await self._wait()
        return self._disk.log.opened()

    def append(self, batch: Batch, done: Done) -> None:
        self._writer.submit(batch, done)

    async def read(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[bytes]:
        await self._wait()
        return self._disk.log.page(after, max_events, max_bytes)

    async def history(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[PastEvent]:
        return [PastEvent(body, 0) for body in await self.read(store_id, after, max_events, max_bytes)]

    async def size_after(self, store_id: str, after: int) -> int:
        await self._wait()
        return self._disk.log.size_after(after)

    async def records(self, store_id: str, session: str, first_n: int, last_n: int) -> list[Record]:
        await self._wait()
        return self._disk.log.found(session, first_n, last_n)

    async def active_stores(self) -> list[str]:
        return []

    async def _wait(self) -> None:
        await self._loop.run_in_executor(None, int)

    def _commit(self, group: list[tuple[Batch, Done]]) -> list[tuple[Done, Outcome]] | None:
        disk, now_ms = self._disk, self._loop.world.now_ms()
        try:
            return [(done, "full" if disk.full else disk.log.commit(batch, now_ms)) for batch, done in group]
        except KeyError as exc:
            self._on_fatal(str(exc))
            return None
