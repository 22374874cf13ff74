"""The server's log as a model: a transaction is on disk at one moment, and its writers hear of it at a later one.

A killed server loses what was not committed; what was committed and not announced is there when the next one opens it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from runtime_server.log import Batch, Done, EventLog, OpenedStore, Outcome, PastEvent, Record, SessionHead

from .loop import SimulatedLoop


@dataclass(slots=True)
class LogDisk:
    """What outlives servers. With `full` it takes nothing more."""

    backend: str = "log-1"
    full: bool = False
    bodies: list[bytes] = field(default_factory=list[bytes])
    marked: list[PastEvent] = field(default_factory=list[PastEvent])
    records: dict[tuple[str, int], Record] = field(default_factory=dict[tuple[str, int], Record])
    sessions: dict[str, SessionHead] = field(default_factory=dict[str, SessionHead])

    def commit(self, batch: Batch, now_ms: int) -> Outcome:
        """Record one batch, as `SqliteEventLog` does in its transaction."""
        if not self.continues(batch):
            return "out-of-order"
        if any((decision.session, decision.n) in self.records for decision in batch.decisions):
            raise KeyError(f"UNIQUE constraint: decisions {[decision[:2] for decision in batch.decisions]}")
        for session, n, client_id, digest, body, code, message, marked in batch.decisions:
            if body is not None:
                self.bodies.append(body)
                if marked:
                    self.marked.append(PastEvent(body, now_ms))
            seq = len(self.bodies) if body is not None else None
            self.records[session, n] = Record(n, digest, seq, code, message)
            self.sessions[session] = SessionHead(client_id, n)
        return "durable"

    def continues(self, batch: Batch) -> bool:
        """Tell whether a batch is of somebody who knows the whole log."""
        return batch.first == len(self.bodies) + 1


@final
class ModelLog(EventLog):
    """One server's handle on the disk.

    Args:
        disk: What it writes to.
        loop: The server's.
        commit_s: Draws how long a transaction takes.
        answer_s: Draws how long after it its writers hear of it.
        on_fatal: Ends the server, when nobody can know what is on disk.
    """

    def __init__(
        self,
        disk: LogDisk,
        loop: SimulatedLoop,
        commit_s: Callable[[], float],
        answer_s: Callable[[], float],
        on_fatal: Callable[[str], None],
    ) -> None:
        self._disk = disk
        self._loop = loop
        self._commit_s = commit_s
        self._answer_s = answer_s
        self._on_fatal = on_fatal
        self._queue: list[tuple[Batch, Done]] = []
        self._busy = False

    async def create_store(self, store_id: str, title: str, path: str | None = None) -> bool:
        return False

    async def delete_store(self, store_id: str) -> bool:
        return False

    async def open_store(self, store_id: str) -> OpenedStore | None:
        await self._wait()
        disk = self._disk
        return OpenedStore(backend=disk.backend, head=len(disk.bodies), sessions=dict(disk.sessions), marked=list(disk.marked))

    def append(self, batch: Batch, done: Done) -> None:
        self._queue.append((batch, done))
        self._begin()

    async def read(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[bytes]:
        await self._wait()
        page: list[bytes] = []
        for body in self._disk.bodies[after : after + max_events]:
            if page and sum(map(len, page)) + len(body) > max_bytes:
                break
            page.append(body)
        return page

    async def history(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[PastEvent]:
        return [PastEvent(body, 0) for body in await self.read(store_id, after, max_events, max_bytes)]

    async def size_after(self, store_id: str, after: int) -> int:
        await self._wait()
        return sum(map(len, self._disk.bodies[after:]))

    async def records(self, store_id: str, session: str, first_n: int, last_n: int) -> list[Record]:
        await self._wait()
        found = (self._disk.records.get((session, n)) for n in range(first_n, last_n + 1))
        return [record for record in found if record is not None]

    async def active_stores(self) -> list[str]:
        return []

    async def _wait(self) -> None:
        await self._loop.run_in_executor(None, int)

    def _begin(self) -> None:
        if not self._busy and self._queue:
            self._busy = True
            self._loop.world.after(self._commit_s(), self._commit)

    def _commit(self) -> None:
        loop, disk = self._loop, self._disk
        if loop.dead:
            return
        if loop.frozen_until > loop.world.now:
            loop.world.at(loop.frozen_until, self._commit)
            return
        group, self._queue = self._queue, []
        try:
            answers = [(done, "full" if disk.full else disk.commit(batch, loop.world.now_ms())) for batch, done in group]
        except KeyError as exc:
            self._on_fatal(str(exc))
            return
        loop.world.after(self._answer_s(), self._answer, answers)

    def _answer(self, answers: list[tuple[Done, Outcome]]) -> None:
        if self._loop.dead:
            return
        self._busy = False
        for done, outcome in answers:
            self._loop.call_soon(done, outcome)
        self._begin()
