"""A network between a client and a server on this machine that a test can cut, silence, slow down and heal.

Requests are let through to a server that answers to its own name only, so the proxy's address in them becomes the server's.
"""

import asyncio
from contextlib import suppress
from typing import Any, Literal, final

_READ_BYTES = 64 * 1024


@final
class TcpProxy:
    """Passes TCP on to 127.0.0.1:`target`.

    `cut`: connections are torn and new ones refused. `silence`: connections stay and nothing comes through, as when a
    cable is pulled. Both until `heal`, which keeps no connection of before.
    """

    def __init__(self, target: int, *, without: tuple[bytes, ...] = ()) -> None:
        """`without` are headers, in lower case, that the server's answers lose on their way."""
        self._target = target
        self.without = without
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()  # Any: whatever asyncio runs a connection in
        self._state: Literal["open", "cut", "silent"] = "open"
        self._healed = asyncio.Event()
        self.delay_s = 0.0
        self.connections = 0
        """How many were accepted so far."""

    async def start(self) -> None:
        """Listen; `port` is known then."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Tear every connection and refuse new ones."""
        self._state = "cut"
        self._healed.clear()
        self._tear()

    def silence(self) -> None:
        """Let nothing through, and say so to nobody."""
        self._state = "silent"
        self._healed.clear()

    def heal(self) -> None:
        """Be a network again; what was connected before is not."""
        self._state = "open"
        self._tear()
        self._healed.set()

    async def heal_after(self, seconds: float) -> None:
        """Heal later; returns then. This is the length of the outage, which is what a test is about."""
        asyncio.get_running_loop().call_later(seconds, self.heal)
        await self._healed.wait()

    async def stop(self) -> None:
        """Stop listening and drop everything."""
        self._tear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _tear(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if self._state == "cut" or task is None:
            writer.transport.abort()
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        upstream: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError, asyncio.CancelledError):  # `stop` cancels, and asyncio would log that
                answers, upstream = await asyncio.open_connection("127.0.0.1", self._target)
                self._writers.add(upstream)
                await asyncio.gather(self._pump(reader, upstream, inbound=True), self._pump(answers, writer, inbound=False))
        finally:
            for end in (writer, upstream):
                if end is not None:
                    self._writers.discard(end)
                    end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, inbound: bool) -> None:
        with suppress(OSError):
            while data := await source.read(_READ_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self._state == "silent":
                    await self._healed.wait()
                    break
                if inbound:
                    data = data.replace(f"127.0.0.1:{self.port}".encode(), f"127.0.0.1:{self._target}".encode())
                for header in () if inbound else self.without:
                    data = data.replace(b"\r\n" + header + b":", b"\r\nx-gone:")
                target.write(data)
                await target.drain()
        with suppress(OSError, RuntimeError):  # the other end may be gone already
            target.write_eof()
