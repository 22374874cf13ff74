"""One store on disk: the log (of an authority, or a copy of it) and the journal of events that are not confirmed.

What `write` has returned survives a kill, and unless the file was opened otherwise a power cut. One process at a time
has the file open.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, final

import apsw

from runtime_schema.hashes import RULES_HASH
from runtime_schema.wire import LogEvent

from .errors import StoreFileError, UnsafeSqliteError
from .frames import trusted_args
from .reconcile import Confirmed, Entry, Key
from .sqlite import open_path

_LOG = logging.getLogger("runtime_store.file")

Kind = Literal["authority", "replica"]

_FORMAT = 1
_APPLICATION_ID = 0x52554E54  # "RUNT", in the file's header
_SAFE_SQLITE = (3, 51, 3)  # older ones can corrupt a WAL on a reset: sqlite.org/wal.html

_SCHEMA = """
CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE log (
  seq INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  args TEXT NOT NULL,
  client_id TEXT NOT NULL,
  session TEXT NOT NULL,
  n INTEGER NOT NULL
) STRICT;
CREATE TABLE pending (
  place INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  args TEXT NOT NULL,
  client_id TEXT NOT NULL,
  session TEXT NOT NULL,
  n INTEGER NOT NULL,
  UNIQUE (session, n)
) STRICT;
"""


_IMAGE = """
CREATE TABLE IF NOT EXISTS image (rules TEXT NOT NULL, seq INTEGER NOT NULL, sha256 TEXT NOT NULL, data BLOB NOT NULL) STRICT;
"""  # files of the first version lack it


class FileImage(NamedTuple):
    """The confirmed state after event `seq`, as an image."""

    seq: int
    data: bytes


@dataclass(slots=True)
class Write:
    """What one transaction records, in this order: removals from the journal, additions to it, the log's next events.

    With `reset_to` the copy of the log is dropped first, for that backend's; with `begin_at`, for what follows that image.
    """

    undone: list[Key] = field(default_factory=list[Key])
    pending: list[Entry] = field(default_factory=list[Entry])
    confirmed: list[Confirmed] = field(default_factory=list[Confirmed])
    reset_to: str | None = None
    begin_at: FileImage | None = None

    def __bool__(self) -> bool:
        return bool(self.undone or self.pending or self.confirmed or self.reset_to is not None or self.begin_at is not None)


@final
class StoreFile:
    """An open file. May be used from any thread, by one at a time."""

    def __init__(self, path: Path, kind: Kind, store_id: str, *, power_safe: bool = True) -> None:
        """Open or make the file.

        Args:
            path: Where it is.
            kind: Whether its store is an authority.
            store_id: Which notebook it is of.
            power_safe: Whether every write waits for the disk. Without it a write is quick, survives a kill, and may be lost,
                with all after it, when the machine loses power.

        Raises:
            StoreFileError: It cannot be opened, is in use, damaged, or of another store or kind.
            UnsafeSqliteError: The library or its settings would not keep the promise.
        """
        self.path = path
        self.power_safe = power_safe
        if tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) < _SAFE_SQLITE:
            raise UnsafeSqliteError(f"version {apsw.sqlite_lib_version()} is older than {'.'.join(map(str, _SAFE_SQLITE))}")
        try:
            self._db = open_path(str(path))
        except apsw.Error as exc:
            raise StoreFileError(str(path), f"cannot be opened: {exc}") from exc
        try:
            self._prepare(kind, store_id)
        except apsw.BusyError as exc:
            self._db.close()
            raise StoreFileError(str(path), "is open in another process: close that one first") from exc
        except apsw.Error as exc:
            self._db.close()
            raise StoreFileError(str(path), f"is damaged or not a store: {exc}") from exc
        except Exception:
            self._db.close()
            raise

    @property
    def backend(self) -> str | None:
        """The backend of whose log this is a copy."""
        rows = list(self._db.execute("SELECT value FROM meta WHERE key = 'backend'"))
        return str(rows[0][0]) if rows else None

    @property
    def base(self) -> int:
        """The number of the event before the first one here: what comes before is only in the image."""
        rows = list(self._db.execute("SELECT value FROM meta WHERE key = 'base'"))
        return int(rows[0][0]) if rows else 0

    @property
    def head(self) -> int:
        """The number of the log's last event."""
        last: int | None = next(iter(self._db.execute("SELECT max(seq) FROM log")))[0]
        return self.base if last is None else last

    def log(self, after: int = 0, limit: int = -1) -> Iterator[Confirmed]:
        """Read the log from `after + 1` on, or from the first event that is here."""
        for seq, *columns in self._db.execute(
            "SELECT seq, name, args, client_id, session, n FROM log WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
        ):
            yield Confirmed(int(seq), _entry(columns), own=False)

    def image(self) -> FileImage | None:
        """Give the image of an earlier state; None when there is none that can be used, which is logged if one is damaged."""
        rows = list(self._db.execute("SELECT rules, seq, sha256, data FROM image"))
        if not rows:
            return None
        rules, seq, sha256, data = rows[0]
        if rules != RULES_HASH:
            _LOG.info("%s: its image was made by other rules, the log is replayed", self.path)
        elif hashlib.sha256(data).hexdigest() != sha256 or not self.base <= seq <= self.head:
            _LOG.warning("%s: its image is damaged, the log is replayed", self.path)
        else:
            return FileImage(int(seq), data)
        return None

    def keep_image(self, image: FileImage) -> None:
        """Keep an image of the state, instead of the one before.

        Raises:
            StoreFileError: The disk refused; the file is as before.
        """
        try:
            with self._db:
                self._put_image(image)
        except apsw.Error as exc:
            raise StoreFileError(str(self.path), f"cannot be written: {exc}") from exc

    def pending(self) -> Iterator[Entry]:
        """Read the journal in order."""
        for columns in self._db.execute("SELECT name, args, client_id, session, n FROM pending ORDER BY place"):
            yield _entry(columns)

    def set_backend(self, backend: str) -> None:
        """Remember whose log this is a copy of."""
        self._remember("backend", backend)

    def begin_life(self, store_session_id: str) -> str | None:
        """Remember the store session that begins now; gives the one before it, which is over: the file was free."""
        rows = list(self._db.execute("SELECT value FROM meta WHERE key = 'life'"))
        self._remember("life", store_session_id)
        return str(rows[0][0]) if rows else None

    def write(self, write: Write) -> None:
        """Record all of it, durably, or nothing.

        Raises:
            StoreFileError: The disk refused. Nothing more can be promised of this file until it is opened anew.
        """
        try:
            with self._db:
                if write.reset_to is not None:
                    self._begin_log_at(0)
                    self.set_backend(write.reset_to)
                if write.begin_at is not None:
                    self._begin_log_at(write.begin_at.seq)
                    self._put_image(write.begin_at)
                self._db.executemany("DELETE FROM pending WHERE session = ? AND n = ?", write.undone)
                self._db.executemany(
                    "INSERT INTO pending (name, args, client_id, session, n) VALUES (?, ?, ?, ?, ?)",
                    (_row(entry) for entry in write.pending),
                )
                self._db.executemany(
                    "INSERT INTO log (seq, name, args, client_id, session, n) VALUES (?, ?, ?, ?, ?, ?)",
                    ((item.seq, *_row(item.entry)) for item in write.confirmed),
                )
                self._db.executemany(
                    "DELETE FROM pending WHERE session = ? AND n = ?", (item.entry.key for item in write.confirmed if item.own)
                )
        except apsw.Error as exc:
            raise StoreFileError(str(self.path), f"cannot be written: {exc}") from exc

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        self._db.close()

    def _prepare(self, kind: Kind, store_id: str) -> None:
        # Exclusive locking keeps other processes out for as long as the file is open, and needs no shared-memory file.
        self._pragma("locking_mode", "exclusive")
        self._pragma("journal_mode", "wal")
        wanted = 2 if self.power_safe else 1
        self._db.execute(f"PRAGMA synchronous = {wanted}")
        if (level := self._db.pragma("synchronous")) != wanted:
            raise UnsafeSqliteError(f"synchronous is {level} and cannot be set to {wanted}")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._identify(kind, store_id)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _begin_log_at(self, base: int) -> None:
        self._db.execute("DELETE FROM log")
        self._db.execute("DELETE FROM image")
        self._remember("base", str(base))

    def _put_image(self, image: FileImage) -> None:
        self._db.execute("DELETE FROM image")
        digest = hashlib.sha256(image.data).hexdigest()
        self._db.execute("INSERT INTO image VALUES (?, ?, ?, ?)", (RULES_HASH, image.seq, digest, image.data))

    def _remember(self, key: str, value: str) -> None:
        self._db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))

    def _pragma(self, name: str, value: str) -> None:
        got = self._db.pragma(name, value)
        if got != value:
            raise UnsafeSqliteError(f"{name} is {got} and cannot be set to {value}")

    def _identify(self, kind: Kind, store_id: str) -> None:
        wanted = {"format": str(_FORMAT), "kind": kind, "store": store_id}
        if self._db.pragma("application_id") == 0 and not list(self._db.execute("SELECT 1 FROM sqlite_schema LIMIT 1")):
            self._db.execute(_SCHEMA + _IMAGE)
            self._db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", wanted.items())
            return
        if self._db.pragma("application_id") != _APPLICATION_ID:
            raise StoreFileError(str(self.path), "is a database of something else")
        self._db.execute(_IMAGE)
        found = {str(key): str(value) for key, value in self._db.execute("SELECT key, value FROM meta")}
        for key, value in wanted.items():
            if found.get(key) != value:
                raise StoreFileError(str(self.path), f"has {key} {found.get(key)!r}, not {value!r}")
        (count,) = next(iter(self._db.execute("SELECT count(*) FROM log")))
        if self.head != self.base + count:
            behind = f" behind {self.base}" if self.base else ""
            raise StoreFileError(str(self.path), f"is damaged: its log has {count} events{behind} and ends at {self.head}")


def _row(entry: Entry) -> Sequence[str | int]:
    event = entry.event
    return event.name, entry.raw.decode(), event.client_id, event.store_session_id, event.n


def _entry(columns: Iterable[object]) -> Entry:
    name, args, client_id, session, n = columns
    raw = str(args).encode()
    assert isinstance(n, int)
    return Entry(LogEvent(str(name), trusted_args(raw), str(client_id), str(session), n), raw)
