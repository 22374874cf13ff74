"""An asyncio event loop of one node in virtual time: the product's own coroutines run on it, and can be stopped at any await.

A loop that was killed runs nothing more; its coroutines are closed at the end of the world, where they can do no harm.
"""

import asyncio
from asyncio.events import _set_running_loop  # pyright: ignore[reportPrivateUsage]  # asyncio's own way for other loops
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from typing import Any, final

from .world import World


@final
class _Handle(asyncio.Handle):
    """A callback that waits for its turn: asyncio's own, without what only debugging and several contexts need."""

    __slots__ = ()

    def __init__(self, callback: Callable[..., object], args: Sequence[Any], loop: asyncio.AbstractEventLoop, context: Context) -> None:
        self._callback: Any = callback
        self._args: Any = args
        self._loop: Any = loop
        self._context: Any = context
        self._cancelled = False
        self._repr: Any = None
        self._source_traceback: Any = None

    def cancel(self) -> None:
        self._cancelled = True


@final
class SimulatedLoop(asyncio.AbstractEventLoop):
    """The loop of one life of one node.

    Args:
        world: Whose time it follows.
        name: Of the node, for problems.
        disk_s: Draws how long a job for a thread takes.
    """

    def __init__(self, world: World, name: str, disk_s: Callable[[], float]) -> None:
        self.world = world
        self.name = name
        self.dead = False
        self.tenant: object = None
        """Whose life it is, for what is built on the loop."""
        self.frozen_until = 0.0
        self.on_death: Callable[[], None] | None = None
        """Called once, when `steps_left` has run out."""
        self.steps_left: int | None = None
        self._disk_s = disk_s
        self._ready: deque[asyncio.Handle] = deque()
        self._awake = False
        self._context = copy_context()
        self._tasks: list[asyncio.Task[Any]] = []  # Any: results; kept, so that none is collected while it waits

    def kill(self) -> None:
        """Run nothing more, as if the process had gone."""
        self.dead = True
        self._ready.clear()

    def bury(self) -> None:
        """Close what a dead or finished loop left waiting."""
        self.dead = True
        for task in self._tasks:
            if task.done():
                continue
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # of the C class: nobody is to hear of it
            _close(task.get_coro())

    # --- what asyncio asks of a loop

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        handle = _Handle(callback, args, self, context or self._context)
        if not self.dead:
            self._ready.append(handle)
            if not self._awake:
                self._awake = True
                self.world.soon.append(self._turn)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        return self.call_at(self.world.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not self.dead:
            self.world.at(max(when, self.world.now), self._due, handle)
        return handle

    def time(self) -> float:
        return self.world.now

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> "asyncio.Task[Any]":  # type: ignore[override]
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name or self.name, context=context)
        self._tasks.append(task)
        return task

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        future = self.create_future()

        def work() -> None:
            if self.dead or future.cancelled():
                return
            try:
                result = func(*args)
            except Exception as exc:  # it belongs to whoever awaits the thread
                future.set_exception(exc)
            else:
                future.set_result(result)

        self.world.after(self._disk_s(), self._in_thread, work)
        return future

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self.dead

    def is_closed(self) -> bool:
        return self.dead

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.dead:
            told = [str(context.get(key)) for key in ("message", "exception", "task")]
            self.world.problems.append(f"unhandled: on {self.name}: {' '.join(told)}")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Hear that a timer is void; it is passed over when it is due."""

    # --- turns

    def _due(self, handle: asyncio.TimerHandle) -> None:
        if self.dead or handle.cancelled():
            return
        self._ready.append(handle)
        if not self._awake:
            self._turn()

    def _in_thread(self, work: Callable[[], None]) -> None:
        if self.dead:
            return
        if self.frozen_until > self.world.now:
            self.world.at(self.frozen_until, self._in_thread, work)
            return
        self._run_here()
        work()

    def _run_here(self) -> None:
        """Be the running loop. Each change costs a system call, so the last one stays until another runs, or `leave_loops`."""
        if self.world.running is not self:
            self.world.running = self
            _set_running_loop(self)

    def _turn(self) -> None:
        if self.dead:
            return
        if self.frozen_until > self.world.now:
            self._awake = True
            self.world.at(self.frozen_until, self._turn)
            return
        self._awake = True
        self._run_here()
        self._run_ready()
        if self._ready and not self.dead:
            self.world.soon.append(self._turn)
        else:
            self._awake = False

    def _run_ready(self) -> None:
        ready = self._ready
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            handle._run()  # pyright: ignore[reportPrivateUsage]  # as every loop runs its handles
            if self.steps_left is not None:
                self.steps_left -= 1
                if self.steps_left <= 0 and self.on_death is not None:
                    self.steps_left = None
                    self.on_death()
            if self.dead:
                return


def leave_loops(world: World) -> None:
    """Have no running loop any more."""
    world.running = None
    _set_running_loop(None)


def _close(coro: Any) -> None:  # Any: a coroutine, of a task that is not done
    for _ in range(10):
        try:
            coro.close()
        except RuntimeError:
            continue  # it awaited while it was closed, in vain
        return
