"""The state of one notebook on the server, made only when somebody asks for it and off the append path."""

import asyncio
import logging
from typing import final

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
from runtime_store.errors import DamagedImageError
from runtime_store.sqlite import Database, open_image, open_memory, write_image

from .images import Image, ImageFolder
from .log import EventLog

_LOG = logging.getLogger("runtime_server.replica")
_PAGE_EVENTS, _PAGE_BYTES = 2_000, 4 * 1024 * 1024


@final
class Replica:
    """Begins from the newest image there is, and replays the log from there."""

    def __init__(self, store_id: str, log: EventLog, images: ImageFolder) -> None:
        self._store_id = store_id
        self._log = log
        self._images = images
        self._kept: _Tables | None = None
        self._lock = asyncio.Lock()

    async def state(self, seq: int | None = None) -> NotebookState:
        """Give the rows of the state as of now, which the next call continues from; or of the state after event `seq`."""
        async with self._lock:
            if seq is not None:
                tables = await self._begin(seq)
                try:
                    await self._replay(tables, seq)
                    return await asyncio.to_thread(tables.rows)
                finally:
                    tables.close()
            if self._kept is None:
                self._kept = await self._begin(None)
            await self._replay(self._kept, None)
            return await asyncio.to_thread(self._kept.rows)

    async def make_image(self) -> Image:
        """Keep an image of the state as of now."""
        async with self._lock:
            tables = self._kept or await self._begin(None)
            try:
                await self._replay(tables, None)
                return await asyncio.to_thread(lambda: self._images.put(self._store_id, tables.head, write_image(tables.db)))
            finally:
                if tables is not self._kept:
                    tables.close()

    async def _begin(self, seq: int | None) -> "_Tables":
        for image in await asyncio.to_thread(self._images.all, self._store_id):
            if seq is not None and image.seq > seq:
                continue
            data = await asyncio.to_thread(self._images.read, self._store_id, image)
            if data is None:
                problem = "its bytes are not those of its hash"
            else:
                try:
                    return _Tables(open_image(data), image.seq)
                except DamagedImageError as exc:
                    problem = str(exc)
            _LOG.warning("image %s of notebook %s at %d is left out: %s", image.sha256, self._store_id, image.seq, problem)
            await asyncio.to_thread(self._images.discard, self._store_id, image)
        db = open_memory()
        create_state(db)
        return _Tables(db, 0)

    async def _replay(self, tables: "_Tables", seq: int | None) -> None:
        while seq is None or tables.head < seq:
            most = _PAGE_EVENTS if seq is None else min(_PAGE_EVENTS, seq - tables.head)
            bodies = await self._log.read(self._store_id, tables.head, most, _PAGE_BYTES)
            if not bodies:
                return
            await asyncio.to_thread(tables.apply, bodies)


class _Tables:
    """A state and the seq of the last event in it."""

    def __init__(self, db: Database, head: int) -> None:
        self.db = db
        self.head = head

    def apply(self, bodies: list[bytes]) -> None:
        with self.db:
            for body in bodies:
                name, args, client_id, session, _ = msgspec.json.decode(body)
                materialize(self.db, name, args, client_id, session)
        self.head += len(bodies)

    def rows(self) -> NotebookState:
        db = self.db
        return NotebookState(
            metadata=[MetadataRow(*row) for row in db.execute(METADATA.sql)],
            cells=[CellRow(*row) for row in db.execute(CELLS.sql)],
            executions=[ExecutionRow(*row) for row in db.execute(EXECUTIONS.sql)],
            outputs=[OutputRow(*row) for row in db.execute(ALL_OUTPUTS.sql)],
            chunks=[ChunkRow(*row) for row in db.execute(ALL_CHUNKS.sql)],
        )

    def close(self) -> None:
        self.db.close()
