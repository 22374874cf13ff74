"""One WebSocket of a LiveStore client: each request is answered by a task of its own, pushes one after another.

What is sent waits for the socket, so that a client that reads slowly slows nobody and costs one chunk of memory.
"""

import asyncio
import contextlib

from starlette.websockets import WebSocket, WebSocketDisconnect

from runtime_server.room_host import RoomHost
from runtime_server.sync_socket import EXTENSION, SyncSocket
from runtime_store.frames import User

from . import messages
from .calls import Calls
from .messages import Ack, Eof, Interrupt, Ping, Request

MOST_REQUESTS = 64
"""Requests that one connection may have open; LiveStore has two."""
_ACKNOWLEDGED_WITHIN_S = 2.0
_BAD_MESSAGE, _TOO_MANY, _FAILED = 4400, 4429, 1011


class LiveStoreConnection:
    """Serves one accepted socket."""

    def __init__(self, websocket: WebSocket, host: RoomHost, user: User) -> None:
        self._websocket = websocket
        self._host = host
        self._calls = Calls(host, user, "SyncWsRpc", self)
        self._requests: dict[str, asyncio.Task[None]] = {}
        self._unacknowledged: dict[str, asyncio.Future[None]] = {}
        self._sending = asyncio.Lock()
        self._pushing = asyncio.Lock()
        self._ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def dismiss(self, code: int, reason: str) -> None:
        """Close it, in order."""
        if not self._ended.done():
            self._ended.set_result((code, reason))

    def cut(self) -> None:
        """End it now."""
        socket: SyncSocket | None = self._websocket.scope.get("extensions", {}).get(EXTENSION)
        if socket is not None:
            socket.cut()

    async def run(self) -> None:
        """Serve the socket until either side ends it."""
        desk = self._host.desk
        desk.readers.add(self)
        reader = asyncio.create_task(self._read())
        try:
            await asyncio.wait({reader, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                code, reason = self._ended.result()
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await self._websocket.close(code, reason)
        finally:
            tasks = [reader, *self._requests.values()]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            desk.leave(self)
            desk.readers.discard(self)
            self._host.left()

    async def _read(self) -> None:
        while True:
            event = await self._websocket.receive()
            if event["type"] == "websocket.disconnect":
                return
            text: str | None = event.get("text")
            try:
                message = messages.decode_message(text if text is not None else event.get("bytes") or b"")
            except messages.MessageError as error:
                self.dismiss(_BAD_MESSAGE, str(error)[:100])
                return
            match message:
                case Ping():
                    await self._send(messages.pong())
                case Ack(request_id=request_id):
                    if (taken := self._unacknowledged.pop(request_id, None)) is not None and not taken.done():
                        taken.set_result(None)
                case Eof():
                    pass
                case Interrupt(request_id=request_id):
                    if (task := self._requests.pop(request_id, None)) is not None:
                        task.cancel()
                    await self._send(messages.interrupted(request_id))
                case Request():
                    if len(self._requests) >= MOST_REQUESTS or message.id in self._requests:
                        self.dismiss(_TOO_MANY, "too many requests at once")
                        return
                    self._requests[message.id] = asyncio.create_task(self._answer(message))

    async def _answer(self, request: Request) -> None:
        # A push waits for the one before it, and for nothing else: it continues that one's numbers.
        in_turn = self._pushing if request.tag.endswith(".Push") else contextlib.nullcontext()
        is_pull = request.tag.endswith(".Pull")
        try:
            async with in_turn:
                async for frame in self._calls.answer(request):
                    taken = self._unacknowledged[request.id] = asyncio.get_running_loop().create_future()
                    await self._send(frame)
                    if is_pull:
                        await _at_most(taken)
        except (WebSocketDisconnect, RuntimeError):
            return  # the reader hears of the end and ends the connection
        except Exception:
            self.dismiss(_FAILED, "the server failed; connect again")  # a client whose call is never answered waits for ever
            raise
        finally:
            self._unacknowledged.pop(request.id, None)
            if self._requests.get(request.id) is asyncio.current_task():
                del self._requests[request.id]

    async def _send(self, frame: bytes) -> None:
        async with self._sending:
            await self._websocket.send({"type": "websocket.send", "text": frame.decode()})


async def _at_most(taken: asyncio.Future[None]) -> None:
    """Wait for the client to take a chunk: what comes meanwhile is one chunk more, not many."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ACKNOWLEDGED_WITHIN_S):
            await taken
