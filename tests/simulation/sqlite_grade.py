"""Disks with real SQLite on them: the server's log and the stores' files, by their own SQL and settings, on crash disks.

Two things are not as in the product: connections lock exclusively, since the VFS has no shared memory, and for that
reason reads use the writer's connection. Transactions are the writer thread's, run at one moment of virtual time.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast, final

import apsw

from runtime_server import database as server_database
from runtime_server.database import Answer, Database, Job, as_sql, commit_group
from runtime_server.log import EventLog
from runtime_server.sqlite_log import DDL, SqliteEventLog
from runtime_store.file import StoreFile

from .crash_disk import VFS_NAME, CrashDisk, Cut, disks
from .grade import Grade
from .group_commit import GroupCommit
from .loop import SimulatedLoop
from .plan import Setting
from .server_node import STORE_ID
from .store_node import Disk
from .world import World

T = TypeVar("T")
LOG_FILE, STORE_FILE = "runt.sqlite3", "store.db"
CHECKPOINT_PAGES = 20
"""A checkpoint comes after so few pages that even short runs have some; SQLite's own 1,000 pages never come here."""


def open_log_connection(disk: CrashDisk) -> apsw.Connection:
    """Open the server's database as `Database` does."""
    connection = apsw.Connection(disk.path(LOG_FILE), vfs=VFS_NAME)
    as_sql(connection).execute("PRAGMA locking_mode = exclusive")
    server_database.configure(connection)  # by its module, where a planted bug may stand for it
    as_sql(connection).execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


@final
class SteppedDatabase:
    """The jobs of `Database` without its threads."""

    def __init__(
        self, connection: apsw.Connection, loop: SimulatedLoop, slow_s: float, dice: random.Random, on_fatal: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._on_fatal = on_fatal
        self._writer: GroupCommit[Job[Any], Any] = GroupCommit(loop, self._commit, slow_s, dice)  # Any: one type a job

    def submit(self, job: Job[Any], answer: Answer) -> None:
        """Queue a job, as `Database.submit`."""
        self._writer.submit(job, answer)

    async def read(self, job: Job[T]) -> T:
        """Run a job that only reads, as `Database.read`."""
        return await self._loop.run_in_executor(None, job, as_sql(self._connection))

    def _commit(self, group: list[tuple[Job[Any], Answer]]) -> list[tuple[Answer, Any]] | None:
        return commit_group(self._connection, group, self._on_fatal)


@final
class StoreDisk(Disk):
    """A client's disk with a real `StoreFile` on it."""

    def __init__(self, dice: random.Random, crash_disk: CrashDisk, opened: list[StoreFile]) -> None:
        self._dice = dice
        self._crash_disk = crash_disk
        self._opened = opened
        self._full = False

    @property
    def full(self) -> bool:
        return self._full

    def fill(self, full: bool) -> None:
        self._full = self._crash_disk.full = full

    def open(self, path: Path, *, power_safe: bool) -> StoreFile:
        # The last life's connection stays with the disk that it knew: closing it would write.
        self._crash_disk = self._crash_disk.after("kill", self._dice)
        self._crash_disk.full = self._full
        file = StoreFile(Path(self._crash_disk.path(STORE_FILE)), "replica", STORE_ID, power_safe=power_safe)
        self._opened.append(file)
        return file

    def lose_power(self) -> None:
        self._crash_disk = self._crash_disk.after(self._dice.choice(("drop", "torn")), self._dice)

    def copy(self) -> "StoreDisk":
        return StoreDisk(self._dice, self._crash_disk.after("kill", self._dice), self._opened)


@final
@dataclass(slots=True)
class SqliteGrade(Grade):
    """Real SQLite on crash disks."""

    world: World
    setting: Setting
    disk: CrashDisk = field(default_factory=lambda: CrashDisk(_new_log()))
    connections: list[apsw.Connection] = field(default_factory=list[apsw.Connection])
    files: list[StoreFile] = field(default_factory=list[StoreFile])

    def open_log(self, loop: SimulatedLoop, on_fatal: Callable[[str], None]) -> EventLog:
        dice = self.world.random(loop.name)
        full = self.disk.full
        self.disk = self.disk.after("kill", dice)
        connection = open_log_connection(self.disk)
        self.disk.full = full
        self.connections.append(connection)
        database = SteppedDatabase(connection, loop, self.setting.commit_s, dice, on_fatal)
        # It has what the log uses of a database, on one loop.
        return SqliteEventLog(cast(Database, database), self.world.now_ms)

    def log_full(self, full: bool) -> None:
        self.disk.full = full

    def cut_power(self, dice: random.Random, kill: Callable[[], None]) -> None:
        """Let the power go in the middle of the next writes, or soon if there are none."""
        disk = self.disk
        cut: Cut = dice.choice(("drop", "torn"))

        def end() -> None:
            if self.disk is disk:
                disk.dead = True
                kill()
                self.disk = disk.after(cut, dice)

        disk.cut_at = disk.operations + dice.randint(1, 12)
        disk.on_cut = lambda: self.world.at(self.world.now, end)
        self.world.after(1.0, end)

    def head(self) -> int:
        if not self.connections:
            return -1
        ((head,),) = as_sql(self.connections[-1]).execute("SELECT head FROM stores")
        return head

    def bodies(self) -> list[bytes]:
        found = self.disk.after("kill", random.Random(0))
        connection = open_log_connection(found)
        db = as_sql(connection)
        ((intact,),) = db.execute("PRAGMA integrity_check")
        if intact != "ok":
            raise apsw.CorruptError(intact)
        rows = list(db.execute("SELECT seq, body FROM events ORDER BY seq"))
        assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1)), "the log has a hole"
        connection.close()
        found.forget()
        return [body for _, body in rows]

    def make_disk(self, name: str) -> Disk:
        return StoreDisk(self.world.random(f"disk/{name}"), CrashDisk(_new_store()), self.files)

    def close(self) -> None:
        for disk in disks():
            disk.give_up()
        for connection in self.connections:
            connection.close()
        for file in self.files:
            file.close()
        for disk in disks():
            disk.forget()


@cache
def _new_log() -> dict[str, bytes]:
    """Make the server's database once: an empty notebook in it."""
    disk = CrashDisk()
    connection = open_log_connection(disk)
    db = as_sql(connection)
    db.execute(DDL)
    db.execute("INSERT INTO stores (store_id, backend, title, created_ms, updated_ms) VALUES (?, 'log-1', 'Notebook', 0, 0)", (STORE_ID,))
    connection.close()
    return _contents(disk)


@cache
def _new_store() -> dict[str, bytes]:
    disk = CrashDisk()
    StoreFile(Path(disk.path(STORE_FILE)), "replica", STORE_ID).close()
    return _contents(disk)


def _contents(disk: CrashDisk) -> dict[str, bytes]:
    disk.forget()
    return {name: bytes(data) for name, data in disk.files.items() if data}
