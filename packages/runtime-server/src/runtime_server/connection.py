"""One WebSocket of the sync protocol: frames between the socket and a room, in both directions."""

import asyncio
from collections import deque
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from runtime_schema.wire import CLOSE_CODES
from runtime_store.errors import FrameError
from runtime_store.frames import Bye, ClientFrame, decode_client_frame, encode_frame

from .effects import Close, PeerId
from .sync_socket import EXTENSION, SyncSocket, text_frame


class Connection:
    """The sending side: what the socket takes at once goes out at once, the rest waits in a queue whose size is known.

    `on_drained` is called when the queue is empty and somebody waits for that. A blocked socket shows in `blocked_s`.
    """

    def __init__(self, peer: PeerId, websocket: WebSocket, now_s: Callable[[], float], on_drained: Callable[["Connection"], None]) -> None:
        self.peer = peer
        self.queued_bytes = 0
        self.blocked_s: float | None = None
        self.closing: Close | None = None
        self._websocket = websocket
        self._socket: SyncSocket = websocket.scope["extensions"][EXTENSION]
        self._now_s = now_s
        self._on_drained = on_drained
        self._wants_drained = False
        self._frames: deque[bytes] = deque()
        self._closed: asyncio.Task[None] | None = None

    def send(self, frame: bytes) -> None:
        """Send a text frame as `text_frame` writes it, or queue it."""
        if self.closing is not None:
            return
        if not self._frames and self._socket.is_writable:
            self._socket.write_frame(frame)
        else:
            self._frames.append(frame)
            self.queued_bytes += len(frame)

    def drained_wanted(self) -> None:
        """Ask to be told when the queue is empty."""
        if not self._wants_drained:
            self._wants_drained = True
            asyncio.get_running_loop().call_soon(self._pump)

    def close(self, close: Close) -> None:
        """Say bye after what is queued, or instead of it when that is what the client does not read; then close."""
        if self.closing is not None:
            return
        if close.code == "slow-consumer":
            self._frames.clear()
        self.send(text_frame(encode_frame(Bye(code=close.code, message=close.message))))
        self.closing = close
        self._pump()

    def abort(self) -> None:
        """Cut a socket that takes nothing any more."""
        self._socket.cut()

    async def run(
        self, receive: Callable[[ClientFrame], None], refuse: Callable[[str], None], ready: Callable[[], asyncio.Future[None] | None]
    ) -> None:
        """Serve the socket until either side ends it.

        Args:
            receive: Takes each frame of the client.
            refuse: Takes the problem of what is no frame.
            ready: Gives what to wait for before more is read, if anything.
        """

        def take(message: str | bytes) -> None:
            if self.closing is not None:
                return
            if isinstance(message, bytes):
                refuse("frames are text, not binary")
                return
            try:
                frame = decode_client_frame(message)
            except FrameError as exc:
                refuse(str(exc))
                return
            receive(frame)
            if (pressure := ready()) is not None:
                self._socket.set_reading(False)
                pressure.add_done_callback(lambda _: self._socket.set_reading(True))

        self._socket.listen(take, self._on_writable)
        try:
            while (message := await self._websocket.receive())["type"] != "websocket.disconnect":
                take(message.get("text") or message.get("bytes") or "")  # what came with the handshake
        except WebSocketDisconnect:
            return
        finally:
            if self._closed is not None:
                self._closed.cancel()

    def _on_writable(self, writable: bool) -> None:
        self.blocked_s = None if writable else self._now_s()
        if writable:
            self._pump()

    def _pump(self) -> None:
        """Send what waits as long as the socket takes it; at the end of it, do what waits for that."""
        while self._frames and self._socket.is_writable:
            frame = self._frames.popleft()
            self.queued_bytes -= len(frame)
            self._socket.write_frame(frame)
        if self._frames or not self._socket.is_writable:
            return
        if self.closing is not None:
            if self._closed is None:
                self._closed = asyncio.get_running_loop().create_task(self._finish(self.closing))
        elif self._wants_drained:
            self._wants_drained = False
            self._on_drained(self)

    async def _finish(self, closing: Close) -> None:
        try:
            await self._websocket.close(CLOSE_CODES[closing.code], closing.code)
        except (WebSocketDisconnect, RuntimeError):
            return  # the client was faster
