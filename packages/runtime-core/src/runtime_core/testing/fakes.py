"""Time, ids and artifacts under a test's control, and a way to let the loop come to rest."""

import asyncio
import hashlib
import heapq
from typing import final

from runtime_core.errors import ArtifactUnavailableError
from runtime_core.ports import ArtifactStore, Clock, IdSource


async def settle(turns: int = 100) -> None:
    """Let everything that is ready to go on do so."""
    loop = asyncio.get_running_loop()
    for _ in range(turns):
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn


@final
class ManualClock(Clock):
    """Time that stands still until it is moved."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._start_ms = now_ms
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now_ms(self) -> int:
        return self._start_ms + round(self._elapsed_s * 1000)

    def monotonic(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._elapsed_s + seconds, self._count, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Move time on, and let those who sleep until then go on, one after the other in order of their time."""
        await settle()
        end = self._elapsed_s + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self._elapsed_s = due
                woken.set_result(None)
                await settle()
        self._elapsed_s = end
        await settle()


@final
class CountingIds(IdSource):
    """Counts: `<prefix>1`, `<prefix>2` and so on."""

    def __init__(self, prefix: str = "id-") -> None:
        self._prefix = prefix
        self._count = 0

    def new_id(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"


@final
class InMemoryArtifacts(ArtifactStore):
    """Keeps bytes in a dict, `kept`, by hash."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes, mime_type: str) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        self.kept[sha256] = data
        return sha256

    async def get(self, sha256: str) -> bytes:
        if sha256 not in self.kept:
            raise ArtifactUnavailableError(sha256, "was never put here")
        return self.kept[sha256]
