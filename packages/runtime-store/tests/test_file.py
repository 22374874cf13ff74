"""Stores in files: what is confirmed or journalled is there after a crash, and a file is one store's at a time."""

import asyncio
import logging
import sqlite3
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime_schema.events import (
    CellCreated,
    CellSourceSet,
    Event,
    ExecutionRequested,
    ExecutionStarted,
    JsonText,
    RuntimeSessionStarted,
    RuntimeSessionStatusSet,
)
from runtime_schema.ids import CellId, ExecutionId, RuntimeId, RuntimeSessionId
from runtime_schema.queries import CELLS, EXECUTION, LATEST_SESSION
from runtime_schema.store_types import Applied
from runtime_schema.wire import LogEvent
from runtime_store import StoreFileError, open_local
from runtime_store.file import FileImage, StoreFile, Write
from runtime_store.reconcile import Confirmed, Entry

CELL, EXECUTION_ID, SESSION = CellId("c"), ExecutionId("e"), RuntimeSessionId("r")


def entry(n: int, session: str = "s", args: bytes = b'{"a":1}') -> Entry:
    return Entry(LogEvent("v1.T", {"a": 1}, "ada", session, n), args)


def work() -> list[Event]:
    return [
        CellCreated(cell_id=CELL, cell_type="code", position="a0", source="x"),
        RuntimeSessionStarted(
            session_id=SESSION,
            runtime_id=RuntimeId("rt"),
            runtime_type="python",
            capabilities=("code",),
            info=JsonText("{}"),
            lost_after_ms=1,
            started_ms=1,
        ),
        RuntimeSessionStatusSet(session_id=SESSION, status="ready"),
        ExecutionRequested(execution_id=EXECUTION_ID, cell_id=CELL, source="x", requested_ms=1),
        ExecutionStarted(execution_id=EXECUTION_ID, session_id=SESSION, execution_count=1, started_ms=1),
    ]


async def test_what_was_confirmed_is_there_after_reopening(tmp_path: Path) -> None:
    store = open_local("ada", tmp_path / "n.store")
    assert await store.commit(work()[0]) == Applied(1, applied=True)
    before = store.dump()
    await store.close()
    again = open_local("ada", tmp_path / "n.store")
    assert (again.dump(), again.status.head) == (before, 1)
    assert await again.commit(work()[0]) == Applied(2, applied=False)
    await again.close()


async def test_opening_terminates_the_runtime_session_that_an_earlier_life_left(tmp_path: Path) -> None:
    store = open_local("ada", tmp_path / "n.store")
    for event in work():
        store.commit(event)
    await store.close()
    again = open_local("ada", tmp_path / "n.store")
    await again.wait_confirmed()
    assert [(row.status, row.ended_reason) for row in again.query(LATEST_SESSION)] == [("terminated", "crashed")]
    assert [row.status for row in again.query(EXECUTION, {"executionId": "e"})] == ["lost"]
    await again.close()


async def test_commits_of_one_loop_turn_are_one_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    write = StoreFile.write

    def count(self: StoreFile, batch: Write) -> None:
        writes.append(len(batch.confirmed))
        write(self, batch)

    monkeypatch.setattr(StoreFile, "write", count)
    store = open_local("ada", tmp_path / "n.store")
    for event in work():
        store.commit(event)
    await store.wait_confirmed()
    await store.close()
    assert writes == [5]


