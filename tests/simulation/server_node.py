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
from runtime_server.images import Image, ImageFolder
from runtime_server.log import EventLog
from runtime_server.room import Room
from runtime_server.room_host import RoomHost
from runtime_server.sync_socket import EXTENSION
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
        self.scope: dict[str, Any] = {"extensions": {EXTENSION: self}}
        self._loop = loop
        self._connection = connection
        self._buffer_bytes = buffer_bytes
        self._messages: deque[dict[str, Any]] = deque()
        self._arrived = asyncio.Event()
        self._over = False
        self._reading = True
        self._on_message: Callable[[str], None] | None = None
        self._on_writable: Callable[[bool], None] | None = None
        self._told_writable = True
        connection.down.on_moved = self._on_moved

    # --- the network's side

    def receive(self, frame: str) -> None:  # type: ignore[override]
        self._loop.call_soon(self._take, {"type": "websocket.receive", "text": frame})

    def closed(self, reason: str) -> None:
        self._loop.call_soon(self._take, {"type": "websocket.disconnect"})

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.disconnect":
            self._over = True
        elif self._on_message is not None and self._reading:
            self._on_message(message["text"])
            return
        self._messages.append(message)
        self._arrived.set()

    def _on_moved(self) -> None:
        self._loop.call_soon(self._tell_writable)

    def _tell_writable(self) -> None:
        if self._on_writable is not None and self.is_writable != self._told_writable:
            self._told_writable = self.is_writable
            self._on_writable(self._told_writable)

    # --- the host's side

    async def next_message(self) -> dict[str, Any]:
        """Give what came, as starlette's `receive` does."""
        while not self._messages:
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()

    def listen(self, on_message: Callable[[str], None], on_writable: Callable[[bool], None]) -> None:
        """Take messages and news of the other end's reading by callbacks, as `SyncSocket` does."""
        self._on_message = on_message
        self._on_writable = on_writable

    @property
    def is_writable(self) -> bool:
        """Whether the other end reads what is sent."""
        return self._connection.down.bytes_under_way <= self._buffer_bytes

    def write_frame(self, frame: bytes) -> None:
        """Send a WebSocket frame, without its header."""
        if not self._over and self._connection.open:
            size = frame[1]
            self._connection.send(self._connection.down, frame[2 if size < 126 else 4 if size == 126 else 10 :].decode())
            self._tell_writable()

    def set_reading(self, reading: bool) -> None:
        """Let the client wait, or hear what it said meanwhile."""
        self._reading = reading
        while self._reading and self._messages and self._messages[0]["type"] == "websocket.receive":
            self._take(self._messages.popleft())

    def cut(self) -> None:
        """End the connection without a word."""
        self._connection.cut(self._connection.latency.draw(), 0.0, "aborted")

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
            # The host uses three names of a WebSocket, and they are here.
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
        host = self.host = RoomHost(room, log, cast(ImageFolder, _NoImages()), config, _keep_title)
        while True:
            await asyncio.sleep(TICK_S)
            host.tick(world.now)

    def _boot_if_named(self) -> None:
        if self._wanted(self):
            self.boot()

    def _end(self, reason: str) -> None:
        """Take the server's own decision to end: what is on disk is unknown."""
        self.kill()


@final
class _NoImages:
    """A disk that takes no images: here everybody replays."""

    def all(self, _: str) -> list[Image]:
        return []

    def put(self, *_: object) -> Image:
        raise OSError("no images here")


async def _keep_title(store_id: str, title: str) -> None:
    pass
