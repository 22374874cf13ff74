"""One server over its lives: the real room, host and connections on a simulated loop, over a log of some grade.

A life ends by a kill, at any step; sockets end with it. What the log's disk has is the next life's.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, final

from starlette.websockets import WebSocket

from runtime_schema.wire import Limits
from runtime_server.config import ServerConfig
from runtime_server.log import EventLog
from runtime_server.room import Room
from runtime_server.room_host import RoomHost
from runtime_store.frames import User

from .loop import SimulatedLoop
from .network import Connection, End
from .world import World

STORE_ID = "notebook"
TICK_S = 1.0

LOCK_RETRY_S = 0.3
MISSING_SHA256 = "0" * 64
"""Bytes that the server never has: events that name them are refused."""

OpenLog = Callable[[SimulatedLoop, Callable[[str], None]], EventLog]
"""Opens the log for one life of a server, which the second argument ends."""


@final
class Lock:
    """What `runtime_server.database.lock_folder` is: one process has the folder, until it ends."""

    def __init__(self) -> None:
        self.holder: str | None = None

    def take(self, name: str) -> bool:
        """Take it, if nobody else has it."""
        if self.holder is None:
            self.holder = name
        return self.holder == name

    def release(self, name: str) -> None:
        """Let go of it."""
        if self.holder == name:
            self.holder = None


@final
class SimulatedWebSocket(End):
    """What the host knows of a socket: the part of starlette's that it uses."""

    def __init__(self, loop: SimulatedLoop, connection: Connection, buffer_bytes: int) -> None:
        self.scope: dict[str, Any] = {"extensions": {"runt.abort": self._abort}}
        self._loop = loop
        self._connection = connection
        self._buffer_bytes = buffer_bytes
        self._messages: deque[dict[str, Any]] = deque()
        self._arrived = asyncio.Event()
        self._moved = asyncio.Event()
        self._over = False
        connection.down.on_moved = self._on_moved

    # --- the network's side

    def receive(self, frame: str) -> None:  # type: ignore[override]
        self._loop.call_soon(self._take, {"type": "websocket.receive", "text": frame})

    def closed(self, reason: str) -> None:
        self._loop.call_soon(self._take, {"type": "websocket.disconnect"})

    def _take(self, message: dict[str, Any]) -> None:
        self._messages.append(message)
        self._over = self._over or message["type"] == "websocket.disconnect"
        self._arrived.set()
        self._moved.set()

    def _abort(self) -> None:
        self._connection.cut(self._connection.latency.draw(), 0.0, "aborted")

    def _on_moved(self) -> None:
        self._loop.call_soon(self._moved.set)

    # --- the host's side

    async def next_message(self) -> dict[str, Any]:
        """Give what came, as starlette's `receive` does."""
        while not self._messages:
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()

    async def send(self, message: dict[str, Any]) -> None:
        """Send a frame; wait while the other end does not read."""
        while self._connection.down.bytes_under_way > self._buffer_bytes and not self._over and self._connection.open:
            self._moved.clear()
            await self._moved.wait()
        if self._over:
            raise RuntimeError("the socket is closed")
        self._connection.send(self._connection.down, message["text"])

    async def close(self, code: int, reason: str) -> None:
        """Close in order."""
        self._connection.close(self._connection.up, reason)
        self._take({"type": "websocket.disconnect"})


@final
class _Facade:
    """Gives a simulated socket starlette's names, two of which mean something else to the network."""

    def __init__(self, socket: SimulatedWebSocket) -> None:
        self.scope = socket.scope
        self.receive = socket.next_message
        self.send = socket.send
        self.close = socket.close


@final
class ServerNode:
    """A machine with a server on it.

    Args:
        world: Time.
        name: Of the machine.
        lock: Of the log; ends with the process that holds it.
        limits: What the server tells and enforces.
        open_log: The log.
        disk_s: Draws how long reads take.
        buffer_bytes: What the kernel takes of frames that a client does not read.
        wanted: Whether this server is the one that should be up.
        on_down: Hears that a life has ended.
    """

    def __init__(
        self,
        world: World,
        name: str,
        lock: "Lock",
        limits: Limits,
        open_log: OpenLog,
        disk_s: Callable[[], float],
        buffer_bytes: int,
        wanted: Callable[["ServerNode"], bool],
        on_down: Callable[["ServerNode"], None],
    ) -> None:
        self.name = name
        self.loop: SimulatedLoop | None = None
        self.host: RoomHost | None = None
        self.lives = 0
        self.loops: list[SimulatedLoop] = []
        self._world = world
        self._lock = lock
        self._limits = limits
        self._open_log = open_log
        self._disk_s = disk_s
        self._buffer_bytes = buffer_bytes
        self._wanted = wanted
        self._on_down = on_down
        self._connections: list[Connection] = []

    @property
    def up(self) -> bool:
        """Whether its process lives."""
        return self.loop is not None

    @property
    def listening(self) -> bool:
        """Whether its port is open."""
        return self.host is not None and self.loop is not None and self.loop.frozen_until <= self._world.now

    def boot(self) -> None:
        """Begin a life, unless another server holds the log's lock: then try again soon."""
        if self.loop is not None:
            return
        if not self._lock.take(self.name):
            self._world.after(LOCK_RETRY_S, self._boot_if_named)
            return
        self.lives += 1
        loop = self.loop = SimulatedLoop(self._world, f"{self.name}-{self.lives}", self._disk_s)
        self.loops.append(loop)
        loop.on_death = self.kill
        loop.call_soon(lambda: loop.create_task(self._live(loop, self.lives)))

    def kill(self) -> None:
        """End this life at once."""
        if self.loop is None:
            return
        self.loop.kill()
        self.loop = self.host = None
        self._lock.release(self.name)
        for connection in self._connections:
            connection.cut(connection.latency.draw(), None, "the server is gone")
        self._connections = []
        self._on_down(self)

    def accept(self, connection: Connection, user: str) -> End:
        """Take a connection, as the sync endpoint does once it has let a user in."""
        assert self.loop is not None
        loop = self.loop
        socket = SimulatedWebSocket(loop, connection, self._buffer_bytes)
        self._connections.append(connection)
        loop.call_soon(lambda: loop.create_task(self._serve(socket, user)))
        return socket

    async def _serve(self, socket: SimulatedWebSocket, user: str) -> None:
        if self.host is not None:
            # The host uses four names of a WebSocket, and they are here.
            await self.host.serve(cast(WebSocket, _Facade(socket)), User(id=user, name=user, role="owner"))

    async def _live(self, loop: SimulatedLoop, life: int) -> None:
        world = self._world
        log = self._open_log(loop, self._end)
        opened = await log.open_store(STORE_ID)
        assert opened is not None
        config = ServerConfig(
            data_folder=Path("nowhere"), limits=self._limits, monotonic_s=lambda: world.now, now_ms=world.now_ms, stall_s=3.0
        )
        room = Room(
            STORE_ID,
            opened,
            limits=self._limits,
            session=f"{self.name}_{life}",
            now_s=world.now,
            now_ms=world.now_ms(),
            has_artifact=lambda sha256: sha256 != MISSING_SHA256,
        )
        host = self.host = RoomHost(room, log, config, _keep_title)
        while True:
            await asyncio.sleep(TICK_S)
            host.tick(world.now)

    def _boot_if_named(self) -> None:
        if self._wanted(self):
            self.boot()

    def _end(self, reason: str) -> None:
        """Take the server's own decision to end: what is on disk is unknown."""
        self.kill()


async def _keep_title(store_id: str, title: str) -> None:
    pass