WRITER = """
import asyncio, sys
from runtime_schema.events import CellSourceSet
from runtime_store import open_local

async def main():
    store = open_local("ada", sys.argv[1])
    while True:
        print((await store.commit(CellSourceSet(cell_id="c", source="x" * 2_000))).seq, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_kill_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "n.store"
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, str(path), stdout=asyncio.subprocess.PIPE)
    assert writer.stdout is not None
    told = [int(await writer.stdout.readline()) for _ in range(50)]
    writer.kill()
    told += [int(line) for line in (await writer.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n")]
    await writer.wait()
    store = open_local("ada", path)
    assert told == list(range(1, len(told) + 1))
    assert store.status.head >= len(told)
    await store.close()


async def test_a_file_that_is_open_is_refused_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "n.store"
    store = open_local("ada", path)
    with pytest.raises(StoreFileError, match="is open in another process"):
        open_local("ada", path)
    await store.close()
    await open_local("ada", path).close()


async def test_a_file_of_another_store_or_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "n.store"
    await open_local("ada", path, store_id="one").close()
    with pytest.raises(StoreFileError, match="has store 'one', not 'two'"):
        open_local("ada", path, store_id="two")
    with pytest.raises(StoreFileError, match="has kind 'authority', not 'replica'"):
        StoreFile(path, "replica", "one")


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"not a database, but long enough to be taken for one" * 20)
    with pytest.raises(StoreFileError, match="is damaged or not a store"):
        StoreFile(text, "authority", "s")
    assert text.read_bytes().startswith(b"not a database")
    other = tmp_path / "other"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(StoreFileError, match="of something else"):
        StoreFile(other, "authority", "s")
    with pytest.raises(StoreFileError, match="cannot be opened"):
        StoreFile(tmp_path / "missing" / "n.store", "authority", "s")


def test_a_log_with_a_hole_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "n.store"
    file = StoreFile(path, "authority", "s")
    file.write(Write(confirmed=[Confirmed(1, entry(1), False), Confirmed(3, entry(3), False)]))
    file.close()
    with pytest.raises(StoreFileError, match="is damaged: its log has 2 events and ends at 3"):
        StoreFile(path, "authority", "s")


def test_a_file_that_begins_at_an_image_goes_on_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "n.store"
    file = StoreFile(path, "replica", "s")
    file.write(Write(confirmed=[Confirmed(1, entry(1), False)]))
    file.write(Write(begin_at=FileImage(5, b"image"), confirmed=[Confirmed(6, entry(6), False)]))
    file.close()
    file = StoreFile(path, "replica", "s")
    assert (file.base, file.head, file.image()) == (5, 6, FileImage(5, b"image"))
    assert [item.seq for item in file.log()] == [6]
    file.write(Write(reset_to="other"))
    assert (file.base, file.head, file.image(), file.backend) == (0, 0, None, "other")
    file.close()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE image SET data = x'00'", "is damaged"),
        ("UPDATE image SET seq = 99", "is damaged"),
        ("UPDATE image SET rules = 'older'", "made by other rules"),
    ],
)
async def test_an_image_that_is_of_no_use_is_left_out_with_a_reason(
    tmp_path: Path, statement: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "n.store"
    store = open_local("ada", path)
    await store.commit(work()[0])
    image = store.dump()
    await store.close()
    file = StoreFile(path, "authority", "local")
    file.keep_image(FileImage(1, b"an image"))
    file.close()
    with sqlite3.connect(path) as db:
        db.execute(statement)
    db.close()
    with caplog.at_level(logging.INFO):
        again = open_local("ada", path)
    assert said in caplog.text
    assert again.dump() == image
    await again.close()


async def test_a_long_log_leaves_an_image_and_the_next_life_begins_there(tmp_path: Path) -> None:
    path = tmp_path / "n.store"
    store = open_local("ada", path)
    store.commit(work()[0])
    for place in range(1_000):
        store.commit(CellSourceSet(cell_id=CELL, source=f"{place}"))
    await store.wait_confirmed()
    before = store.dump()
    await store.close()
    file = StoreFile(path, "authority", "local")
    image = file.image()
    file.close()
    assert image is not None
    assert image.seq == 1_001
    with sqlite3.connect(path) as db:
        db.execute("UPDATE log SET name = 'v1.Unknown'")  # what stands below the image is not read again
    db.close()
    again = open_local("ada", path)
    assert again.dump() == before
    await again.close()


async def test_the_past_is_read_from_the_file_and_from_the_image_below_it(tmp_path: Path) -> None:
    path = tmp_path / "n.store"
    for count in (1_001, 3):
        store = open_local("ada", path)
        store.commit(work()[0])
        for place in range(count):
            store.commit(CellSourceSet(cell_id=CELL, source=f"{place}"))
        await store.close()
    store = open_local("ada", path)
    assert store.status.head == 1_006
    for seq, source in ((2, "0"), (1_002, "1000"), (1_003, "1000"), (1_005, "1")):
        with await store.at(seq) as past:
            assert [cell.source for cell in past.query(CELLS)] == [source]
    await store.close()


def test_a_refused_write_is_undone_as_a_whole(tmp_path: Path) -> None:
    file = StoreFile(tmp_path / "n.store", "replica", "s")
    file.write(Write(confirmed=[Confirmed(1, entry(1), False)]))
    with pytest.raises(StoreFileError, match="cannot be written"):
        file.write(Write(pending=[entry(2)], confirmed=[Confirmed(1, entry(9), False)]))
    assert (list(file.pending()), file.head) == ([], 1)
    file.close()


async def test_a_disk_that_fails_ends_the_store_loudly_and_nothing_is_confirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: StoreFile, write: Write) -> None:
        raise StoreFileError(str(self.path), "cannot be written: disk I/O error")

    store = open_local("ada", tmp_path / "n.store")
    monkeypatch.setattr(StoreFile, "write", fail)
    receipt = store.commit(work()[0])
    with pytest.raises(StoreFileError, match="disk I/O error"):
        await receipt
    with pytest.raises(StoreFileError):
        store.commit(work()[0])
    assert store.status.problem is not None
    assert not store.status.connected
    await store.close()


def test_args_are_kept_byte_for_byte(tmp_path: Path) -> None:
    odd = b'{"a" : 1.0, "\\u00e9":"\\ud83d\\ude00"}'
    file = StoreFile(tmp_path / "n.store", "replica", "s")
    file.write(Write(pending=[entry(1, args=odd)], confirmed=[Confirmed(1, entry(2, args=odd), False)]))
    assert [item.raw for item in file.pending()] == [odd]
    assert [item.entry.raw for item in file.log()] == [odd]
    file.close()


def test_the_journal_keeps_its_order_and_loses_what_is_decided(tmp_path: Path) -> None:
    file = StoreFile(tmp_path / "n.store", "replica", "s")
    file.write(Write(pending=[entry(9, "old"), entry(1), entry(2), entry(3)]))
    file.write(Write(confirmed=[Confirmed(1, entry(9, "old"), own=True)], undone=[("s", 2)], pending=[entry(4)]))
    assert [item.key for item in file.pending()] == [("s", 1), ("s", 3), ("s", 4)]
    file.write(Write(reset_to="b2"))
    assert (file.head, file.backend, len(list(file.pending()))) == (0, "b2", 3)
    file.close()


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(["x", "y", "z"]), max_size=4), min_size=1, max_size=4))
async def test_any_series_of_lives_leaves_what_their_receipts_said(
    tmp_path_factory: pytest.TempPathFactory, lives: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("lives") / "n.store"
    confirmed, before = 0, {}
    for number, sources in enumerate(lives):
        store = open_local("ada", path)
        assert store.status.head == confirmed
        receipts = [store.commit(CellCreated(cell_id=CellId(f"c{number}"), cell_type="code", position="a0", source=""))]
        receipts += [store.commit(CellSourceSet(cell_id=CellId(f"c{number}"), source=source)) for source in sources]
        assert [await receipt for receipt in receipts] == [Applied(confirmed + place, True) for place in range(1, len(receipts) + 1)]
        confirmed += len(receipts)
        before = store.dump()
        await store.close()
    again = open_local("ada", path)
    assert again.dump() == before
    await again.close()
