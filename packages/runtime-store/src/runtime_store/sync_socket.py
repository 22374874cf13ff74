"""websockets' connection with a short way for the sync protocol: a message goes on in the turn of the loop that reads it.

`recv` wakes a task for each message, one more turn of the loop.
"""

from collections.abc import Callable
from typing import Any, final

from websockets.asyncio.client import ClientConnection
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import Event


@final
class SyncSocket(ClientConnection):
    """A connection whose messages are listened to, not received."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: websockets'
        super().__init__(*args, **kwargs)
        self._fragments: list[bytes | bytearray | memoryview] = []
        self._early: list[bytes] = []
        self._on_message: Callable[[bytes], None] = self._early.append
        self._on_read: Callable[[], None] = _nothing

    def listen(self, on_message: Callable[[bytes], None], on_read: Callable[[], None]) -> None:
        """Take each message from now on, and now those that came before; `on_read` is called after those that were read at once."""
        self._on_message = on_message
        self._on_read = on_read
        for message in self._early:
            on_message(message)
        self._early.clear()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what was read."""
        super().data_received(data)
        self._on_read()

    def process_event(self, event: Event) -> None:
        """Called by websockets for all that comes."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
            return
        self._fragments.append(event.data)
        if event.fin:
            fragments, self._fragments = self._fragments, []
            self._on_message(b"".join(fragments))


def _nothing() -> None:
    """Nobody listens yet."""
