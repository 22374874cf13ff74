"""What `sys.stdin`, `sys.stdout` and `sys.stderr` are in a cell, and the buffer with which a host gathers their text.

A stream hands every write on; how long text may wait before it is sent is the host's policy.
"""

import codecs
import io
import threading
from collections.abc import Callable
from typing import Any, final

from runtime_schema.outputs import Output, StreamName, StreamText

from .bundles import clean_text
from .interrupts import Interrupts, uninterruptible

BLOCKED_SLICE_S = 0.05

WriteText = Callable[[StreamName, str], None]


@final
class TextStream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of user code; never closed, also when user code closes it."""

    def __init__(self, name: StreamName, write: WriteText, flush: Callable[[], None], interrupts: Interrupts) -> None:
        super().__init__()
        self._name: StreamName = name
        self._write = write
        self._flush = flush
        self._interrupts = interrupts
        self.buffer = _BinarySide(self)

    def redirect(self, write: WriteText) -> None:
        """Hand writes on to somebody else from now on."""
        self._write = write

    @property
    def name(self) -> str:
        return f"<{self._name}>"

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a plain attribute where CPython has a property
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]  # as above
        return "replace"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        """The file descriptor that subprocesses get: the process's own, which its host captures."""
        return 1 if self._name == "stdout" else 2

    @uninterruptible
    def write(self, text: str, /) -> int:
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # user code passes anything
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        length = len(text)
        if length:
            self._write(self._name, clean_text(text))
        if self._interrupts.pending:
            self._interrupts.deliver()
        return length

    @uninterruptible
    def flush(self) -> None:
        self._flush()
        if self._interrupts.pending:
            self._interrupts.deliver()

    def close(self) -> None:
        """Flush only: a cell that closes its stream must not silence the cells after it."""
        self.flush()

    def reconfigure(self, **_settings: Any) -> None:
        """Accept what programs set on a real stream; encoding and buffering are the host's."""


@final
class _BinarySide(io.RawIOBase):
    """`sys.stdout.buffer`: bytes are read as UTF-8, also when a character is split between writes."""

    def __init__(self, stream: TextStream) -> None:
        super().__init__()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, data: Any, /) -> int:
        chunk = bytes(data)
        self._stream.write(self._decoder.decode(chunk))
        return len(chunk)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self.flush()


@final
class InputStream(io.TextIOBase):
    """`sys.stdin` of user code: a line is a question to the person at the notebook."""

    def __init__(self, ask: Callable[[str, bool], str]) -> None:
        super().__init__()
        self._ask = ask

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a plain attribute where CPython has a property
        return "utf-8"

    def readable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return 0

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # typeshed's parameter has another name
        line = self._ask("", False) + "\n"
        return line if size is None or size < 0 else line[:size]  # pyright: ignore[reportUnnecessaryComparison]

    def read(self, size: int | None = -1, /) -> str:
        return self.readline(-1 if size is None else size)

    def close(self) -> None:
        """Stay open, for the cells after this one."""


@final
class BufferedOutput:
    """Gathers written text per origin and stream, and keeps its order with all other outputs. Safe to use from threads.

    Args:
        deliver: Takes an output and its origin (an execution's id); may block.
        origin: Names the execution on whose behalf the caller runs.
        flush_now: Told how many characters wait, says whether they go now; else somebody calls `flush` later.
        while_blocked: Called again and again while another thread delivers and so holds up the caller; may raise an interrupt.
    """

    def __init__(
        self,
        deliver: Callable[[str, Output], None],
        origin: Callable[[], str],
        flush_now: Callable[[int], bool],
        while_blocked: Callable[[], None] = lambda: None,
    ) -> None:
        self._deliver = deliver
        self._origin = origin
        self._flush_now = flush_now
        self._while_blocked = while_blocked
        self.reset()

    def reset(self) -> None:
        """Forget what waits and who holds the lock: for the child of a fork, where neither is its own."""
        self._lock = threading.RLock()
        self._parts: list[str] = []
        self._size = 0
        self._where: tuple[str, StreamName] = ("", "stdout")

    @uninterruptible
    def write(self, stream: StreamName, text: str) -> None:
        """Take non-empty text of a stream."""
        where = (self._origin(), stream)
        if not self._lock.acquire(False):
            self._acquire()
        try:
            if where != self._where:
                self._flush()
                self._where = where
            self._parts.append(text)
            self._size += len(text)
            if self._flush_now(self._size):
                self._flush()
        finally:
            self._lock.release()

    @uninterruptible
    def emit(self, output: Output) -> None:
        """Take any output, after the text that was written before it."""
        if isinstance(output, StreamText):
            self.write(output.stream, output.text)
            return
        self._acquire()
        try:
            self._flush()
            self._deliver(self._origin(), output)
        finally:
            self._lock.release()

    @uninterruptible
    def flush(self) -> None:
        """Deliver the text that waits."""
        self._acquire()
        try:
            self._flush()
        finally:
            self._lock.release()

    def _acquire(self) -> None:
        # in slices: an interrupt does not end a wait for a lock
        while not self._lock.acquire(timeout=BLOCKED_SLICE_S):
            self._while_blocked()

    def _flush(self) -> None:
        if self._parts:
            text = "".join(self._parts)
            origin, stream = self._where
            self._parts.clear()
            self._size = 0
            self._deliver(origin, StreamText(stream=stream, text=text))
