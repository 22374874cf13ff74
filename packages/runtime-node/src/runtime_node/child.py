"""The process that runs user code: an IPython engine behind a socket. And the frames that it and the agent exchange.

Run as a script, by path, so that nothing of the agent is loaded. It imports the standard library, `runtime_python` and of
`runtime_schema` what outputs are, the first only once it runs. It ends when the agent does, however that ends.
"""

import _posixsubprocess
import asyncio
import ctypes
import faulthandler
import functools
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from importlib.machinery import PathFinder
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, final

if __name__ == "__main__":
    # Another interpreter has IPython, and not us: these packages of ours it finds where the agent has them, and nothing else.
    _OURS = dict(entry.split("=", 1) for entry in sys.argv.pop().split(os.pathsep))

    class _FindOurs:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> object:
            return PathFinder.find_spec(name, [_OURS[name]]) if name in _OURS else None

    sys.meta_path.append(_FindOurs)  # type: ignore[arg-type]  # a finder is whatever has find_spec

from runtime_schema.live import CommMessage, comm_from_json
from runtime_schema.outputs import ClearOutput, DisplayData, DisplayUpdate, ErrorOutput, ExecuteResult, Output, StreamText

if TYPE_CHECKING:
    from runtime_python import IPythonEngine

FLUSH_INTERVAL_S = 0.010
FLUSH_CHARS = 32768
READ_BYTES = 262144
BLOCKED_POLL_MS = 50
MARK_START = b"\xff"  # never in UTF-8
MARK_DIGITS = 16
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
STARTERS = (
    *((os, name) for name in ("execv", "execve", "fork", "forkpty", "posix_spawn", "posix_spawnp", "system")),
    (_posixsubprocess, "fork_exec"),
    (subprocess, "_fork_exec"),
)
"""What all other ways to start a process call."""

LARGE = 64 * 1024
"""Representations of so many characters travel beside the JSON of their message, which would cost them more than the way."""

_LENGTHS = struct.Struct("!IQ")
_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode_frame(message: list[Any], large: Sequence[str] = ()) -> bytes:
    """Encode a message, a kind followed by its fields, and texts beside it: both lengths, then JSON, then the texts.

    The texts' lengths in bytes are the last field of the JSON, where there are texts.
    """
    if not large:
        body = _encode_json(message).encode("utf-8", "replace")
        return _LENGTHS.pack(len(body), 0) + body
    texts = [text.encode("utf-8", "replace") for text in large]
    sizes = [len(text) for text in texts]
    body = _encode_json([*message, sizes]).encode("utf-8", "replace")
    return b"".join((_LENGTHS.pack(len(body), sum(sizes)), body, *texts))


