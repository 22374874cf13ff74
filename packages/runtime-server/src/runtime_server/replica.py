"""The state of one notebook on the server, made only when somebody asks for it and off the append path."""

import asyncio

import msgspec

from runtime_schema.ipynb_events import NotebookState
from runtime_schema.materialize import create_state, materialize
from runtime_schema.queries import (
    ALL_CHUNKS,
    ALL_OUTPUTS,
    CELLS,
    EXECUTIONS,
    METADATA,
    CellRow,
    ChunkRow,
    ExecutionRow,
    MetadataRow,
    OutputRow,
)
from runtime_store.sqlite import Database, open_memory

from .log import EventLog

_PAGE_EVENTS, _PAGE_BYTES = 2_000, 4 * 1024 * 1024


class Replica:
    """Replays the log from where it was left."""

    def __init__(self, store_id: str, log: EventLog) -> None:
        self._store_id = store_id
        self._log = log
        self._db: Database | None = None
        self._head = 0
        self._lock = asyncio.Lock()

    async def state(self) -> NotebookState:
        """Give the rows of the state as of now."""
        async with self._lock:
            while bodies := await self._log.read(self._store_id, self._head, _PAGE_EVENTS, _PAGE_BYTES):
                await asyncio.to_thread(self._apply, bodies)
            return await asyncio.to_thread(self._rows)

    def _connection(self) -> Database:
        if self._db is None:
            self._db = open_memory()
            create_state(self._db)
        return self._db

    def _apply(self, bodies: list[bytes]) -> None:
        db = self._connection()
        db.execute("BEGIN")
        for body in bodies:
            name, args, client_id, session, _ = msgspec.json.decode(body)
            materialize(db, name, args, client_id, session)
        db.execute("COMMIT")
        self._head += len(bodies)

    def _rows(self) -> NotebookState:
        db = self._connection()
        return NotebookState(
            metadata=[MetadataRow(*row) for row in db.execute(METADATA.sql)],
            cells=[CellRow(*row) for row in db.execute(CELLS.sql)],
            executions=[ExecutionRow(*row) for row in db.execute(EXECUTIONS.sql)],
            outputs=[OutputRow(*row) for row in db.execute(ALL_OUTPUTS.sql)],
            chunks=[ChunkRow(*row) for row in db.execute(ALL_CHUNKS.sql)],
        )
