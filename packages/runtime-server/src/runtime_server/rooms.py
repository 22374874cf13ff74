"""The open rooms of one server: opens and closes them, moves their time, counts who is in."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from functools import partial

from runtime_schema.ids import uuid7

from .config import ServerConfig
from .images import ImageFolder
from .log import EventLog
from .room import Room
from .room_host import Retitler, RoomHost

HasArtifact = Callable[[str, str], bool]
"""Tells whether a store has the bytes of a sha256."""


class Rooms:
    """All open rooms by store."""

    def __init__(self, log: EventLog, images: ImageFolder, config: ServerConfig, retitle: Retitler, has_artifact: HasArtifact) -> None:
        self._log = log
        self._images = images
        self._config = config
        self._retitle = retitle
        self._has_artifact = has_artifact
        self._hosts: dict[str, RoomHost] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._by_user: Counter[str] = Counter()
        self._ticker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the rooms whose runtimes must be watched, and let time pass."""
        for store_id in await self._log.active_stores():
            await self.open(store_id)
        self._ticker = asyncio.create_task(self._tick_for_ever())

    async def stop(self) -> None:
        """Send everybody away and wait until all that was taken is on disk."""
        if self._ticker is not None:
            self._ticker.cancel()
        for host in self._hosts.values():
            host.dismiss("shutdown", "the server stops; connect again")
        for host in list(self._hosts.values()):
            await host.settle()
        self._hosts.clear()

    async def open(self, store_id: str) -> RoomHost | None:
        """Give the room of a store; None when there is no such store."""
        if (host := self._hosts.get(store_id)) is not None:
            host.idle_since_s = self._config.monotonic_s()  # whoever asked is about to use it
            return host
        async with self._opening.setdefault(store_id, asyncio.Lock()):
            if (host := self._hosts.get(store_id)) is not None:
                return host
            opened = await self._log.open_store(store_id)
            if opened is None:
                return None
            now_ms = self._config.now_ms()
            room = Room(
                store_id,
                opened,
                limits=self._config.limits,
                session=uuid7(now_ms, os.urandom(10)),
                now_s=self._config.monotonic_s(),
                now_ms=now_ms,
                has_artifact=partial(self._has_artifact, store_id),
            )
            host = self._hosts[store_id] = RoomHost(room, self._log, self._images, self._config, self._retitle)
            return host

    async def forget(self, store_id: str) -> None:
        """Close the room of a store that was deleted."""
        async with self._opening.setdefault(store_id, asyncio.Lock()):
            host = self._hosts.pop(store_id, None)
        del self._opening[store_id]
        if host is not None:
            host.dismiss("not-found", "the notebook was deleted")
            await host.settle()

    def admit(self, user_id: str) -> bool:
        """Count a connection of a user; False when it is one too many."""
        if self._by_user[user_id] >= self._config.limits.connections_per_user:
            return False
        self._by_user[user_id] += 1
        return True

    def release(self, user_id: str) -> None:
        """A counted connection ended."""
        self._by_user[user_id] -= 1

    def runtime_died(self, store_session: str) -> None:
        """The process of a runtime is dead: end its session wherever it was, at once."""
        for host in self._hosts.values():
            host.runtime_died(store_session)

    def tick(self) -> None:
        """Move the time of every room; close those that nobody needs."""
        now_s = self._config.monotonic_s()
        for store_id, host in list(self._hosts.items()):
            host.tick(now_s)
            if not host.idle:
                host.idle_since_s = now_s
            elif now_s - host.idle_since_s >= self._config.idle_room_s:
                del self._hosts[store_id]
                self._opening.pop(store_id, None)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._config.tick_s)
            self.tick()