@final
class FrameReader:
    """Cuts received bytes into messages."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> list[list[Any]]:
        """Take bytes and return the messages that are complete, in order; texts beside a message are its last field, a list."""
        received = self._received
        received += data
        messages: list[list[Any]] = []
        start = 0
        while len(received) - start >= _LENGTHS.size:
            length, beside = _LENGTHS.unpack_from(received, start)
            body = start + _LENGTHS.size
            if len(received) - body < length + beside:
                break
            message: list[Any] = json.loads(received[body : body + length])
            start = body + length + beside
            if beside:
                message.append(_split(received, body + length, message.pop()))
            messages.append(message)
        del received[:start]
        return messages


def _split(received: bytearray, start: int, sizes: list[int]) -> list[str]:
    texts: list[str] = []
    with memoryview(received) as view:
        for size in sizes:
            texts.append(str(view[start : start + size], "utf-8"))
            start += size
    return texts


def set_aside(bundle: Mapping[str, str], large: list[str]) -> dict[str, str | int]:
    """Put large representations into a list; in the bundle their place in it stands for them."""
    packed: dict[str, str | int] = {}
    for mime_type, text in bundle.items():
        if len(text) < LARGE:
            packed[mime_type] = text
        else:
            packed[mime_type] = len(large)
            large.append(text)
    return packed


def _whole(bundle: Mapping[str, str | int], large: Sequence[str]) -> dict[str, str]:
    return {mime_type: large[part] if isinstance(part, int) else part for mime_type, part in bundle.items()}


def pack_output(output: Output, large: list[str]) -> list[Any]:
    """Turn an output into a JSON list; large representations go into `large`."""
    match output:
        case StreamText():
            return ["stream", output.stream, output.text]
        case DisplayData():
            return ["display", set_aside(output.bundle, large), output.metadata, output.display_id]
        case DisplayUpdate():
            return ["update", set_aside(output.bundle, large), output.metadata, output.display_id]
        case ExecuteResult():
            return ["result", set_aside(output.bundle, large), output.metadata, output.execution_count]
        case ErrorOutput():
            return ["error", output.name, output.value, list(output.traceback)]
        case ClearOutput():
            return ["clear", output.wait]


def unpack_output(packed: list[Any], large: Sequence[str] = ()) -> Output:
    """Turn what `pack_output` returned back into an output."""
    match packed:
        case ["stream", stream, text]:
            return StreamText(stream=stream, text=text)
        case ["display", bundle, metadata, display_id]:
            return DisplayData(bundle=_whole(bundle, large), metadata=metadata, display_id=display_id)
        case ["update", bundle, metadata, display_id]:
            return DisplayUpdate(display_id=display_id, bundle=_whole(bundle, large), metadata=metadata)
        case ["result", bundle, metadata, execution_count]:
            return ExecuteResult(execution_count=execution_count, bundle=_whole(bundle, large), metadata=metadata)
        case ["error", name, value, traceback]:
            return ErrorOutput(name=name, value=value, traceback=tuple(traceback))
        case ["clear", wait]:
            return ClearOutput(wait=wait)
        case _:
            raise ValueError(f"not an output: {packed!r:.80}")


@final
class Channel:
    """The child's end of the control socket. Writing blocks while the agent does not read: that is the back-pressure.

    Its `send` and `receive` are never cut by an interrupt; while `send` waits it calls `deliver_interrupt`.

    Args:
        fd: The socket.
        captured: Descriptors that the agent reads too, where marks are left.
        token: Tells a mark from what programs write.
    """

    def __init__(self, fd: int, captured: Sequence[int], token: str) -> None:
        self.fd = fd
        self.engine: IPythonEngine | None = None
        self.impatient: int | None = None
        """The thread that must not wait, by its identifier."""
        self._lock = threading.Lock()
        self._outgoing = bytearray()
        self._count = 0
        self._frames = FrameReader()
        self.silent = False
        """Set in the child of a fork: the socket is its parent's."""
        self._mark = MARK_START + token.encode() + b"%%0%dd" % MARK_DIGITS
        self._marked = select.poll()
        for captured_fd in captured:
            self._marked.register(captured_fd, select.POLLOUT)
        self._readable = select.poll()
        self._readable.register(fd, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(fd, select.POLLOUT)
        os.set_blocking(fd, False)

    def send(self, message: list[Any], large: Sequence[str] = (), *, marked: bool = False) -> None:
        """Send a message, after all that was sent before and, if marked, before all that is written to `captured` later."""
        frame = encode_frame(message, large)
        self._acquire()
        try:
            if self.silent:
                return
            self._outgoing += frame
            self._count += 1
            if marked:
                self._write_marks()
            self._drain(wait=threading.get_ident() != self.impatient)
        finally:
            self._lock.release()

    def flush(self) -> bool:
        """Send what can be sent without waiting; whether that was all."""
        self._acquire()
        try:
            self._drain(wait=False)
            return not self._outgoing
        finally:
            self._lock.release()

    def deliver_interrupt(self) -> None:
        """Raise the interrupt that is pending for the caller, if one is."""
        if self.engine is not None:
            self.engine.interrupts.deliver()

    def receive(self) -> list[list[Any]]:
        """Return the messages that are here, without waiting. Without an agent at the other end, end this process."""
        try:
            data = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            end_with_group()
        return self._frames.feed(data)

    def wait_readable(self) -> None:
        """Block until there is something to receive; interrupts may raise."""
        self._readable.poll()

    def wait_writable(self) -> None:
        """Block until something can be sent."""
        self._writable.poll()

    def _acquire(self) -> None:
        while not self._lock.acquire(timeout=BLOCKED_POLL_MS / 1000):
            self.deliver_interrupt()

    def _write_marks(self) -> None:
        for fd, event in self._marked.poll(0):
            if event & select.POLLOUT:  # a full pipe gets none: what is behind it is in no order
                with suppress(OSError):  # the agent has ended: the socket tells
                    os.write(fd, self._mark % self._count)

    def _drain(self, *, wait: bool) -> None:
        while self._outgoing:
            try:
                sent = os.write(self.fd, self._outgoing)
            except BlockingIOError:
                if not wait:
                    return
                self._writable.poll(BLOCKED_POLL_MS)
                self.deliver_interrupt()
            except OSError:
                end_with_group()
            else:
                del self._outgoing[:sent]


@final
class Child:
    """Runs the executions that the agent sends, one after another."""

    def __init__(self, control: int, interrupts: int, token: str) -> None:
        from runtime_python import BufferedOutput, IPythonEngine, uninterruptible  # the agent imports this module too

        self._pid = os.getpid()
        self._forked = False
        self._interrupts = interrupts
        self._running: str | None = None
        self._last = ""
        self._asked: set[str] = set()
        self._signals = 0
        self._spare_signals = 0
        self._questions = 0
        self._owners: dict[str, str] = {}
        self._origin: ContextVar[str | None] = ContextVar("execution", default=None)
        self._inbox: asyncio.Queue[list[Any]] = asyncio.Queue()
        self._flushed = 0.0
        self._armed = False
        self._wake = threading.Event()
        self._libc = ctypes.CDLL(None)
        uninterruptible(Channel.send)
        uninterruptible(Channel.flush)
        uninterruptible(Channel.receive)
        self._channel = Channel(control, (os.dup(1), os.dup(2)), token)  # copies: user code may put other files at 1 and 2
        self._output = BufferedOutput(self._deliver, self._origin_of_caller, self._flush_now, self._channel.deliver_interrupt)
        self._engine = IPythonEngine(
            self._output.emit,
            self._read_input,
            write=self._output.write,
            flush=self._output.flush,
            send_comm=self._send_comm,
            ask_exit=self._ask_exit,
            hidden_files=[__file__],
        )
        self._channel.engine = self._engine
        self._carry_origin_into_threads()
        for module, name in STARTERS:
            self._flush_before(module, name)
        os.register_at_fork(after_in_child=self._after_fork)
        signal.signal(signal.SIGINT, self._on_sigint)
        threading.Thread(target=self._flush_late, name="runt-flush", daemon=True).start()

    @property
    def engine(self) -> "IPythonEngine":
        """What answers questions."""
        return self._engine

    async def serve(self) -> None:
        """Run executions until the agent says stop."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._channel.fd, self._on_readable)
        self._channel.send(["ready", facts()])
        while True:
            match await self._inbox.get():
                case ["execute", str(execution_id), str(source), int(count)]:
                    await self._execute(execution_id, source, count)
                case ["stop"]:
                    break
                case unknown:
                    raise ValueError(f"the agent sent what this engine does not know: {unknown!r:.80}")
        loop.remove_reader(self._channel.fd)
        self._engine.close()
        self._output.flush()

    async def _execute(self, execution_id: str, source: str, count: int) -> None:
        if signal.getsignal(signal.SIGINT) != self._on_sigint:  # an earlier cell took the signal for itself
            signal.signal(signal.SIGINT, self._on_sigint)
        self._engine.context.run(self._origin.set, execution_id)
        self._last = execution_id
        self._engine.interrupts.arm()
        self._running = execution_id
        if execution_id in self._asked:  # the interrupt overtook the request
            self._engine.interrupts.request()
        reply = await self._engine.execute(source, execution_count=count)
        self._running = None
        self._asked.clear()
        if os.getpid() != self._pid:  # user code forked, and this is the copy
            os._exit(0)
        self._libc.fflush(None)
        self._channel.send(["done", execution_id, reply.status, reply.error_name, reply.error_value])

    def _on_readable(self) -> None:
        for message in self._channel.receive():
            self._take(message)

    def _take(self, message: list[Any]) -> None:
        match message:
            case ["comm", value]:
                self._hear_comm(comm_from_json(value))
            case ["input", *_]:
                pass  # an answer that nobody waits for any more
            case _:
                self._inbox.put_nowait(message)

    def _hear_comm(self, message: CommMessage) -> None:
        # Between cells, and while one awaits; never inside of one. What it shows belongs to the cell that opened the comm.
        context = self._engine.context.copy()
        context.run(self._origin.set, self._owners.get(message.comm_id, self._last))
        asyncio.get_event_loop().call_soon(self._engine.comm_message, message, context=context)

    def _send_comm(self, message: CommMessage) -> None:
        origin = self._origin_of_caller()
        if message.kind == "open":
            self._owners[message.comm_id] = origin
        elif message.kind == "close":
            self._owners.pop(message.comm_id, None)
        self._output.flush()
        self._channel.send(["comm", origin, message.to_json()])

    def _ask_exit(self) -> None:
        self._channel.send(["exit"])

    def _deliver(self, origin: str, output: Output) -> None:
        if not self._forked:
            last = isinstance(output, (ExecuteResult, ErrorOutput))  # no code of the cell comes after these
            large: list[str] = []
            self._channel.send(["output", origin, pack_output(output, large)], large, marked=not last)
        elif isinstance(output, StreamText):  # the socket is the parent's: a forked process writes to what is captured
            data = output.text.encode("utf-8", "replace")
            while data:
                data = data[os.write(1 if output.stream == "stdout" else 2, data) :]

    def _origin_of_caller(self) -> str:
        known = self._origin.get()
        if known is None:
            known = getattr(threading.current_thread(), "runt_execution", None)
        return known or self._last

    def _carry_origin_into_threads(self) -> None:
        start, origin_of_caller = threading.Thread.start, self._origin_of_caller

        def start_for_execution(self: threading.Thread) -> None:
            self.runt_execution = origin_of_caller()  # type: ignore[attr-defined]  # ours, on the user's thread
            start(self)

        threading.Thread.start = start_for_execution

    def _flush_before(self, module: ModuleType, name: str) -> None:
        # an audit hook would do, but makes each id() and sys._getframe() ten times slower
        function, flush, deliver_interrupt = getattr(module, name), self._output.flush, self._channel.deliver_interrupt

        @functools.wraps(function)
        def flush_and_start(*args: Any, **kwargs: Any) -> Any:
            flush()
            deliver_interrupt()  # one that came during the flush would wait for the end of the process
            return function(*args, **kwargs)

        flush_and_start.__module__ = module.__name__  # where pickle finds it, and in another process the plain one
        setattr(module, name, flush_and_start)

    def _flush_now(self, waiting: int) -> bool:
        now = time.monotonic()
        if waiting >= FLUSH_CHARS or now - self._flushed >= FLUSH_INTERVAL_S or self._forked:
            self._flushed = now
            return True
        if not self._armed:
            self._armed = True
            self._wake.set()
        return False

    def _flush_late(self) -> None:
        self._channel.impatient = threading.get_ident()
        while True:
            self._wake.wait()
            self._wake.clear()
            time.sleep(FLUSH_INTERVAL_S)
            self._armed = False
            self._output.flush()
            while not self._channel.flush():
                self._channel.wait_writable()

    def _read_input(self, prompt: str, password: bool) -> str:
        from IPython.core.error import StdinNotImplementedError  # as above

        if threading.current_thread() is not threading.main_thread() or self._forked:
            raise StdinNotImplementedError("input() can only be called in the cell's own thread, not in another thread or process")
        self._questions += 1
        self._channel.send(["input", self._origin_of_caller(), self._questions, prompt, password])
        while True:
            answer: tuple[str | None, str] | None = None
            for message in self._channel.receive():
                match message:
                    case ["input", self._questions, value, problem]:
                        answer = value, problem
                    case _:
                        self._take(message)
            self._engine.interrupts.deliver()
            if answer is not None:
                value, problem = answer
                if value is None:
                    raise StdinNotImplementedError(problem)
                return value
            self._channel.wait_readable()

    def _on_sigint(self, _signal: int, frame: FrameType | None) -> None:
        # Each id has a signal of its own, and signals that come together are one. Those that come while this looks are counted with
        # it: else one between the reading and the counting would pass for one without an id. CPython looks for signals at calls and
        # jumps back alone, so there is none between the last comparison and the end of the counting.
        self._signals += 1
        if self._signals > 1:
            return
        asked: list[str] = []
        counted = found = 0
        while counted < self._signals:
            counted = self._signals
            asked += self._read_interrupts()
            found = len(asked)
        self._signals = 0
        self._spare_signals += found - counted
        by_user = self._spare_signals < 0
        if by_user:
            self._spare_signals = 0
        self._asked.update(asked)
        if self._running in asked:
            self._signal_subprocesses()
            self._engine.interrupts.request(frame)
        elif by_user:
            self._engine.interrupts.request(frame, by_host=False)

    def _read_interrupts(self) -> list[str]:
        try:
            return os.read(self._interrupts, 65536).decode().split()
        except BlockingIOError:
            return []

    def _signal_subprocesses(self) -> None:
        if os.getpgrp() == self._pid:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.killpg(0, signal.SIGINT)
            signal.signal(signal.SIGINT, self._on_sigint)

    def _after_fork(self) -> None:
        self._forked = self._channel.silent = True
        self._output.reset()
        signal.signal(signal.SIGINT, signal.default_int_handler)


def facts() -> dict[str, str]:
    """Say what runs here."""
    from IPython.core.release import version  # as in Child

    return {
        "language": "python",
        "version": sys.version.partition(" ")[0],
        "implementation": "IPython",
        "implementation_version": version,
        "pid": str(os.getpid()),
    }


def end_with_group() -> None:
    """End this process and what it started, at once: there is nobody to work for."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def die_with_agent(side: int, agent_pid: int, serving: "list[Child]") -> None:
    """Arrange the end of this process for when the agent's end of `side` closes, on Linux even inside C code.

    Until then the thread that watches answers what the agent asks through it, while cells run.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != agent_pid:
        end_with_group()

    def watch() -> None:
        frames = FrameReader()
        with suppress(OSError):
            while data := os.read(side, READ_BYTES):
                for number, question, asked in frames.feed(data):
                    try:
                        answer = [number, serving[0].engine.answer(question, asked), ""]
                    except Exception as problem:  # whatever a namespace makes of being looked at
                        answer = [number, None, f"{type(problem).__name__}: {problem}"]
                    _write_all(side, encode_frame(answer))
        end_with_group()

    threading.Thread(target=watch, name="runt-side", daemon=True).start()


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def limit_memory(limit_bytes: int) -> None:
    """Let allocations beyond the limit fail with MemoryError, where the system can do that; 0 is no limit."""
    if limit_bytes:
        import resource  # POSIX only

        kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
        resource.setrlimit(kind, (limit_bytes, limit_bytes))


def main(arguments: list[str]) -> None:
    """Serve, given the descriptors of control socket, interrupts and side socket, the agent's pid, a memory limit and a token for marks."""
    control, interrupts, side, agent_pid, limit_bytes = map(int, arguments[:5])
    for fd in (control, interrupts, side):
        os.set_inheritable(fd, False)
    os.set_blocking(interrupts, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until there is something to interrupt
    faulthandler.enable(all_threads=False)
    serving: list[Child] = []
    die_with_agent(side, agent_pid, serving)
    limit_memory(limit_bytes)
    sys.path.insert(0, "")
    serving.append(Child(control, interrupts, arguments[5]))
    asyncio.run(serving[0].serve())


if __name__ == "__main__":
    main(sys.argv[1:])
