"""An event log in memory. It cheats: nothing is on disk, and it can be told that the disk is full or slow."""

import asyncio
from dataclasses import dataclass, field
from typing import final

from runtime_server.log import Batch, Done, EventLog, OpenedStore, Outcome, PastEvent, Record, SessionHead


@dataclass(slots=True)
class _Store:
    backend: str
    bodies: list[bytes] = field(default_factory=list[bytes])
    marked: list[PastEvent] = field(default_factory=list[PastEvent])
    records: dict[tuple[str, int], Record] = field(default_factory=dict[tuple[str, int], Record])
    sessions: dict[str, SessionHead] = field(default_factory=dict[str, SessionHead])
    active: bool = False


@final
class InMemoryEventLog(EventLog):
    """With `full` it refuses batches; with `held` it keeps them waiting until `release`."""

    def __init__(self) -> None:
        self.full = False
        self.held = False
        self._stores: dict[str, _Store] = {}
        self._queue: list[tuple[Batch, Done]] = []
        self._made = 0

    async def create_store(self, store_id: str, title: str, path: str | None = None) -> bool:
        if store_id in self._stores:
            return False
        self._made += 1
        self._stores[store_id] = _Store(f"memory-{self._made}")
        return True

    async def delete_store(self, store_id: str) -> bool:
        return self._stores.pop(store_id, None) is not None

    async def open_store(self, store_id: str) -> OpenedStore | None:
        store = self._stores.get(store_id)
        if store is None:
            return None
        return OpenedStore(backend=store.backend, head=len(store.bodies), sessions=dict(store.sessions), marked=list(store.marked))

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
        page: list[bytes] = []
        for body in store.bodies[after : after + max_events] if store else ():
            if page and sum(map(len, page)) + len(body) > max_bytes:
                break
            page.append(body)
        return page

    async def history(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[PastEvent]:
        return [PastEvent(body, 0) for body in await self.read(store_id, after, max_events, max_bytes)]

    async def size_after(self, store_id: str, after: int) -> int:
        store = self._stores.get(store_id)
        return sum(map(len, store.bodies[after:])) if store else 0

    async def records(self, store_id: str, session: str, first_n: int, last_n: int) -> list[Record]:
        store = self._stores.get(store_id)
        found = (store.records.get((session, n)) for n in range(first_n, last_n + 1)) if store else ()
        return [record for record in found if record is not None]

    async def active_stores(self) -> list[str]:
        return [store_id for store_id, store in self._stores.items() if store.active]

    def _append(self, batch: Batch) -> Outcome:
        store = self._stores.get(batch.store_id)
        if self.full:
            return "full"
        if store is None or batch.first != len(store.bodies) + 1:
            return "out-of-order"
        for session, n, client_id, digest, body, code, message, marked in batch.decisions:
            if body is not None:
                store.bodies.append(body)
                if marked:
                    store.marked.append(PastEvent(body, 0))
            store.records[session, n] = Record(n, digest, len(store.bodies) if body is not None else None, code, message)
            store.sessions[session] = SessionHead(client_id, n)
        if batch.active is not None:
            store.active = batch.active
        return "durable"
