"""When an interrupt may raise inside user code, and what it does instead when it may not.

KeyboardInterrupt is raised by a signal handler only while user code is being stepped and none of our own
functions is on the stack. While user code awaits, its task is cancelled and it sees KeyboardInterrupt at that
await. So neither the event loop nor half-written output is ever hit.
"""

import asyncio
import contextvars
import inspect
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, ParamSpec, TypeVar, final

P = ParamSpec("P")
T = TypeVar("T")

UNINTERRUPTIBLE: set[CodeType] = set()
"""Code below which no KeyboardInterrupt is raised; it is raised by `deliver` instead, where that code is consistent."""


def uninterruptible(function: Callable[P, T]) -> Callable[P, T]:
    """Mark a plain function as one that no KeyboardInterrupt may come out of, except through `Interrupts.deliver`."""
    UNINTERRUPTIBLE.add(function.__code__)  # type: ignore[attr-defined]  # a ParamSpec callable need not be a function
    return function


@final
class Interrupts:
    """Runs one user coroutine at a time and interrupts it."""

    def __init__(self) -> None:
        self.pending = False
        """An interrupt waits for a place where it may be raised; checked often, so a plain attribute."""
        self.requested = False
        """The host asked to interrupt the coroutine that runs now or ran last."""
        self.stepping = False
        """User code is on the stack right now."""
        self._task: asyncio.Task[Any] | None = None  # Any: whatever the coroutine returns
        self._until: asyncio.Future[Any] | None = None  # Any: as above
        self._cancelled = False
        self._armed = False

    def arm(self) -> None:
        """From now on a request is for the coroutine that `run` gets next, although it does not run yet."""
        self.pending = self.requested = self._cancelled = False
        self._armed = True

    async def run(self, coroutine: Coroutine[Any, Any, T], context: contextvars.Context) -> T:
        """Drive user code to its end in a task of its own, in `context`.

        Raises:
            KeyboardInterrupt: It was interrupted and did not catch that itself.
        """
        if not self._armed:
            self.arm()
        task = asyncio.get_running_loop().create_task(self._drive(coroutine), context=context)
        self._task = task
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:  # the host gives up: user code must not outlive that
            task.cancel()
            if self._until is not None:
                self._until.cancel()
            await asyncio.wait([task])
            raise
        finally:
            self._task = None
            self.pending = self._armed = False
            coroutine.close()
        if task.cancelled():
            raise KeyboardInterrupt if self.requested else asyncio.CancelledError
        outcome = task.result()
        if isinstance(outcome, _Raised):
            raise outcome.error
        return outcome

    async def _drive(self, coroutine: Coroutine[Any, Any, T]) -> "T | _Raised":
        # asyncio lets KeyboardInterrupt and SystemExit of a task fly out of the event loop: hand them over as values
        try:
            return await _Steps(self, coroutine)
        except (KeyboardInterrupt, SystemExit) as error:
            return _Raised(error)

    def request(self, frame: FrameType | None = None, *, by_host: bool = True) -> None:
        """Interrupt what runs; nothing when nothing runs. Call it on the engine's thread.

        Args:
            frame: In a signal handler, the frame that was interrupted.
            by_host: Whether the notebook asked, rather than user code that sent itself a signal.
        """
        task = self._task
        if not self._armed or (task is not None and task.done()):
            return
        self.requested = self.requested or by_host
        if self.stepping and _may_raise(frame or inspect.currentframe()):
            raise KeyboardInterrupt
        self.pending = True
        if not self.stepping and task is not None:
            task.get_loop().call_soon_threadsafe(self.cancel)  # threadsafe: it also wakes a loop that sleeps

    def deliver(self) -> None:
        """Raise the interrupt that is pending, if the caller is being stepped."""
        if self.pending and self.stepping and self._is_engine_thread():
            self.pending = False
            raise KeyboardInterrupt

    def raise_again(self, frame: FrameType) -> bool:
        """Raise the interrupt once more, where a destructor or a callback of a weak reference has swallowed it; whether it was one.

        Args:
            frame: What ran when the destructor or the callback was called, and runs on.
        """
        if not (self.stepping and self._is_engine_thread()):
            return False
        self.pending = True
        trace, frame_trace = sys.gettrace(), frame.f_trace

        def strike(inner: FrameType, _event: str, _arg: object) -> None:
            if self.pending and self.stepping and not _may_raise(inner):
                return
            sys.settrace(trace)
            frame.f_trace = frame_trace
            self.deliver()

        # At the next line, as a debugger stops: nothing else comes by in a loop that calls nothing.
        frame.f_trace = strike
        sys.settrace(strike)
        return True

    @contextmanager
    def suspended(self, until: "asyncio.Future[Any]") -> Generator[None, None, None]:  # Any: the result is not looked at
        """Mark that the caller's stack stands still for `until` while the loop runs, where a host can switch stacks.

        An interrupt that comes meanwhile cancels `until`; the caller then calls `deliver`, as it should in any case.

        Raises:
            KeyboardInterrupt: One is pending already.
        """
        if not (self.stepping and self._is_engine_thread()):  # user code's other tasks: no interrupt is for them
            yield
            return
        self.deliver()
        self._until, self.stepping = until, False
        try:
            yield
        finally:
            self._until, self.stepping = None, True

    def _is_engine_thread(self) -> bool:
        try:
            return asyncio.current_task() is self._task
        except RuntimeError:  # another thread, which has no loop
            return False

    def cancel(self) -> None:
        """Wake user code from its await, to take the interrupt that is pending."""
        if self.pending and self._until is not None:
            self._until.cancel()
        elif self.pending and self._task is not None:
            self._cancelled = True
            self._task.cancel()

    def take(self) -> KeyboardInterrupt:
        """Turn the pending interrupt into what is thrown into user code."""
        self.pending = False
        if self._cancelled and self._task is not None:
            self._cancelled = False
            self._task.uncancel()
        return KeyboardInterrupt()


@final
class _Raised:
    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


@final
class _Steps:
    """Awaits a coroutine step by step, so that it is known when its code runs and when it waits."""

    def __init__(self, gate: Interrupts, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._gate = gate
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Any]:  # Any: what awaitables yield is between them and the loop
        # CPython runs signal handlers only after calls, at function starts and at loop ends. Between the check of
        # `pending` and `send` there is none of these, so no interrupt is lost; one that comes when `send` has just
        # returned finds this frame (STEP), is left pending, and cancels the await, so what was yielded is not lost either.
        gate, coroutine = self._gate, self._coroutine
        value: Any = None
        error: BaseException | None = None
        while True:
            if gate.pending:
                error = gate.take()
            try:
                gate.stepping = True
                yielded = coroutine.send(value) if error is None else coroutine.throw(error)
            except StopIteration as done:
                return done.value
            finally:
                gate.stepping = False
            if gate.pending:
                asyncio.get_running_loop().call_soon(gate.cancel)
            value = error = None
            try:
                value = yield yielded
            except BaseException as thrown:  # it goes on into user code, whatever it is
                # without this frame, which is no part of where it has been
                error = thrown.with_traceback(thrown.__traceback__ and thrown.__traceback__.tb_next)


STEP: CodeType = _Steps.__await__.__code__


def _may_raise(frame: FrameType | None) -> bool:
    if frame is None or frame.f_code is STEP:
        return False
    current: FrameType | None = frame
    while current is not None and current.f_code is not STEP:
        if current.f_code in UNINTERRUPTIBLE:
            return False
        current = current.f_back
    return True
