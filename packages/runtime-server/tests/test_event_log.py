"""Event logs: every realisation passes the kit; the SQLite one keeps its promises about the disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
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


async def test_a_failed_write_ends_the_process(tmp_path: Path) -> None:
    fatal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def fail(db: Sql) -> None:
        raise apsw.IOError("disk I/O error")

    database = Database(tmp_path, sqlite_log.DDL, on_fatal=lambda reason: loop.call_soon_threadsafe(fatal.set_result, reason))
    database.submit(fail, lambda _: None)
    assert await fatal == "IOError: disk I/O error"
    await database.close()


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
