"""The server's one SQLite file: one writer with group commit, one reader thread, one process.

A job is a function of the connection. Jobs of one turn of the event loop share a transaction, as do all that wait; none is answered
before it is on disk. While the disk is quick the loop itself commits, as two changes of thread would be a third of the time; what
is much, or slow, is a thread's.
After an I/O error nobody knows what is on disk, so the process ends; a full disk only refuses what was queued.
"""

import asyncio
import fcntl
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import apsw

from .errors import FolderInUseError, StorageFullError, UnsafeStorageError

T = TypeVar("T")


class Sql(Protocol):
    """What a job may do with the database: the part of apsw's connection that is used here, with its types known."""

    def execute(self, statements: str, bindings: Sequence[object] | Mapping[str, object] = ..., /) -> Iterator[tuple[Any, ...]]:
        """Run statements and iterate over their rows."""
        ...

    def executemany(self, statements: str, bindings: Iterable[Sequence[object]], /) -> object:
        """Run a statement once for each row of bindings."""
        ...

    def changes(self) -> int:
        """Tell how many rows the last statement changed."""
        ...


Job = Callable[[Sql], T]
Answer = Callable[[Any], None]  # Any: what the job returned, or StorageFullError; typed by write()

_OLDEST_SAFE = (3, 51, 3)  # 3.7.0 to 3.51.2 can corrupt a WAL database that two connections use (sqlite.org/wal.html)
_GROUP = 512
_QUICK_S = 0.001
_FEW = 16
EXIT_STORAGE = 74  # EX_IOERR of sysexits.h


def exit_process(reason: str) -> None:
    """End the process at once: what is on disk after a failed write or sync is unknown."""
    print(
        f"runt: the event log cannot be written ({reason}); stopped so that nothing is acknowledged and lost", file=sys.stderr, flush=True
    )
    os._exit(EXIT_STORAGE)


