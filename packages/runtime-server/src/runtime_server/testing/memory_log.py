"""An event log in memory. It cheats: nothing is on disk, and it can be told that the disk is full or slow."""

import asyncio
from dataclasses import dataclass, field
from typing import final

from runtime_server.log import Batch, Done, EventLog, OpenedStore, Outcome, PastEvent, Record, SessionHead


@dataclass(slots=True)
class LogContents:
    """What a log has of one store."""

    backend: str
    bodies: list[bytes] = field(default_factory=list[bytes])
    marked: list[PastEvent] = field(default_factory=list[PastEvent])
    decisions: dict[tuple[str, int], Record] = field(default_factory=dict[tuple[str, int], Record])
    sessions: dict[str, SessionHead] = field(default_factory=dict[str, SessionHead])
    active: bool = False

    def opened(self) -> OpenedStore:
        """Give what a server reads first."""
        return OpenedStore(backend=self.backend, head=len(self.bodies), sessions=dict(self.sessions), marked=list(self.marked))

    def commit(self, batch: Batch, now_ms: int) -> Outcome:
        """Record one batch, as `SqliteEventLog` does in its transaction.

        Raises:
            KeyError: A decision about the same event of its session is there already.
        """
        if not self.continues(batch):
            return "out-of-order"
        if any((decision.session, decision.n) in self.decisions for decision in batch.decisions):
            raise KeyError(f"UNIQUE constraint: decisions {[decision[:2] for decision in batch.decisions]}")
        for session, n, client_id, digest, body, code, message, marked in batch.decisions:
            if body is not None:
                self.bodies.append(body)
                if marked:
                    self.marked.append(PastEvent(body, now_ms))
            seq = len(self.bodies) if body is not None else None
            self.decisions[session, n] = Record(n, digest, seq, code, message)
            self.sessions[session] = SessionHead(client_id, n)
        if batch.active is not None:
            self.active = batch.active
        return "durable"

    def continues(self, batch: Batch) -> bool:
        """Tell whether a batch is of somebody who knows the whole log."""
        return batch.first == len(self.bodies) + 1

    def page(self, after: int, max_events: int, max_bytes: int) -> list[bytes]:
        """Give the bodies after a seq; at least one, if there is one."""
        page: list[bytes] = []
        for body in self.bodies[after : after + max_events]:
            if page and sum(map(len, page)) + len(body) > max_bytes:
                break
            page.append(body)
        return page

    def size_after(self, after: int) -> int:
        """Tell how many bytes the bodies after a seq have."""
        return sum(map(len, self.bodies[after:]))

    def found(self, session: str, first_n: int, last_n: int) -> list[Record]:
        """Give what was decided about a session's events."""
        found = (self.decisions.get((session, n)) for n in range(first_n, last_n + 1))
        return [record for record in found if record is not None]


@final
class InMemoryEventLog(EventLog):
    """With `full` it refuses batches; with `held` it keeps them waiting until `release`."""

    def __init__(self) -> None:
        self.full = False
        self.held = False
        self._stores: dict[str, LogContents] = {}
        self._queue: list[tuple[Batch, Done]] = []
        self._made = 0

    async def create_store(self, store_id: str, title: str, path: str | None = None) -> bool:
        if store_id in self._stores:
            return False
        self._made += 1
        self._stores[store_id] = LogContents(f"memory-{self._made}")
        return True

    async def delete_store(self, store_id: str) -> bool:
        return self._stores.pop(store_id, None) is not None

    async def open_store(self, store_id: str) -> OpenedStore | None:
        store = self._stores.get(store_id)
        return store.opened() if store else None

    def append(self, batch: Batch, done: Done) -> None:
        self._queue.append((batch, done))
        if not self.held:
            asyncio.get_running_loop().call_soon(self.release)

    def release(self) -> None:
        """Decide about all that was queued."""
        queue, self._queue = self._queue, []
        for batch, done in queue:
            done(self._append(batch))

    async def read(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[bytes]:
        store = self._stores.get(store_id)
        return store.page(after, max_events, max_bytes) if store else []

    async def history(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[PastEvent]:
        return [PastEvent(body, 0) for body in await self.read(store_id, after, max_events, max_bytes)]

    async def size_after(self, store_id: str, after: int) -> int:
        store = self._stores.get(store_id)
        return store.size_after(after) if store else 0

    async def records(self, store_id: str, session: str, first_n: int, last_n: int) -> list[Record]:
        store = self._stores.get(store_id)
        return store.found(session, first_n, last_n) if store else []

    async def active_stores(self) -> list[str]:
        return [store_id for store_id, store in self._stores.items() if store.active]

    def _append(self, batch: Batch) -> Outcome:
        store = self._stores.get(batch.store_id)
        if self.full:
            return "full"
        return store.commit(batch, 0) if store else "out-of-order"
