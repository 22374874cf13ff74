"""What C code and subprocesses write to the descriptors of a child process, put in order with what the child sends.

The child numbers its messages, and with each it writes a mark, holding that number, into the captured descriptors.
So what stands behind a mark is shown after that message, however late either is read.
"""

import asyncio
import codecs
import os
import re
from collections import deque
from typing import final

from runtime_schema.outputs import StreamName

from .child import MARK_DIGITS, MARK_START


@final
class Source:
    """A descriptor that is read when it has something, and for the last time after `finish`."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._finishing = False
        self._waiter: asyncio.Future[None] | None = None
        os.set_blocking(fd, False)

    def read_now(self, size: int) -> bytes | None:
        """Read what is there: None for nothing yet, empty at the end."""
        try:
            return os.read(self.fd, size)
        except BlockingIOError:
            return None
        except ConnectionError:
            return b""

    async def next(self, size: int) -> bytes | None:
        """Wait for bytes; None at the end."""
        loop = asyncio.get_running_loop()
        while (data := self.read_now(size)) is None:
            if self._finishing:
                return None
            self._waiter = loop.create_future()
            loop.add_reader(self.fd, self._wake)
            try:
                await self._waiter
            finally:
                loop.remove_reader(self.fd)
        return data or None

    def finish(self) -> None:
        """End when nothing is left to read, although somebody else may hold the other end."""
        self._finishing = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@final
class Captured:
    """The text of one descriptor.

    Args:
        stream: What the descriptor is to the process.
        fd: Our end of its pipe.
        token: Tells a mark from what programs write.
    """

    def __init__(self, stream: StreamName, fd: int, token: str) -> None:
        self.stream: StreamName = stream
        self.source = Source(fd)
        self.kept = ""
        """Text that belongs to no execution yet."""
        self._prefix = MARK_START + token.encode()
        self._mark = re.compile(re.escape(self._prefix) + rb"(\d{%d})" % MARK_DIGITS)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._half = b""
        self._behind = 0
        self._waiting: deque[tuple[int, bytes]] = deque()

    def feed(self, data: bytes) -> None:
        """Take bytes that were read."""
        *before, last = self._mark.split(self._half + data)
        for text, number in zip(before[::2], before[1::2], strict=True):
            self._wait(text)
            self._behind = int(number)
        cut = self._find_half_a_mark(last)
        self._half = last[cut:]
        self._wait(last[:cut])

    def take(self, messages: int | None) -> str:
        """Give out the text that may be shown after that many messages, or all of it when no more come."""
        if messages is None:
            self._wait(self._half)
            self._half = b""
        due: list[bytes] = []
        while self._waiting and (messages is None or self._waiting[0][0] <= messages):
            due.append(self._waiting.popleft()[1])
        return self._decoder.decode(b"".join(due)) if due else ""

    def _wait(self, text: bytes) -> None:
        if text:
            self._waiting.append((self._behind, text))

    def _find_half_a_mark(self, text: bytes) -> int:
        start = text.rfind(MARK_START)
        begun = text[start:] if start >= 0 else b""
        whole = len(self._prefix) + MARK_DIGITS
        return start if begun and len(begun) < whole and begun[: len(self._prefix)] == self._prefix[: len(begun)] else len(text)
