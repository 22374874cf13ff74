"""One WebSocket of the sync protocol: frames between the socket and a room, in both directions."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from runtime_schema.wire import CLOSE_CODES
from runtime_store.errors import FrameError
from runtime_store.frames import Bye, ClientFrame, decode_client_frame, encode_frame

from .effects import Close, PeerId


class Connection:
    """The sending side: a queue whose size is known, and a task that empties it.

    `on_drained` is called when the queue is empty and somebody waits for that. A blocked socket shows in `blocked_s`.
    """

    def __init__(self, peer: PeerId, websocket: WebSocket, now_s: Callable[[], float], on_drained: Callable[["Connection"], None]) -> None:
        self.peer = peer
        self.queued_bytes = 0
        self.wants_drained = False
        self.blocked_s: float | None = None
        self.closing: Close | None = None
        self._websocket = websocket
        self._now_s = now_s
        self._on_drained = on_drained
        self._frames: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def send(self, frame: bytes) -> None:
        """Queue a frame."""
        if self.closing is None:
            self._frames.append(frame)
            self.queued_bytes += len(frame)
            self._wake.set()

    def drained_wanted(self) -> None:
        """Ask to be told when the queue is empty."""
        self.wants_drained = True
        self._wake.set()

    def close(self, close: Close) -> None:
        """Say bye after what is queued, or instead of it when that is what the client does not read; then close."""
        if self.closing is not None:
            return
        if close.code == "slow-consumer":
            self._frames.clear()
        self.send(encode_frame(Bye(code=close.code, message=close.message)))
        self.closing = close

    def abort(self) -> None:
        """Cut a socket that takes nothing any more."""
        cut: Callable[[], None] | None = self._websocket.scope.get("extensions", {}).get("runt.abort")
        if cut is not None:
            cut()

    async def run(
        self, receive: Callable[[ClientFrame], None], refuse: Callable[[str], None], ready: Callable[[], asyncio.Future[None] | None]
    ) -> None:
        """Serve the socket until either side ends it.

        Args:
            receive: Takes each frame of the client.
            refuse: Takes the problem of what is no frame.
            ready: Gives what to wait for before the next frame is read, if anything.
        """
        writer = asyncio.create_task(self._write())
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if self.closing is not None:
                    continue
                text = message.get("text")
                if text is None:
                    refuse("frames are text, not binary")
                    continue
                try:
                    frame = decode_client_frame(text)
                except FrameError as exc:
                    refuse(str(exc))
                    continue
                receive(frame)
                if (pressure := ready()) is not None:
                    await pressure
        except WebSocketDisconnect:
            return
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    async def _write(self) -> None:
        try:
            while True:
                while self._frames:
                    frame = self._frames.popleft()
                    self.blocked_s = self._now_s()
                    await self._websocket.send({"type": "websocket.send", "text": frame.decode()})
                    self.blocked_s = None
                    self.queued_bytes -= len(frame)
                self.queued_bytes = 0
                if self.closing is not None:
                    await self._websocket.close(CLOSE_CODES[self.closing.code], self.closing.code)
                    return
                if self.wants_drained:
                    self.wants_drained = False
                    self._on_drained(self)
                if not self._frames:
                    self._wake.clear()
                    await self._wake.wait()
        except (WebSocketDisconnect, RuntimeError):
            return  # the reader hears of the end and ends the connection
