"""A client that sends and receives frame by frame, for tests of what a server answers."""

import contextlib
from types import TracebackType
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from runtime_schema.hashes import RULES_HASH, SCHEMA_HASH
from runtime_schema.wire import SUBPROTOCOL

Frame = dict[str, Any]  # Any: JSON of a frame, as the server sent it


class RawClient:
    """One WebSocket. `async with RawClient(url, store_id, token) as client:` connects and, unless told not to, greets."""

    def __init__(self, url: str, store_id: str, token: str, session: str = "s1", *, head: int | None = 0, greet: bool = True) -> None:
        self.session = session
        self.welcome: Frame = {}
        self.socket: ClientConnection
        self._url = f"{url.replace('http', 'ws', 1)}/sync/{store_id}"
        self._token = token
        self._head = head
        self._greet = greet

    async def __aenter__(self) -> "RawClient":
        """Connect; say hello, and `from` unless `head` is None."""
        headers = {"Authorization": f"Bearer {self._token}"}
        self.socket = await connect(
            self._url, subprotocols=[Subprotocol(SUBPROTOCOL)], additional_headers=headers, compression=None, max_size=None, proxy=None
        )
        if self._greet:
            await self.send({"t": "hello", "session": self.session, "rules": RULES_HASH, "schema": SCHEMA_HASH})
            self.welcome = await self.receive("welcome")
            if self._head is not None:
                await self.send({"t": "from", "head": self._head})
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        await self.socket.close()

    async def send(self, frame: object) -> None:
        """Send a frame."""
        await self.socket.send(msgspec.json.encode(frame).decode())

    async def push(self, n: int, *sources: str, session: str | None = None) -> None:
        """Push `CellSourceSet` events from `n` on, one a source."""
        events = [
            {"n": n + place, "name": "v1.CellSourceSet", "args": {"cellId": "c", "source": source}} for place, source in enumerate(sources)
        ]
        await self.send({"t": "push", "events": events} | ({} if session is None else {"session": session}))

    async def push_event(self, n: int, name: str, args: Frame) -> None:
        """Push one event."""
        await self.send({"t": "push", "events": [{"n": n, "name": name, "args": args}]})

    async def receive(self, kind: str) -> Frame:
        """Give the next frame, which must be of this kind; pings do not count."""
        while True:
            frame: Frame = msgspec.json.decode(await self.socket.recv())
            if frame["t"] != "ping" or kind == "ping":
                assert frame["t"] == kind, frame
                return frame

    async def events(self, count: int) -> list[tuple[int, list[Any]]]:  # Any: an event's list
        """Give so many events with their numbers, from as many frames as it takes."""
        found: list[tuple[int, list[Any]]] = []
        while len(found) < count:
            frame = await self.receive("events")
            found += [(frame["first"] + place, event) for place, event in enumerate(frame["events"])]
        return found

    async def drain(self) -> None:
        """Receive and drop frames until the server or the network ends the connection."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.socket.recv()

    async def closed(self) -> int | None:
        """Wait for the end; give the close code."""
        await self.socket.wait_closed()
        return self.socket.close_code
