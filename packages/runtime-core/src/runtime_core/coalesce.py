"""From many small writes to few events: when text is sent on, and where it is cut. Pure; time is passed in.

The first text after a pause goes at once, so nobody waits for a first line. What follows is gathered for an interval
that grows while the text goes on. Text of several keys (streams, markdown outputs) keeps its order.
"""

import unicodedata
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from .media import clean_text, encoded_size
from .options import CoalesceOptions

KeyT = TypeVar("KeyT")

_JOINERS = frozenset("\u200d\ufe0e\ufe0f")  # zero-width joiner and variation selectors
_LONGEST_GRAPHEME = 32  # beyond this many characters it is noise, and cut


class Chunk(NamedTuple, Generic[KeyT]):
    """Text for one event; `size_bytes` is its size as JSON."""

    key: KeyT
    text: str
    size_bytes: int


class TextCoalescer(Generic[KeyT]):
    """Gathers text until it is due. Whoever adds asks `due` afterwards, and calls `tick` then."""

    def __init__(self, options: CoalesceOptions) -> None:
        self._options = options
        self._pending: list[tuple[KeyT, list[str]]] = []
        self._characters = 0
        self._half: tuple[KeyT, str] | None = None
        self._interval_s = options.min_interval_s
        self._sent_at: float | None = None

    @property
    def due(self) -> float | None:
        """When `tick` must be called, on the clock of `now`; None when nothing waits."""
        if not self._pending:
            return None
        return self._sent_at + self._interval_s if self._sent_at is not None else 0.0

    def add(self, key: KeyT, text: str, now: float) -> list[Chunk[KeyT]]:
        """Take a write; returns what is to be sent at once, in order."""
        text = self._whole(key, text)
        if text:
            self._gather(key, text)
        due = self.due
        if due is not None and (now >= due or self._characters >= self._options.chunk_bytes):
            return self._take(now)
        return []

    def tick(self, now: float) -> list[Chunk[KeyT]]:
        """Give out what is due."""
        due = self.due
        return self._take(now) if due is not None and now >= due else []

    def flush(self, now: float) -> list[Chunk[KeyT]]:
        """Give out everything that waits, because something else must come after it."""
        if self._half is not None:
            key, half = self._half
            self._half = None
            self._gather(key, clean_text(half))
        return self._take(now)

    def _whole(self, key: KeyT, text: str) -> str:
        """Hold back the first half of a surrogate pair that was written in two."""
        if self._half is not None:
            held_key, half = self._half
            self._half = None
            if held_key == key:
                text = half + text
            else:
                self._gather(held_key, clean_text(half))
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._half = (key, text[-1])
            text = text[:-1]
        return clean_text(text)

    def _gather(self, key: KeyT, text: str) -> None:
        if self._pending and self._pending[-1][0] == key:
            self._pending[-1][1].append(text)
        else:
            self._pending.append((key, [text]))
        self._characters += len(text)

    def _take(self, now: float) -> list[Chunk[KeyT]]:
        if not self._pending:
            return []
        options = self._options
        if self._sent_at is None or now - self._sent_at >= options.quiet_s:
            self._interval_s = options.min_interval_s
        else:
            self._interval_s = min(options.max_interval_s, self._interval_s * 1.5)
        self._sent_at = now
        taken, self._pending, self._characters = self._pending, [], 0
        return [Chunk(key, piece, encoded_size(piece)) for key, parts in taken for piece in split_text("".join(parts), options.chunk_bytes)]


def split_text(text: str, limit_bytes: int) -> Iterator[str]:
    """Cut text into pieces of at most `limit_bytes` as JSON, after a line where that is possible, never inside a grapheme."""
    start = 0
    while start < len(text):
        end = min(len(text), start + limit_bytes)
        while end - start > 1 and (size := encoded_size(text[start:end])) > limit_bytes:
            end = start + max(1, min(end - start - 1, (end - start) * limit_bytes // size))
        if end < len(text):
            end = _good_cut(text, start, end)
        yield text[start:end]
        start = end


def _good_cut(text: str, start: int, end: int) -> int:
    line_end = text.rfind("\n", start + (end - start) // 2, end)
    if line_end >= 0:
        return line_end + 1
    for cut in range(end, max(start, end - _LONGEST_GRAPHEME), -1):
        if not _joins(text[cut - 1], text[cut]):
            return cut
    return end


def _joins(before: str, after: str) -> bool:
    return (
        unicodedata.combining(after) != 0
        or after in _JOINERS
        or before == "\u200d"
        or (before == "\r" and after == "\n")
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")  # flags
    )
