"""The WebSocket under the sync protocol: opens, reads, writes, keeps time. All decisions are `protocol`'s."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import final

from websockets.asyncio.client import connect
from websockets.asyncio.server import broadcast
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Origin, Subprotocol

from runtime_schema.wire import SUBPROTOCOL

from .address import Address
from .frames import ClientFrame, LiveOut, encode_frame
from .http import is_loopback
from .protocol import CONNECT_TIMEOUT_S, Close, Connect, Effect, Send, SyncProtocol
from .sync_socket import SyncSocket

_CLOSE_TIMEOUT_S = 1.0


@final
class SyncClient:
    """Keeps one store connected, from `start` to `stop`.

    Args:
        protocol: The state machine.
        address: The backend.
        listen: Hears the effects that are not the socket's.
        changed: Hears that the protocol has moved, after its effects.
        read: Hears that all that was read at once has been given to the protocol.
    """

    def __init__(
        self,
        protocol: SyncProtocol,
        address: Address,
        listen: Callable[[Effect], None],
        changed: Callable[[], None],
        read: Callable[[], None],
    ) -> None:
        self.protocol = protocol
        self._address = address
        self._listen = listen
        self._changed = changed
        self._read = read
        self._loop = asyncio.get_running_loop()
        self._connect_now = asyncio.Event()
        self._outgoing: deque[ClientFrame] = deque()
        self._something_to_send = asyncio.Event()
        self._idle = True
        """Whether nothing waits to be sent, and nothing is just being sent."""
        self._socket: SyncSocket | None = None
        self._closing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._runner: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._runner = self._loop.create_task(self._run())
        self.perform(self.protocol.start())

    async def stop(self) -> None:
        """Disconnect for good."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
            self._runner = None

    def send_live(self, frame: LiveOut) -> bool:
        """Send a live message; False when there is no connection."""
        if not self.protocol.connected:
            return False
        self._send(frame)
        return True

    def perform(self, effects: Iterable[Effect]) -> None:
        """Do what the protocol says."""
        for effect in effects:
            match effect:
                case Send():
                    self._send(effect.frame)
                case Connect():
                    self._connect_now.set()
                case Close():
                    if self._socket is not None and self._closing is None:
                        self._closing = self._loop.create_task(self._socket.close(reason=effect.reason[:100]))
                case _:
                    self._listen(effect)
        self._set_timer()
        self._changed()

    def _send(self, frame: ClientFrame) -> None:
        """Send at once what the socket takes at once; a task for each frame would cost more than the frame."""
        socket = self._socket
        if socket is not None and self._idle and socket.transport.get_write_buffer_size() == 0:
            broadcast((socket,), encode_frame(frame), text=True)
        else:
            self._outgoing.append(frame)
            self._idle = False
            self._something_to_send.set()

    def _set_timer(self) -> None:
        """Let a timer ring at the deadline or before: one that rings too early is set anew, which costs less than to move it each time."""
        deadline = self.protocol.deadline if self._runner is not None else None
        if self._timer is not None:
            if deadline is not None and self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.perform(self.protocol.on_timer(self._loop.time()))

    async def _run(self) -> None:
        while True:
            await self._connect_now.wait()
            self._connect_now.clear()
            reason = await self._connection()
            self.perform(self.protocol.on_closed(self._loop.time(), reason))

    async def _connection(self) -> str:
        """Live through one connection; returns why it ended."""
        address = self._address
        try:
            socket = await connect(
                address.socket_url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                create_connection=SyncSocket,
                additional_headers=address.headers,
                origin=Origin(address.origin) if address.cookie else None,
                compression=None,
                max_size=2 * self.protocol.limits.frame_bytes,
                open_timeout=CONNECT_TIMEOUT_S,
                close_timeout=_CLOSE_TIMEOUT_S,
                ping_interval=None,
                # asyncio itself sets TCP_NODELAY
                proxy=None if is_loopback(address.url) else True,
            )
        except InvalidStatus as exc:
            self.protocol.on_refused(exc.response.status_code)
            return f"HTTP status {exc.response.status_code}"
        except (OSError, TimeoutError, WebSocketException) as exc:
            return str(exc) or type(exc).__name__
        assert isinstance(socket, SyncSocket)
        writer = self._loop.create_task(self._write(socket))
        self._socket = socket
        try:
            self.perform(self.protocol.on_connected(self._loop.time()))
            socket.listen(self._take, self._read)
            await socket.wait_closed()
        finally:
            self._socket = None
            self._outgoing.clear()
            self._idle = True
            writer.cancel()
            await asyncio.gather(writer, self._closing or socket.close(), return_exceptions=True)
            self._closing = None
        return socket.close_reason or "it was closed"

    def _take(self, message: bytes) -> None:
        if self._closing is None:
            self.perform(self.protocol.on_frame(message, self._loop.time()))

    async def _write(self, socket: SyncSocket) -> None:
        try:
            while True:
                await self._something_to_send.wait()
                self._something_to_send.clear()
                while self._outgoing:
                    await socket.send(encode_frame(self._outgoing.popleft()), text=True)
                self._idle = True
        except ConnectionClosed:
            # The reader hears of it too, and says why.
            return
