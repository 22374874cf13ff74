"""Waits of user code that an interrupt ends: with a control buffer, with a switched stack, and with neither."""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import pytest

from runtime_browser.blocking import Blocking, StackSwitching
from runtime_browser.testing import FakeBridge, SwitchedStack
from runtime_core.ports import Clock
from runtime_python import Interrupts


class BlockedClock(Clock):
    """Time that moves while the thread is blocked."""

    def __init__(self, bridge: FakeBridge) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.waits: list[float] = []
        self.slice_ms = 1e9
        bridge.while_blocked = self._block

    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def _block(self, ms: float) -> None:
        self.waits.append(ms)
        self.now += min(ms, self.slice_ms) / 1000


class Waiting:
    """What blocks, and what it needs."""

    def __init__(self, *, isolated: bool, switching: StackSwitching | None = None) -> None:
        self.bridge = FakeBridge(isolated=isolated)
        self.clock = BlockedClock(self.bridge)
        self.looks = 0
        self.interrupt_at: int | None = None
        self.blocking = Blocking(self.bridge, self.clock, Interrupts(), self._look, switching)

    def _look(self) -> None:
        self.looks += 1
        if self.looks == self.interrupt_at:
            raise KeyboardInterrupt


def test_a_sleep_blocks_in_slices_as_long_as_it_should() -> None:
    waiting = Waiting(isolated=True)
    waiting.blocking.sleep(2.5)
    assert waiting.clock.waits == [1000, 1000, 500]
    assert waiting.looks == 4


def test_a_sleep_that_is_woken_for_nothing_goes_on() -> None:
    waiting = Waiting(isolated=True)
    waiting.clock.slice_ms = 250
    waiting.blocking.sleep(1)
    assert waiting.clock.waits == [1000, 750, 500, 250]


def test_an_interrupt_ends_a_sleep() -> None:
    waiting = Waiting(isolated=True)
    waiting.interrupt_at = 3
    with pytest.raises(KeyboardInterrupt):
        waiting.blocking.sleep(3600)
    assert waiting.clock.now == 102


def test_a_sleep_takes_what_the_plain_one_takes() -> None:
    waiting = Waiting(isolated=True)
    for wrong, error in ((-1, ValueError), (float("nan"), ValueError), ("1", TypeError), (None, TypeError)):
        with pytest.raises(error):
            waiting.blocking.sleep(wrong)  # type: ignore[arg-type]  # as user code may
    waiting.blocking.sleep(0)
    waiting.blocking.sleep(True)
    assert waiting.clock.waits == [1000]


def test_without_anything_the_plain_sleep_is_used() -> None:
    waiting = Waiting(isolated=False)
    waiting.blocking.sleep(0)
    assert waiting.clock.waits == []
    assert not waiting.blocking.can_switch


def test_what_was_replaced_is_given_back() -> None:
    plain, module = time.sleep, ModuleType("pyodide_ffi")
    switching = StackSwitching(_refuse, lambda: False, (module,))
    waiting = Waiting(isolated=True, switching=switching)
    waiting.blocking.install()
    try:
        assert time.sleep == waiting.blocking.sleep
        assert module.run_sync == waiting.blocking.run_sync
    finally:
        waiting.blocking.restore()
    assert time.sleep is plain
    assert module.run_sync is _refuse


def test_a_question_blocks_until_its_own_reply() -> None:
    waiting = Waiting(isolated=True)
    posted: list[int] = []

    def answer(ms: float) -> None:
        waiting.bridge.reply(len(posted), f"answer {len(posted)}")

    waiting.bridge.while_blocked = answer
    assert waiting.blocking.ask(posted.append) == ("answer 1", "")
    assert waiting.blocking.ask(posted.append) == ("answer 2", "")
    assert posted == [1, 2]


def test_an_interrupt_ends_a_question() -> None:
    waiting = Waiting(isolated=True)
    waiting.interrupt_at = 4
    with pytest.raises(KeyboardInterrupt):
        waiting.blocking.ask(lambda _: None)


async def test_where_the_stack_cannot_be_switched_pyodide_says_so() -> None:
    waiting = Waiting(isolated=False, switching=StackSwitching(_refuse, lambda: False))
    with pytest.raises(RuntimeError, match="cannot switch"):
        waiting.blocking.run_sync(asyncio.get_running_loop().create_future())


def _refuse(_: Awaitable[Any]) -> Any:
    raise RuntimeError("cannot switch")


class Cell:
    """Runs a function as user code, on a stack that can be switched."""

    def __init__(self) -> None:
        self.interrupts = Interrupts()
        bridge = FakeBridge()
        self.clock = BlockedClock(bridge)
        self.blocking = Blocking(bridge, self.clock, self.interrupts, self.interrupts.deliver, SwitchedStack().switching)

    async def run(self, function: Callable[[], Any]) -> Any:
        async def user() -> Any:
            return function()

        return await self.interrupts.run(user(), contextvars.copy_context())


async def test_a_switched_stack_gives_what_was_awaited_while_others_run() -> None:
    cell, seen = Cell(), list[str]()

    async def work() -> str:
        seen.append("work")
        await asyncio.sleep(0)
        return "done"

    async def other() -> None:
        seen.append("other")

    def user() -> str:
        task = asyncio.ensure_future(other())
        result = cell.blocking.run_sync(work())
        assert task.done()
        return result

    assert await cell.run(user) == "done"
    assert seen == ["other", "work"]


async def test_an_error_of_what_was_awaited_is_raised() -> None:
    cell = Cell()

    async def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await cell.run(lambda: cell.blocking.run_sync(fail()))


async def test_an_interrupt_cancels_what_a_switched_stack_waits_for() -> None:
    cell = Cell()
    never = asyncio.get_running_loop().create_future()

    def user() -> str:
        asyncio.get_running_loop().call_soon(cell.interrupts.request)
        try:
            cell.blocking.run_sync(never)
        except KeyboardInterrupt:
            return f"interrupted, then {cell.blocking.run_sync(asyncio.sleep(0, 'healthy'))}"
        return "not interrupted"

    assert await cell.run(user) == "interrupted, then healthy"
    assert never.cancelled()


async def test_an_interrupt_is_not_for_another_task_that_switched_its_stack() -> None:
    cell = Cell()
    release: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def background() -> str:
        return cell.blocking.run_sync(release)

    async def user() -> str:
        task = asyncio.ensure_future(background())
        loop = asyncio.get_running_loop()
        loop.call_later(0, cell.interrupts.request)
        loop.call_later(0.001, release.set_result, "released")
        return await asyncio.shield(task)

    with pytest.raises(KeyboardInterrupt):
        await cell.interrupts.run(user(), contextvars.copy_context())
    assert await release == "released"


async def test_a_host_that_gives_up_ends_a_switched_stack() -> None:
    cell = Cell()
    never = asyncio.get_running_loop().create_future()
    running = asyncio.ensure_future(cell.run(lambda: cell.blocking.run_sync(never)))
    asyncio.get_running_loop().call_later(0, running.cancel)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert never.cancelled()


async def test_a_sleep_switches_the_stack_where_there_is_no_buffer() -> None:
    cell = Cell()
    await cell.run(lambda: cell.blocking.sleep(5))
    assert cell.clock.slept == [5]
