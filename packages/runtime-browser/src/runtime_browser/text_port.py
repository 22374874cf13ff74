"""The fast path of text: every write of user code is a message of its own, without JSON, and the page makes events of it.

When the page does not keep up, the worker's thread waits where it can, else text is dropped and a note says how much.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import NamedTuple, final

from runtime_schema.outputs import StreamName

from .port import Port

AHEAD_UNITS = 1024 * 1024
"""How much the page may have not yet taken, in UTF-16 units, before the thread waits."""
STRETCH_UNITS = 16 * 1024 * 1024
"""How much may be written, where the thread cannot wait, before the event loop has run again."""
PIECE_CHARACTERS = 256 * 1024
WAIT_MS = 50
COUNTER = 2**31


class Place(NamedTuple):
    """On whose behalf text is written: an execution, and the runtime session it belongs to."""

    execution: str
    session: str


@final
class TextPort:
    """Sends text, in order with all other messages of the port.

    Args:
        port: To the page.
        place: Names the place of whoever writes; None before the first execution, then text goes to the console.
        while_waiting: Called again and again while the thread waits for the page; may raise an interrupt.
    """

    def __init__(self, port: Port, place: Callable[[], Place | None], while_waiting: Callable[[], None]) -> None:
        self._port = port
        self._bridge = port.bridge
        self._place = place
        self._while_waiting = while_waiting
        self._isolated = port.bridge.isolated
        self._told: tuple[Place, StreamName] | None = None
        self._sent = 0
        self._ahead = AHEAD_UNITS  # at most so much; it is asked for when this says too much, so first of all
        self._stretch = 0
        self._dropped = 0
        self._dropped_at: Place | None = None

    def write(self, stream: StreamName, text: str) -> None:
        """Send text of a stream; it has no lone surrogates."""
        place = self._place()
        if place is None:
            if sys.__stderr__ is not None:
                sys.__stderr__.write(text)
            return
        for start in range(0, len(text), PIECE_CHARACTERS):
            self._write_piece(place, stream, text[start : start + PIECE_CHARACTERS])

    def finish_stretch(self) -> None:
        """Say how much text was dropped, if any was, and take text again."""
        self._stretch = 0
        if self._dropped and self._dropped_at is not None:
            note = f"\n[{self._dropped:,} characters of text were dropped here: the notebook could not take them in time]\n"
            self._dropped = 0
            self._send(self._dropped_at, "stderr", note)

    def _write_piece(self, place: Place, stream: StreamName, text: str) -> None:
        if not self._isolated and not self._fits_stretch(text):
            self._dropped += len(text)
            self._dropped_at = place
            return
        self._send(place, stream, text)
        if self._isolated and self._ahead > AHEAD_UNITS:
            while (ahead := self._ahead_of_page()) > AHEAD_UNITS:
                self._bridge.wait(WAIT_MS)
                self._while_waiting()
            self._ahead = ahead

    def _ahead_of_page(self) -> int:
        ahead = (self._sent - self._bridge.taken()) % COUNTER
        # More than half of the counter: the page took what user code posted itself, which this does not count.
        return ahead if ahead < COUNTER // 2 else ahead - COUNTER

    def _send(self, place: Place, stream: StreamName, text: str) -> None:
        if self._told != (place, stream):
            self._told = place, stream
            self._port.post("place", execution=place.execution, session=place.session, stream=stream)
        self._bridge.post("T" + text)
        units = _units(text)
        self._sent += units
        self._ahead += units

    def _fits_stretch(self, text: str) -> bool:
        if self._stretch == 0:
            asyncio.get_running_loop().call_soon(self.finish_stretch)
        self._stretch += _units(text)
        return self._stretch <= STRETCH_UNITS


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
