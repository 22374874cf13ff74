"""The event log in the server's SQLite file."""

import secrets
from collections.abc import Callable
from typing import Any, final

from .database import Database, Sql
from .errors import StorageFullError
from .log import Batch, Done, EventLog, OpenedStore, Outcome, PastEvent, Record, SessionHead

DDL = """
CREATE TABLE IF NOT EXISTS stores (
  key INTEGER NOT NULL PRIMARY KEY, store_id TEXT NOT NULL UNIQUE, backend TEXT NOT NULL, head INTEGER NOT NULL DEFAULT 0,
  title TEXT NOT NULL, path TEXT, active INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS events (
  store INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, marked INTEGER NOT NULL, recorded_ms INTEGER NOT NULL,
  PRIMARY KEY (store, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_marked ON events (store, seq) WHERE marked = 1;
CREATE TABLE IF NOT EXISTS decisions (
  store INTEGER NOT NULL, session TEXT NOT NULL, n INTEGER NOT NULL, digest BLOB NOT NULL, seq INTEGER, code TEXT, message TEXT,
  PRIMARY KEY (store, session, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
  store INTEGER NOT NULL, session TEXT NOT NULL, client_id TEXT NOT NULL, last_n INTEGER NOT NULL, PRIMARY KEY (store, session)
) STRICT, WITHOUT ROWID;
"""


@final
class SqliteEventLog(EventLog):
    """Events and decisions as rows; `head` of a store moves in the transaction that adds them."""

    def __init__(self, database: Database, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._now_ms = now_ms
        self._keys: dict[str, int] = {}  # of the writer thread alone

    async def create_store(self, store_id: str, title: str, path: str | None = None) -> bool:
        now = self._now_ms()
        row = (store_id, secrets.token_hex(16), title, path, now, now)

        def job(db: Sql) -> bool:
            db.execute(
                "INSERT INTO stores (store_id, backend, title, path, created_ms, updated_ms)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                row,
            )
            return db.changes() == 1

        return await self._database.write(job)

    async def delete_store(self, store_id: str) -> bool:
        def job(db: Sql) -> bool:
            key = self._key(db, store_id)
            if key is None:
                return False
            for table in ("events", "decisions", "sessions"):
                db.execute(f"DELETE FROM {table} WHERE store = ?", (key,))
            db.execute("DELETE FROM stores WHERE key = ?", (key,))
            del self._keys[store_id]
            return True

        return await self._database.write(job)

    async def open_store(self, store_id: str) -> OpenedStore | None:
        return await self._database.read(lambda db: _open(db, store_id))

    def append(self, batch: Batch, done: Done) -> None:
        now = self._now_ms()

        def answer(value: Outcome | StorageFullError) -> None:
            done("full" if isinstance(value, StorageFullError) else value)

        self._database.submit(lambda db: self._append(db, batch, now), answer)

    async def read(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[bytes]:
        return [event.body for event in await self.history(store_id, after, max_events, max_bytes)]

    async def history(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[PastEvent]:
        def job(db: Sql) -> list[PastEvent]:
            found: list[PastEvent] = []
            size = 0
            rows = db.execute(
                "SELECT body, recorded_ms FROM events WHERE store = (SELECT key FROM stores WHERE store_id = ?) AND seq > ?"
                " ORDER BY seq LIMIT ?",
                (store_id, after, max_events),
            )
            for row in rows:
                size += len(row[0])
                if found and size > max_bytes:
                    break
                found.append(PastEvent(*row))
            return found

        return await self._database.read(job)

    async def size_after(self, store_id: str, after: int) -> int:
        ((size,),) = await self._database.read(
            lambda db: list(
                db.execute(
                    "SELECT coalesce(sum(length(body)), 0) FROM events"
                    " WHERE store = (SELECT key FROM stores WHERE store_id = ?) AND seq > ?",
                    (store_id, after),
                )
            )
        )
        return int(size)

    async def records(self, store_id: str, session: str, first_n: int, last_n: int) -> list[Record]:
        rows = await self._database.read(
            lambda db: list(
                db.execute(
                    "SELECT n, digest, seq, code, coalesce(message, '') FROM decisions"
                    " WHERE store = (SELECT key FROM stores WHERE store_id = ?) AND session = ? AND n BETWEEN ? AND ? ORDER BY n",
                    (store_id, session, first_n, last_n),
                )
            )
        )
        return [Record(*row) for row in rows]

    async def active_stores(self) -> list[str]:
        rows = await self._database.read(lambda db: list(db.execute("SELECT store_id FROM stores WHERE active = 1 ORDER BY key")))
        return [store_id for (store_id,) in rows]

    def _key(self, db: Sql, store_id: str) -> int | None:
        key = self._keys.get(store_id)
        if key is None:
            rows: list[Any] = list(db.execute("SELECT key FROM stores WHERE store_id = ?", (store_id,)))  # Any: SQLite values
            if rows:
                key = self._keys[store_id] = rows[0][0]
        return key

    def _append(self, db: Sql, batch: Batch, now_ms: int) -> Outcome:
        key = self._key(db, batch.store_id)
        events: list[tuple[Any, ...]] = []  # Any: SQLite values
        decisions: list[tuple[Any, ...]] = []
        seq = batch.first - 1
        for session, n, _, digest, body, code, message, marked in batch.decisions:
            if body is None:
                decisions.append((key, session, n, digest, None, code, message))
            else:
                seq += 1
                decisions.append((key, session, n, digest, seq, None, None))
                events.append((key, seq, body, int(marked), now_ms))
        db.execute("UPDATE stores SET head = ?, updated_ms = ? WHERE key = ? AND head = ?", (seq, now_ms, key, batch.first - 1))
        if db.changes() != 1:
            return "out-of-order"
        db.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", events)
        db.executemany("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?)", decisions)
        if batch.decisions:
            last = batch.decisions[-1]
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_n = excluded.last_n",
                (key, last.session, last.client_id, last.n),
            )
        if batch.active is not None:
            db.execute("UPDATE stores SET active = ? WHERE key = ?", (int(batch.active), key))
        return "durable"


def _open(db: Sql, store_id: str) -> OpenedStore | None:
    rows = list(db.execute("SELECT key, backend, head FROM stores WHERE store_id = ?", (store_id,)))
    if not rows:
        return None
    key, backend, head = rows[0]
    sessions = db.execute("SELECT session, client_id, last_n FROM sessions WHERE store = ?", (key,))
    marked = db.execute("SELECT body, recorded_ms FROM events WHERE store = ? AND marked = 1 AND seq <= ? ORDER BY seq", (key, head))
    return OpenedStore(
        backend=backend,
        head=head,
        sessions={session: SessionHead(client_id, last_n) for session, client_id, last_n in sessions},
        marked=[PastEvent(*row) for row in marked],
    )