class Database:
    """Opened by `open`, ended by `close`; `write` and `read` in between, on one event loop."""

    def __init__(
        self,
        folder: Path,
        ddl: str,
        on_fatal: Callable[[str], object] = exit_process,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Lock the folder, open the file, check its settings.

        Args:
            folder: Where the file is.
            ddl: Its tables.
            on_fatal: Called when nobody knows what is on disk; no job is answered after that.
            monotonic_s: Tells how quick the disk is.

        Raises:
            FolderInUseError: Another process holds the folder.
            UnsafeStorageError: The SQLite is too old, or WAL or FULL cannot be had.
        """
        check_sqlite(apsw.sqlite_lib_version())
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = lock_folder(folder)
        self._on_fatal = on_fatal
        self._queue: queue.SimpleQueue[tuple[Job[Any], Answer] | None] = queue.SimpleQueue()  # Any: one type a job
        path = str(folder / "runt.sqlite3")
        self._writer = apsw.Connection(path)
        os.chmod(path, 0o600)
        configure(self._writer)
        as_sql(self._writer).execute(ddl)
        self._reader = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        self._read_thread = ThreadPoolExecutor(1, "runt-log-reader")
        self._loop = asyncio.get_running_loop()
        self._monotonic_s = monotonic_s
        self._quick = True
        self._turn: list[tuple[Job[Any], Answer]] = []  # Any: as above
        self._handed = 0
        self._thread = threading.Thread(target=self._run, name="runt-log-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[Any], answer: Answer) -> None:
        """Queue a job; `answer` is called on the event loop with its value once durable, or with StorageFullError."""
        if not self._turn:
            self._loop.call_soon(self._end_turn)
        self._turn.append((job, answer))

    async def write(self, job: Job[T]) -> T:
        """Run a job in the next transaction and wait until it is durable.

        Raises:
            StorageFullError: The disk is full.
        """
        future: asyncio.Future[T] = self._loop.create_future()

        def answer(value: Any) -> None:  # Any: T or StorageFullError
            if future.done():
                return
            if isinstance(value, StorageFullError):
                future.set_exception(value)
            else:
                future.set_result(value)

        self.submit(job, answer)
        return await future

    async def read(self, job: Job[T]) -> T:
        """Run a job that only reads, off the event loop."""
        return await self._loop.run_in_executor(self._read_thread, job, as_sql(self._reader))

    async def close(self) -> None:
        """Finish what is queued, close the file, release the folder."""
        turn, self._turn = self._turn, []
        self._hand_over(turn)
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        self._read_thread.shutdown()
        self._reader.close()
        self._writer.close()
        os.close(self._lock)

    def _end_turn(self) -> None:
        group, self._turn = self._turn, []
        if self._handed or not self._quick or len(group) > _FEW:
            self._hand_over(group)
        elif group:
            answers = self._commit(group)
            if answers is None:
                self._queue.put(None)  # nor does the thread write any more
            else:
                _deliver(answers)

    def _hand_over(self, group: list[tuple[Job[Any], Answer]]) -> None:  # Any: as above
        self._handed += len(group)
        for item in group:
            self._queue.put(item)

    def _take_back(self, answers: list[tuple[Answer, Any]]) -> None:
        self._handed -= len(answers)
        _deliver(answers)

    def _commit(self, group: list[tuple[Job[Any], Answer]]) -> list[tuple[Answer, Any]] | None:
        began = self._monotonic_s()
        answers = commit_group(self._writer, group, self._on_fatal)
        self._quick = answers is not None and self._monotonic_s() - began < _QUICK_S
        return answers

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            stopping = False
            while len(group) < _GROUP:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    stopping = True
                    break
                group.append(more)
            answers = self._commit(group)
            if answers is None:
                return
            self._loop.call_soon_threadsafe(self._take_back, answers)
            if stopping:
                return


def commit_group(
    writer: apsw.Connection, group: list[tuple[Job[Any], Answer]], on_fatal: Callable[[str], object]
) -> list[tuple[Answer, Any]] | None:
    """Run jobs in one transaction; gives what to answer once they are on disk, or None when nobody knows what is."""
    db = as_sql(writer)
    try:
        db.execute("BEGIN IMMEDIATE")
        answers = [(answer, job(db)) for job, answer in group]
        db.execute("COMMIT")
    except apsw.FullError:
        if writer.in_transaction:
            db.execute("ROLLBACK")
        full = StorageFullError()
        return [(answer, full) for _, answer in group]
    except Exception as exc:  # the writer's outer loop: whatever failed, what is on disk is not what was asked for
        on_fatal(f"{type(exc).__name__}: {exc}")
        return None
    return answers


def as_sql(connection: apsw.Connection) -> Sql:
    """See a connection as what jobs use of it."""
    return cast("Sql", connection)  # apsw's stubs name a Buffer that Python 3.11 does not have


def check_sqlite(version: str) -> None:
    """Refuse an SQLite that can corrupt the log.

    Raises:
        UnsafeStorageError: It is older than 3.51.3.
    """
    if tuple(int(part) for part in version.split(".")) < _OLDEST_SAFE:
        raise UnsafeStorageError(f"SQLite {version} is older than 3.51.3; install a newer apsw")


def lock_folder(folder: Path) -> int:
    """Lock a data folder for this process; the lock ends with the returned descriptor, or with the process.

    Raises:
        FolderInUseError: Another process holds it.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise FolderInUseError(folder) from None
    return descriptor


def configure(connection: apsw.Connection) -> None:
    """Set the writer's connection so that what it commits is on disk.

    Raises:
        UnsafeStorageError: WAL or FULL cannot be had.
    """
    connection.set_busy_timeout(5_000)
    db = as_sql(connection)
    ((mode,),) = db.execute("PRAGMA journal_mode = wal")
    db.execute("PRAGMA synchronous = full")
    ((synchronous,),) = db.execute("PRAGMA synchronous")
    if mode != "wal" or synchronous != 2:
        raise UnsafeStorageError(f"journal_mode is {mode} and synchronous is {synchronous}; wal and 2 (FULL) are needed")


def _deliver(answers: list[tuple[Answer, Any]]) -> None:
    for answer, value in answers:
        answer(value)
