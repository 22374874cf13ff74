"""Keeping a file equal to its notebook: when it is written, and when it must not be. Time is moved by hand."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runt.binding import Binding
from runt.files import fingerprint
from runt.keeping import Debounce, FileKeeper
from runtime_core.testing import ManualClock


def test_nothing_is_due_without_a_change() -> None:
    assert Debounce().due_s is None


def test_a_change_is_due_after_the_quiet_time() -> None:
    assert Debounce(quiet_s=0.5).changed(10).due_s == 10.5


def test_later_changes_put_it_off_but_not_for_ever() -> None:
    debounce = Debounce(quiet_s=0.5, at_most_s=2)
    for tenths in range(100, 140):
        debounce = debounce.changed(tenths / 10)
    assert debounce.due_s == 12


def test_what_was_written_is_not_due_again() -> None:
    assert Debounce().changed(1).written().due_s is None


@given(st.lists(st.floats(0, 100), min_size=1))
def test_a_change_waits_no_longer_than_promised(times: list[float]) -> None:
    debounce = Debounce(quiet_s=0.5, at_most_s=5)
    for time in sorted(times):
        debounce = debounce.changed(time)
    assert debounce.due_s is not None
    assert min(times) + 0.5 <= debounce.due_s <= min(times) + 5


@dataclass
class Kept:
    """A file, its notebook as bytes, and everything the keeper did."""

    path: Path
    notebook: bytes = b"first"
    saved: list[Binding] = field(default_factory=list[Binding])
    said: list[str] = field(default_factory=list[str])
    exports: int = 0
    clock: ManualClock = field(default_factory=ManualClock)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def keeper(self) -> FileKeeper:
        self.path.write_bytes(b"first")
        same = fingerprint(b"first")
        binding = Binding(notebook="n1", path=str(self.path), file_sha256=same, state_sha256=same)
        return FileKeeper(self.path, binding, self.export, save=self.save, say=self.said.append, clock=self.clock)

    def save(self, binding: Binding) -> None:
        self.saved.append(binding)
        self.news.set()

    async def export(self) -> bytes:
        self.exports += 1
        return self.notebook


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "a.ipynb")


@asynccontextmanager
async def running(keeper: FileKeeper) -> AsyncGenerator[None]:
    task = asyncio.create_task(keeper.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def written(kept: Kept, count: int) -> None:
    """Wait until the keeper, whose writes are in a thread, has remembered so many."""
    while len(kept.saved) < count:
        kept.news.clear()
        await asyncio.wait_for(kept.news.wait(), 5)


async def test_a_change_is_written_once_it_is_quiet(kept: Kept) -> None:
    keeper = kept.keeper()
    async with running(keeper):
        kept.notebook = b"second"
        keeper.changed()
        await kept.clock.advance(0.4)
        keeper.changed()
        await kept.clock.advance(0.4)
        assert (kept.exports, kept.path.read_bytes()) == (0, b"first")
        await kept.clock.advance(0.1)
        await written(kept, 1)
    assert (kept.exports, kept.path.read_bytes()) == (1, b"second")
    assert kept.saved[0].file_sha256 == kept.saved[0].state_sha256 == fingerprint(b"second")


async def test_changes_that_go_on_are_written_now_and_then(kept: Kept) -> None:
    keeper = kept.keeper()
    async with running(keeper):
        for place in range(100):
            kept.notebook = b"%d" % place
            keeper.changed()
            await kept.clock.advance(0.1)
            await written(kept, place // 50)
    assert 1 <= kept.exports <= 3


async def test_a_notebook_that_did_not_change_writes_nothing(kept: Kept) -> None:
    keeper = kept.keeper()
    before = kept.path.stat()
    await keeper.write()
    assert (kept.path.stat().st_mtime_ns, kept.saved) == (before.st_mtime_ns, [])


async def test_a_file_that_another_program_changed_is_left_as_it_is(kept: Kept) -> None:
    keeper = kept.keeper()
    kept.path.write_bytes(b"theirs")
    kept.notebook = b"ours"
    await keeper.write()
    kept.notebook = b"ours again"
    await keeper.write()
    assert kept.path.read_bytes() == b"theirs"
    beside = kept.path.with_name("a.conflict.ipynb")
    assert beside.read_bytes() == b"ours again"
    assert kept.saved == []
    assert kept.said == [f"{kept.path} was changed by another program and is left as it is; this notebook is kept in {beside}"]


async def test_a_file_that_was_deleted_is_written_anew(kept: Kept) -> None:
    keeper = kept.keeper()
    kept.path.unlink()
    kept.notebook = b"second"
    await keeper.write()
    assert kept.path.read_bytes() == b"second"


async def test_a_file_that_cannot_be_written_is_said_once_and_tried_again(kept: Kept) -> None:
    keeper = kept.keeper()
    kept.path.unlink()
    kept.path.mkdir()  # no rename replaces a folder
    kept.notebook = b"second"
    await keeper.write()
    await keeper.write()
    assert len(kept.said) == 1
    assert "`runt export n1` writes it elsewhere" in kept.said[0]
    kept.path.rmdir()
    await keeper.write()
    assert kept.path.read_bytes() == b"second"
