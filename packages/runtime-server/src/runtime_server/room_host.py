"""One open room with its connections: carries out what the room asks, and tells it what came of that."""

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from starlette.websockets import WebSocket

from runtime_schema.events import Event
from runtime_schema.json_text import decode
from runtime_schema.wire import CLOSE_CODES, ByeCode
from runtime_store.frames import ClientFrame, Push, User

from .config import ServerConfig
from .connection import Connection
from .effects import Append, Close, Effect, LookUp, PeerId, ReadPage, Retitle, Send
from .errors import StorageFullError
from .images import ImageFolder
from .imaging import Imaging
from .livestore.desk import Desk
from .log import EventLog, Outcome
from .replica import Replica
from .room import Room
from .sync_socket import text_frame

Retitler = Callable[[str, str], Awaitable[None]]
"""Keeps the title that an event has set: store id, title."""
_MANY_FLIGHTS, _FEW_FLIGHTS = 64, 16
_GO_WITHIN_S = 2.0


class RoomHost:
    """One open room with its connections. All calls on the event loop."""

    def __init__(self, room: Room, log: EventLog, images: ImageFolder, config: ServerConfig, retitle: Retitler) -> None:
        self.room = room
        self.replica = Replica(room.store_id, log, images)
        self.idle_since_s = config.monotonic_s()
        self.desk = Desk(room, self.append, config.monotonic_s)
        room.image = next(iter(images.all(room.store_id)), None)
        self._imaging = Imaging(room.image, self.replica.make_image, self.idle_since_s)
        self._log = log
        self._config = config
        self._retitle = retitle
        self._connections: dict[PeerId, Connection] = {}
        self._ids = itertools.count(1)
        self._waiters: deque[asyncio.Future[int] | None] = deque()
        self._durable = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._calm: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()
        self._written = b"", b""
        self._spawn(self._measure_log())

    @property
    def queued_bytes(self) -> int:
        """The longest queue of frames not yet handed to a socket."""
        return max((connection.queued_bytes for connection in self._connections.values()), default=0)

    @property
    def idle(self) -> bool:
        """Whether nothing would be missed if the room were closed now."""
        return self.room.idle and not self.desk.readers

    async def serve(self, websocket: WebSocket, user: User) -> None:
        """Serve an accepted connection until it ends."""
        connection = Connection(next(self._ids), websocket, self._config.monotonic_s, self._drained)
        self._connections[connection.peer] = connection
        self.room.on_connect(connection.peer, user, self._now())
        try:
            await connection.run(partial(self._receive, connection.peer), partial(self._refuse, connection.peer), self._pressure)
        finally:
            del self._connections[connection.peer]
            self.room.on_close(connection.peer, self._now())
            self.left()

    def left(self) -> None:
        """A connection has ended."""
        self.idle_since_s = self._now()
        self._changed.set()

    async def commit(self, events: Sequence[Event]) -> int:
        """Record events of the server's own; gives the head after them.

        Raises:
            StorageFullError: Nothing was recorded.
        """
        self.idle_since_s = self._now()
        head = self.room.head
        size = self._config.limits.batch_events
        for start in range(0, len(events), size):
            await self.desk.calm()
            head = await self.append(self.room.commit(events[start : start + size]))
        return head

    def append(self, effects: list[Effect]) -> asyncio.Future[int]:
        """Carry out effects that end with an append; what is given has the head once that is on disk, or StorageFullError."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.execute(effects)
        self._waiters[-1] = future
        return future

    async def events_after(self, after: int, max_events: int, max_bytes: int) -> list[bytes]:
        """Give durable events from `after + 1` on within both bounds: at least one if there is any."""
        bodies = self.room.after(after, max_events, max_bytes)
        if bodies is None:
            bodies = await self._log.read(self.room.store_id, after, max_events, max_bytes)
        return bodies[: self.room.head - after]

    async def follow_ups(self) -> None:
        """Wait for what was started after events became durable."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def tick(self, now_s: float) -> None:
        """Move the room's time; let go of who does not read, and of what was sent last."""
        self._written = b"", b""
        self.execute(self.room.on_timer(now_s))
        if self._imaging.is_due(now_s):
            self._spawn(self._make_image())
        for connection in list(self._connections.values()):
            if connection.blocked_s is not None and now_s - connection.blocked_s >= self._config.stall_s:
                self.execute(self.room.on_stall(connection.peer, now_s))
                connection.abort()

    def runtime_died(self, store_session: str) -> None:
        """The process behind a runtime's store session is dead."""
        self.execute(self.room.runtime_died(store_session, self._now()))

    def dismiss(self, code: ByeCode, message: str) -> None:
        """Send everybody away."""
        self.execute(self.room.dismiss(code, message, self._now()))
        self.desk.dismiss(CLOSE_CODES[code], code)

    async def settle(self) -> None:
        """Wait until nothing is on its way to the disk and all who were sent away are gone; cut who does not go."""
        cut = asyncio.get_running_loop().call_later(_GO_WITHIN_S, self._cut)
        while self._waiters or self._connections or self._tasks or self.desk.readers:
            self._changed.clear()
            await self._changed.wait()
        cut.cancel()

    def _cut(self) -> None:
        for connection in self._connections.values():
            connection.abort()
        self.desk.cut()

    def execute(self, effects: list[Effect]) -> None:
        """Carry out what the room asks."""
        for effect in effects:
            match effect:
                case Send():
                    self._send(effect)
                case Append():
                    self._waiters.append(None)
                    self._log.append(effect.batch, partial(self._done, self.room.generation))
                    size = sum(len(decision.body) for decision in effect.batch.decisions if decision.body is not None)
                    if self._imaging.grew(size, self._now()):
                        self._spawn(self._make_image())
                case Close():
                    if (connection := self._connections.get(effect.peer)) is not None:
                        connection.close(effect)
                case ReadPage():
                    self._spawn(self._read_page(effect))
                case LookUp():
                    self._spawn(self._look_up(effect))
                case Retitle():
                    self._spawn(self._set_title(effect))

    def _now(self) -> float:
        return self._config.monotonic_s()

    def _receive(self, peer: PeerId, frame: ClientFrame) -> None:
        if not isinstance(frame, Push) or not self.desk.keep(partial(self._take, peer, frame)):
            self._take(peer, frame)

    def _take(self, peer: PeerId, frame: ClientFrame) -> None:
        self.execute(self.room.on_frame(peer, frame, self._now()))

    def _refuse(self, peer: PeerId, problem: str) -> None:
        self.execute(self.room.on_bad_frame(peer, problem, self._now()))

    def _pressure(self) -> asyncio.Future[None] | None:
        """Let clients wait in their sockets rather than here when the disk is behind, or another has its turn."""
        if (turn_over := self.desk.turn_over()) is not None:
            return turn_over
        if self.room.flights < _MANY_FLIGHTS:
            return None
        if self._calm is None:
            self._calm = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._calm)

    def _send(self, effect: Send) -> None:
        connection = self._connections.get(effect.peer)
        if connection is None:
            return
        if effect.frame is not self._written[0]:
            self._written = effect.frame, text_frame(effect.frame)  # many peers are sent the same
        connection.send(self._written[1])
        limit = self._config.limits.send_queue_bytes
        if connection.queued_bytes > 2 * limit + self._config.limits.batch_bytes:
            self.execute(self.room.on_stall(effect.peer, self._now()))
        elif effect.bulk:
            connection.drained_wanted()
        elif connection.queued_bytes > limit:
            self.room.on_overflow(effect.peer)
            connection.drained_wanted()

    def _drained(self, connection: Connection) -> None:
        self.execute(self.room.on_drained(connection.peer))

    def _done(self, generation: int, outcome: Outcome) -> None:
        if generation != self.room.generation:
            return
        if outcome == "durable":
            self._durable += 1
            if self._durable == len(self._waiters):
                self._flush()
            elif self._durable == 1:
                asyncio.get_running_loop().call_soon(self._flush)  # batches of one transaction become known together
            return
        self._flush()
        for waiter in self._waiters:
            if waiter is not None and not waiter.done():
                waiter.set_exception(StorageFullError())
        self._waiters.clear()
        self.execute(self.room.on_refused())
        self._relieve()

    def _flush(self) -> None:
        count, self._durable = self._durable, 0
        if not count:
            return
        waiters = [self._waiters.popleft() for _ in range(count)]
        self.execute(self.room.on_durable(count, self._now()))
        for waiter in waiters:
            if waiter is not None and not waiter.done():
                waiter.set_result(self.room.head)
        self._relieve()

    def _relieve(self) -> None:
        self._changed.set()
        self.desk.move()
        if self._calm is not None and self.room.flights <= _FEW_FLIGHTS:
            self._calm.set_result(None)
            self._calm = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler({"message": f"room {self.room.store_id}", "exception": error})

    async def _read_page(self, effect: ReadPage) -> None:
        limits = self._config.limits
        bodies = await self._log.read(self.room.store_id, effect.after, limits.batch_events, limits.batch_bytes)
        self.execute(self.room.on_page(effect.peer, effect.after, bodies))

    async def _look_up(self, effect: LookUp) -> None:
        records = await self._log.records(self.room.store_id, effect.session, effect.wanted[0][0], effect.wanted[-1][0])
        self.execute(self.room.on_records(effect, records, self._now()))

    async def _measure_log(self) -> None:
        """Find out how long the log is behind the image that an earlier life of the room has left."""
        after = 0 if self._imaging.newest is None else self._imaging.newest.seq
        self._imaging.grew(await self._log.size_after(self.room.store_id, after), self._now())

    async def _make_image(self) -> None:
        await self._imaging.run()
        self.room.image = self._imaging.newest

    async def _set_title(self, effect: Retitle) -> None:
        title = decode(effect.title)
        if isinstance(title, str):
            await self._retitle(self.room.store_id, title)
