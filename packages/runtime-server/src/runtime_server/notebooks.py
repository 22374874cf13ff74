"""The list of notebooks, and notebooks as .ipynb files: import and export."""

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from runtime_schema.errors import InvalidNotebookError
from runtime_schema.events import JsonText, NotebookMetadataSet
from runtime_schema.ids import uuid7
from runtime_schema.ipynb import read_notebook, write_notebook
from runtime_schema.ipynb_events import export_notebook, import_notebook
from runtime_schema.json_text import encode

from .artifacts import ArtifactFolder
from .database import Database, Sql
from .errors import ApiError
from .images import ImageFolder
from .log import EventLog
from .room_host import RoomHost
from .rooms import Rooms

HISTORY_BYTES = 1024 * 1024
_COLUMNS = "store_id, title, created_ms, updated_ms, path"
_STRANGE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


class Notebook(Struct, omit_defaults=True, rename={"created_ms": "createdMs", "updated_ms": "updatedMs"}):
    """A notebook as the API lists it; `path` is the file that it mirrors, if any."""

    id: str
    title: str
    created_ms: int
    updated_ms: int
    path: str | None = None


class HistoryEvent(Struct, rename="camel"):
    """One event of a notebook's log: its place, when the server recorded it, and the event as replicas see it."""

    seq: int
    recorded_ms: int
    name: str
    args: msgspec.Raw
    client_id: str
    store_session_id: str
    n: int


class History(Struct):
    """A page of a notebook's log, in order; `head` is the place of the newest event there is."""

    head: int
    events: list[HistoryEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebooks:
    """All notebooks of one server."""

    database: Database
    log: EventLog
    rooms: Rooms
    artifacts: ArtifactFolder
    images: ImageFolder
    now_ms: Callable[[], int]

    async def list(self) -> list[Notebook]:
        """Give all notebooks, the latest changed first."""
        rows = await self.database.read(lambda db: list(db.execute(f"SELECT {_COLUMNS} FROM stores ORDER BY updated_ms DESC, key DESC")))
        return [Notebook(*row) for row in rows]

    async def get(self, notebook_id: str) -> Notebook:
        """Give one notebook.

        Raises:
            ApiError: There is none.
        """
        rows = await self.database.read(lambda db: list(db.execute(f"SELECT {_COLUMNS} FROM stores WHERE store_id = ?", (notebook_id,))))
        if not rows:
            raise ApiError(404, "not-found", f"there is no notebook {notebook_id}")
        return Notebook(*rows[0])

    async def create(self, title: str, path: str | None = None) -> Notebook:
        """Make an empty notebook."""
        notebook_id = self._new_id()
        await self.log.create_store(notebook_id, title, path)
        host = await self._host(notebook_id)
        await host.commit([NotebookMetadataSet(key="title", value=JsonText(encode(title)))])
        return await self.get(notebook_id)

    async def rename(self, notebook_id: str, title: str) -> Notebook:
        """Give a notebook another title, by an event as everybody does."""
        host = await self._host(notebook_id)
        await host.commit([NotebookMetadataSet(key="title", value=JsonText(encode(title)))])
        await self.set_title(notebook_id, title)
        return await self.get(notebook_id)

    async def delete(self, notebook_id: str) -> None:
        """Remove a notebook: its log, its artifacts, its place in the list."""
        await self.get(notebook_id)
        await self.log.delete_store(notebook_id)  # first, so that nobody opens it anew
        await self.rooms.forget(notebook_id)
        await self.artifacts.delete_all(notebook_id)
        await asyncio.to_thread(self.images.delete_all, notebook_id)

    async def set_title(self, notebook_id: str, title: str) -> None:
        """Keep the title that an event has set."""
        await set_title(self.database, notebook_id, title)

    async def settle(self, notebook_id: str) -> None:
        """Wait until what follows from the events recorded so far is done, such as a new title in the list."""
        await (await self._host(notebook_id)).follow_ups()

    async def import_file(self, data: bytes, title: str, path: str | None = None) -> Notebook:
        """Make a notebook of an .ipynb.

        Raises:
            ApiError: The bytes are no .ipynb; says where.
        """
        try:
            file = await asyncio.to_thread(read_notebook, data)
            plan = await asyncio.to_thread(lambda: import_notebook(file, new_id=self._new_id, now_ms=self.now_ms(), title=title))
        except InvalidNotebookError as exc:
            raise ApiError(422, "invalid-notebook", f"not a readable .ipynb: {exc}") from None
        notebook_id = self._new_id()
        for sha256, (content, _) in plan.artifacts.items():
            await self.artifacts.put(notebook_id, sha256, content)
        await self.log.create_store(notebook_id, title, path)
        try:
            await (await self._host(notebook_id)).commit(plan.events)
        except ValueError as exc:
            await self.delete(notebook_id)
            raise ApiError(422, "invalid-notebook", f"the notebook holds what no event can carry: {exc}") from None
        except BaseException:
            await self.delete(notebook_id)
            raise
        return await self.get(notebook_id)

    async def export_file(self, notebook_id: str, seq: int | None = None) -> bytes:
        """Write a notebook as an .ipynb, as it is now or as it was after event `seq`.

        Raises:
            ApiError: There is no such notebook, or it has no such event yet.
        """
        host = await self._host(notebook_id)
        if seq is not None and seq > host.room.head:
            raise ApiError(404, "not-found", f"this notebook has {host.room.head} events, there is no state after event {seq}")
        state = await host.replica.state(seq)

        def write() -> bytes:
            return write_notebook(export_notebook(state, lambda sha256: self.artifacts.read(notebook_id, sha256)))

        return await asyncio.to_thread(write)

    async def history(self, notebook_id: str, after: int, limit: int) -> History:
        """Give events of a notebook's log from `after + 1` on: at most `limit`, fewer when they are large.

        Raises:
            ApiError: There is no such notebook.
        """
        head = (await self._host(notebook_id)).room.head
        found = await self.log.history(notebook_id, after, limit, HISTORY_BYTES) if after < head else []
        events: list[HistoryEvent] = []
        for seq, (body, recorded_ms) in enumerate(found[: head - after], after + 1):
            name, args, client_id, session, n = msgspec.json.decode(body, type=tuple[str, msgspec.Raw, str, str, int])
            events.append(HistoryEvent(seq, recorded_ms, name, args, client_id, session, n))
        return History(head, events)

    async def _host(self, notebook_id: str) -> RoomHost:
        host = await self.rooms.open(notebook_id)
        if host is None:
            raise ApiError(404, "not-found", f"there is no notebook {notebook_id}")
        return host

    def _new_id(self) -> str:
        return uuid7(self.now_ms(), os.urandom(10))


async def set_title(database: Database, notebook_id: str, title: str) -> None:
    """Keep a title in the list of notebooks."""

    def job(db: Sql) -> None:
        db.execute("UPDATE stores SET title = ? WHERE store_id = ?", (title, notebook_id))

    await database.write(job)


def file_name(title: str) -> str:
    """Make a name for a download: the title without what file systems dislike, at most 100 characters."""
    return (_STRANGE.sub(" ", title).strip(" .")[:100] or "notebook") + ".ipynb"
