"""The laws of interrupts on the event loop; real signals are in test_signals.py."""

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

import pytest

from runtime_python import Interrupts

NEVER = 3600.0


async def run(gate: Interrupts, coroutine: Coroutine[Any, Any, Any]) -> Any:
    return await gate.run(coroutine, contextvars.copy_context())


async def test_an_interrupt_while_awaiting_is_a_keyboard_interrupt_there() -> None:
    gate = Interrupts()
    caught: list[str] = []

    async def user() -> str:
        asyncio.get_running_loop().call_soon(gate.request)
        try:
            await asyncio.sleep(NEVER)
        except KeyboardInterrupt:
            caught.append("here")
        return "cleaned up"

    assert await run(gate, user()) == "cleaned up"
    assert caught == ["here"]
    assert gate.requested


async def test_an_uncaught_interrupt_comes_out_as_keyboard_interrupt() -> None:
    gate = Interrupts()
    asyncio.get_running_loop().call_soon(gate.request)
    with pytest.raises(KeyboardInterrupt):
        await run(gate, asyncio.sleep(NEVER))


async def test_after_an_interrupt_user_code_can_await_again() -> None:
    gate = Interrupts()

    async def user() -> str:
        asyncio.get_running_loop().call_soon(gate.request)
        try:
            await asyncio.sleep(NEVER)
        except KeyboardInterrupt:
            async with asyncio.timeout(NEVER):  # would see a cancellation that was left over
                await asyncio.sleep(0)
        return "healthy"

    assert await run(gate, user()) == "healthy"


async def test_the_task_that_is_awaited_is_cancelled() -> None:
    gate = Interrupts()
    inner = asyncio.ensure_future(asyncio.sleep(NEVER))

    async def user() -> None:
        asyncio.get_running_loop().call_soon(gate.request)
        await inner

    with pytest.raises(KeyboardInterrupt):
        await run(gate, user())
    assert inner.cancelled()


async def test_a_task_that_swallows_the_cancellation_does_not_swallow_the_interrupt() -> None:
    gate = Interrupts()

    async def stubborn() -> str:
        try:
            await asyncio.sleep(NEVER)
        except asyncio.CancelledError:
            return "swallowed"
        return "slept"

    async def user() -> None:
        asyncio.get_running_loop().call_soon(gate.request)
        await asyncio.ensure_future(stubborn())

    with pytest.raises(KeyboardInterrupt):
        await run(gate, user())


async def test_a_late_interrupt_does_not_hit_what_runs_next() -> None:
    gate = Interrupts()
    assert await run(gate, asyncio.sleep(0, "first")) == "first"
    gate.request()
    assert await run(gate, asyncio.sleep(0, "second")) == "second"
    assert not gate.requested


async def test_an_interrupt_between_arm_and_run_is_not_lost() -> None:
    gate = Interrupts()
    gate.arm()
    gate.request()
    with pytest.raises(KeyboardInterrupt):
        await run(gate, asyncio.sleep(NEVER))


async def test_user_code_that_cancels_itself_is_not_an_interrupt() -> None:
    gate = Interrupts()

    async def user() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(NEVER)

    with pytest.raises(asyncio.CancelledError):
        await run(gate, user())
    assert not gate.requested


async def test_a_host_that_gives_up_ends_user_code() -> None:
    gate = Interrupts()
    ended: list[str] = []

    async def user() -> None:
        try:
            await asyncio.sleep(NEVER)
        finally:
            ended.append("yes")

    host = asyncio.ensure_future(run(gate, user()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    host.cancel()
    with pytest.raises(asyncio.CancelledError):
        await host
    assert ended == ["yes"]


async def test_context_variables_live_from_one_run_to_the_next() -> None:
    gate, context, variable = Interrupts(), contextvars.copy_context(), contextvars.ContextVar("v", default=0)

    async def put() -> None:
        variable.set(7)

    async def get() -> int:
        return variable.get()

    await gate.run(put(), context)
    assert await gate.run(get(), context) == 7


async def test_values_and_exceptions_pass_through() -> None:
    gate = Interrupts()

    async def user() -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, ValueError("from a future"))
        try:
            await future
        except ValueError:
            return await asyncio.sleep(0, 3)
        return 0

    assert await run(gate, user()) == 3


async def test_an_interrupt_while_the_stack_is_switched_cancels_what_it_waits_for() -> None:
    gate = Interrupts()
    awaited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def user() -> str:
        with gate.suspended(awaited):
            assert not gate.stepping, "the loop runs now, and nothing may be raised in it"
            gate.request()
            gate.cancel()
        assert gate.stepping
        try:
            gate.deliver()
        except KeyboardInterrupt:
            return "interrupted"
        return "not interrupted"

    assert await run(gate, user()) == "interrupted"
    assert awaited.cancelled()


async def test_an_interrupt_that_came_before_the_stack_is_switched_is_raised_instead() -> None:
    gate = Interrupts()
    awaited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def user() -> None:
        gate.pending = True
        with gate.suspended(awaited):
            raise AssertionError("switched")

    with pytest.raises(KeyboardInterrupt):
        await run(gate, user())
    assert not awaited.done()


async def test_a_task_of_the_user_that_switches_its_stack_leaves_the_cell_s_interrupt_alone() -> None:
    gate = Interrupts()
    awaited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def background() -> None:
        with gate.suspended(awaited):
            await asyncio.sleep(NEVER)

    async def user() -> None:
        task = asyncio.ensure_future(background())
        asyncio.get_running_loop().call_soon(gate.request)
        try:
            await asyncio.sleep(NEVER)
        finally:
            task.cancel()

    with pytest.raises(KeyboardInterrupt):
        await run(gate, user())
    assert not awaited.done()
