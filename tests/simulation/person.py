"""A person at a page: reads what the page shows and commits what a person would."""

import contextlib
import itertools
import random
from dataclasses import dataclass, field

from runtime_schema.events import (
    BatchItem,
    CellCreated,
    CellDeleted,
    CellMoved,
    CellSourceSet,
    Event,
    ExecutionBatchRequested,
    ExecutionCancelRequested,
    ExecutionRequested,
    FilePut,
    RuntimeSessionTerminated,
)
from runtime_schema.ids import BatchId, CellId, ExecutionId, RuntimeSessionId, StoreSessionId
from runtime_schema.queries import ACTIVE_SESSION, CELLS, OPEN_EXECUTIONS, CellRow
from runtime_store.errors import StoreClosedError, StoreFileError
from runtime_store.store import Store

from .programs import SOURCES
from .records import Life, WatchedStore
from .server_node import MISSING_SHA256
from .world import World


@dataclass(slots=True)
class Person:
    """Somebody at a page.

    Args:
        world: Time.
        name: Prefix of the ids they make.
        dice: What they choose by.
    """

    world: World
    name: str
    dice: random.Random
    count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def act(self, what: str, life: Life) -> None:
        """Do something at the page of this life; it must be running on its loop."""
        store = life.store
        if store is None:
            return
        watched = WatchedStore(store, life)
        try:
            for event in self._events(what, store):
                watched.commit(event)
            if what in ("stop", "restart"):
                self._tell(what, life, store)
        except (StoreClosedError, StoreFileError):
            pass

    def _events(self, what: str, store: Store) -> list[Event]:
        dice = self.dice
        cells = store.query(CELLS)
        cell = dice.choice(cells) if cells else None
        if what == "create" or cell is None:
            return [CellCreated(cell_id=CellId(self._id("c")), cell_type="code", position=self._position(), source=self._source())]
        cell_id = CellId(cell.id)
        match what:
            case "edit":
                return [CellSourceSet(cell_id=cell_id, source=self._source())]
            case "type":
                return [CellSourceSet(cell_id=cell_id, source=self._source()) for _ in range(dice.randint(2, 5))]
            case "move":
                return [CellMoved(cell_id=cell_id, position=self._position())]
            case "delete":
                return [CellDeleted(cell_id=cell_id)]
            case "put-file":
                sha256 = dice.choice((MISSING_SHA256, "a" * 64))
                path = f"{self.name}/{next(self.count)}"
                return [FilePut(path=path, sha256=sha256, mime_type="text/plain", size_bytes=1, created_ms=self.world.now_ms())]
            case "run":
                return [self._request(cell)]
            case "run-all":
                items = tuple(
                    BatchItem(execution_id=ExecutionId(self._id("e")), cell_id=CellId(row.id), source=row.source) for row in cells[:3]
                )
                stop = dice.random() < 0.7
                return [
                    ExecutionBatchRequested(
                        batch_id=BatchId(self._id("b")), stop_on_error=stop, items=items, requested_ms=self.world.now_ms()
                    )
                ]
            case "cancel":
                rows = store.query(OPEN_EXECUTIONS)
                return [ExecutionCancelRequested(execution_id=ExecutionId(dice.choice(rows).id), reason="user")] if rows else []
            case "cancel-all":
                return [ExecutionCancelRequested(all=True, reason="user")]
            case "evict":
                rows = store.query(ACTIVE_SESSION)
                return [RuntimeSessionTerminated(session_id=RuntimeSessionId(row.session_id), reason="evicted") for row in rows]
            case _:
                return []

    def _request(self, cell: CellRow) -> ExecutionRequested:
        return ExecutionRequested(
            execution_id=ExecutionId(self._id("e")), cell_id=CellId(cell.id), source=cell.source, requested_ms=self.world.now_ms()
        )

    def _tell(self, what: str, life: Life, store: Store) -> None:
        for row in store.query(ACTIVE_SESSION, confirmed=True):
            life.loop.create_task(_ask(store, f"runtime.{what}", row.session_id, StoreSessionId(row.store_session_id)))

    def _id(self, kind: str) -> str:
        return f"{kind}-{self.name}-{next(self.count)}"

    def _position(self) -> str:
        return f"a{self.dice.randint(1, 9)}"

    def _source(self) -> str:
        return f"{self.dice.choice(SOURCES)}#{self.name}.{next(self.count)}"


async def _ask(store: Store, topic: str, session_id: str, to: StoreSessionId) -> None:
    with contextlib.suppress(TimeoutError, StoreClosedError):
        await store.send_live(topic, {"sessionId": session_id}, to=to)
