"""Real LiveStore clients in a Node process, of the packages in ui/livestore: told what to do, line by line."""

import asyncio
import itertools
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

_LIVESTORE = Path(__file__).parents[2] / "ui" / "livestore"
_RUN = [str(_LIVESTORE / "node_modules" / ".bin" / "vite-node"), "clients/peer.ts"]
_START_S, _ANSWER_S = 60.0, 20.0


class PeerProblemError(Exception):
    """The client could not do what it was told."""


class LiveStorePeers:
    """The process; each client in it is a store of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def ask(self, peer: int, command: dict[str, object], within_s: float) -> Any:  # Any: JSON
        """Tell a client something and give its answer.

        Raises:
            PeerProblemError: It says that it could not.
        """
        assert self._process.stdin is not None
        answer = next(self._ids)
        self._answers[answer] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"answer": answer, "peer": peer, "command": command}).encode() + b"\n")
        try:
            async with asyncio.timeout(within_s):
                return await self._answers[answer]
        finally:
            del self._answers[answer]

    async def listen(self, ready: asyncio.Future[None]) -> None:
        """Hand out answers until the process ends; other lines, which LiveStore writes, are shown where a test fails."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            try:
                found: dict[str, Any] = json.loads(line)  # Any: JSON
                number: int = found["answer"]
            except (ValueError, TypeError, KeyError):
                print("peer:", line.decode(errors="replace").rstrip())
                continue
            if number == 0:
                ready.set_result(None)
            elif (answer := self._answers.get(number)) is not None and not answer.done():
                if "problem" in found:
                    answer.set_exception(PeerProblemError(found["problem"]))
                else:
                    answer.set_result(found["value"])

    @asynccontextmanager
    async def open(
        self,
        url: str,
        store_id: str,
        token: str,
        client_id: str = "local/laptop",
        *,
        session_id: str = "s1",
        transport: str = "ws",
        folder: Path | None = None,
        lenient: bool = False,
    ) -> AsyncGenerator["LiveStorePeer"]:
        """Open a client's store, and close it."""
        peer = LiveStorePeer(self, next(self._ids))
        settings: dict[str, object] = {"url": url, "storeId": store_id, "token": token, "clientId": client_id, "sessionId": session_id}
        settings |= {"transport": transport, "lenient": lenient}
        if folder is not None:
            settings["folder"] = str(folder)
        await peer.ask({"do": "open", "settings": settings})
        try:
            yield peer
        finally:
            with suppress(PeerProblemError, TimeoutError):
                await peer.ask({"do": "close"}, 5.0)


class LiveStorePeer:
    """One client."""

    def __init__(self, peers: LiveStorePeers, place: int) -> None:
        self._peers = peers
        self._place = place

    async def ask(self, command: dict[str, object], within_s: float = _ANSWER_S) -> Any:  # Any: JSON
        """Tell it something and give its answer."""
        return await self._peers.ask(self._place, command, within_s)

    async def commit(self, *events: tuple[str, object]) -> None:
        """Commit events, name and args."""
        await self.ask({"do": "commit", "events": events})

    async def rows(self, sql: str) -> list[dict[str, Any]]:  # Any: SQLite values
        """Read its state."""
        return await self.ask({"do": "rows", "sql": sql})

    async def until(self, sql: str, value: object) -> None:
        """Wait until the first value of the first row is this one."""
        await self.ask({"do": "await", "sql": sql, "value": value})

    async def pushed(self, within_s: float = _ANSWER_S) -> float:
        """Wait until the server has recorded all that it committed; gives the milliseconds that took."""
        return await self.ask({"do": "pushed"}, within_s)

    async def state(self) -> dict[str, int]:
        """Give how many events are pending, and the local and upstream heads of its leader."""
        return await self.ask({"do": "state"})

    async def ended(self) -> None:
        """Wait until LiveStore has shut the store down."""
        await self.ask({"do": "ended"})


@asynccontextmanager
async def livestore_peers() -> AsyncGenerator[LiveStorePeers]:
    """Start the process, and end it."""
    process = await asyncio.create_subprocess_exec(
        *_RUN,
        cwd=_LIVESTORE,
        env={**os.environ, "NODE_ENV": "production"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16 * 1024 * 1024,
    )
    peers = LiveStorePeers(process)
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    listening = asyncio.create_task(peers.listen(ready))
    try:
        async with asyncio.timeout(_START_S):
            await ready
        yield peers
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5.0)
        except TimeoutError:
            process.kill()
            await process.wait()
        await listening
