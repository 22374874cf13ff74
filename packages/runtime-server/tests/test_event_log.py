"""Event logs: every realisation passes the kit; the SQLite one keeps its promises about the disk."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack
from itertools import chain, repeat
from pathlib import Path

import apsw
import pytest

from runtime_server import Batch, Decision, EventLog, FolderInUseError, StorageFullError, UnsafeStorageError, accounts, sqlite_log
from runtime_server.database import Database, Sql, check_sqlite
from runtime_server.sqlite_log import SqliteEventLog
from runtime_server.testing import InMemoryEventLog, check_event_log


@pytest.fixture
async def databases(tmp_path: Path) -> AsyncIterator[list[Database]]:
    opened: list[Database] = []
    yield opened
    for database in opened:
        await database.close()


def _open(folder: Path, opened: list[Database]) -> Database:
    opened.append(Database(folder, sqlite_log.DDL + accounts.DDL))
    return opened[-1]


async def test_the_log_in_memory_is_an_event_log() -> None:
    async def make() -> EventLog:
        return InMemoryEventLog()

    await check_event_log(make)


async def test_the_sqlite_log_is_an_event_log(tmp_path: Path, databases: list[Database]) -> None:
    async def make() -> EventLog:
        return SqliteEventLog(_open(tmp_path / str(len(databases)), databases), lambda: 1)

    await check_event_log(make)


async def test_what_was_appended_is_there_after_reopening(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        first = Database(tmp_path, sqlite_log.DDL)
        log = SqliteEventLog(first, lambda: 1)
        await log.create_store("a", "A")
        outcome = asyncio.get_running_loop().create_future()
        log.append(Batch("a", 1, (Decision("s", 1, "ann", b"d", b"body"),)), outcome.set_result)
        assert await outcome == "durable"
        await first.close()
        second = Database(tmp_path, sqlite_log.DDL)
        stack.push_async_callback(second.close)
        assert await SqliteEventLog(second, lambda: 1).read("a", 0, 10, 100) == [b"body"]


async def test_a_full_disk_refuses_the_group_and_the_log_goes_on(tmp_path: Path, databases: list[Database]) -> None:
    database = _open(tmp_path, databases)
    log = SqliteEventLog(database, lambda: 1)
    await log.create_store("a", "A")
    ((pages,),) = await database.write(lambda db: list(db.execute("PRAGMA page_count")))
    await database.write(lambda db: list(db.execute(f"PRAGMA max_page_count = {pages + 2}")))
    big = asyncio.get_running_loop().create_future()
    log.append(Batch("a", 1, (Decision("s", 1, "ann", b"d", b"x" * 100_000),)), big.set_result)
    assert await big == "full"
    with pytest.raises(StorageFullError, match="disk is full"):
        await database.write(lambda db: db.execute("CREATE TABLE big AS SELECT zeroblob(100000)"))
    await database.write(lambda db: list(db.execute(f"PRAGMA max_page_count = {pages + 1000}")))
    small = asyncio.get_running_loop().create_future()
    log.append(Batch("a", 1, (Decision("s", 1, "ann", b"d", b"small"),)), small.set_result)
    assert await small == "durable"


def _clock(commits: Iterable[float]) -> Callable[[], float]:
    """A clock by which commits take so long, one after the other; before each commit and after it one looks at it."""
    return chain.from_iterable((0.0, took) for took in commits).__next__


async def test_a_quick_disk_is_written_by_the_loop_and_a_slow_one_by_a_thread(tmp_path: Path) -> None:
    database = Database(tmp_path, sqlite_log.DDL, monotonic_s=_clock([0.0, 1.0, 1.0, 0.0, 0.0]))
    try:
        wrote = [await database.write(lambda _: threading.current_thread().name) for _ in range(5)]
    finally:
        await database.close()
    here, there = threading.current_thread().name, "runt-log-writer"
    assert wrote == [here, here, there, there, here]


@pytest.mark.parametrize(("count", "by_loop"), [(16, True), (17, False)])
async def test_jobs_of_one_turn_share_a_transaction_and_many_are_a_threads(tmp_path: Path, count: int, by_loop: bool) -> None:
    database = Database(tmp_path, sqlite_log.DDL, monotonic_s=_clock(repeat(0.0)))
    told: list[str] = []

    def job(_: Sql) -> bool:
        told.append("ran")
        return threading.current_thread() is threading.main_thread()

    for _ in range(count - 1):
        database.submit(job, lambda _: told.append("answered"))
    assert await database.write(job) == by_loop
    await database.close()
    assert told.count("ran") == count
    if by_loop:  # the thread may begin with the first of them
        assert told == ["ran"] * count + ["answered"] * (count - 1)


@pytest.mark.parametrize("took_s", [0.0, 1.0], ids=["by the loop", "by the thread"])
async def test_a_failed_write_ends_the_process(tmp_path: Path, took_s: float) -> None:
    fatal: list[str] = []
    ran: list[str] = []

    def fail(db: Sql) -> None:
        raise apsw.IOError("disk I/O error")

    database = Database(tmp_path, sqlite_log.DDL, on_fatal=fatal.append, monotonic_s=_clock(repeat(took_s)))
    await database.write(lambda _: None)
    database.submit(fail, lambda _: ran.append("answered"))
    await asyncio.sleep(0)
    database.submit(lambda _: ran.append("wrote"), lambda _: None)
    await asyncio.sleep(0)
    await database.close()
    assert fatal == ["IOError: disk I/O error"]
    assert ran == []


async def test_a_second_server_on_the_folder_is_refused(tmp_path: Path, databases: list[Database]) -> None:
    _open(tmp_path, databases)
    with pytest.raises(FolderInUseError, match="another server is using"):
        Database(tmp_path, sqlite_log.DDL)


async def test_the_file_is_written_ahead_and_synced_in_full(tmp_path: Path, databases: list[Database]) -> None:
    database = _open(tmp_path, databases)
    assert await database.write(lambda db: [*db.execute("PRAGMA journal_mode"), *db.execute("PRAGMA synchronous")]) == [("wal",), (2,)]


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.7.0"])
def test_an_sqlite_that_can_corrupt_the_log_is_refused(version: str) -> None:
    with pytest.raises(UnsafeStorageError, match="is older than 3"):
        check_sqlite(version)


def test_a_safe_sqlite_is_accepted() -> None:
    check_sqlite("3.51.3")
