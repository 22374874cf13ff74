"""uvicorn's WebSocket with a short way for the sync protocol: messages go to the room as they are read, frames out as they are made.

ASGI wakes a task for each message and stops reading meanwhile, which was half of the time that an event spent in the server.
"""

from collections.abc import Callable
from typing import final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "runt.socket"
"""Where a connection's scope has its `SyncSocket`, under `extensions`."""


def text_frame(data: bytes) -> bytes:
    """Write an unmasked WebSocket frame with a whole text message (RFC 6455, section 5.2)."""
    size = len(data)
    if size < 126:
        return bytes((0x81, size)) + data
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + data
    return b"\x81\x7f" + size.to_bytes(8, "big") + data


@final
class SyncSocket(WebSocketsSansIOProtocol):
    """A connection; without `listen` it is uvicorn's own."""

    _on_message: Callable[[str | bytes], None] | None = None
    _on_writable: Callable[[bool], None] | None = None

    def listen(self, on_message: Callable[[str | bytes], None], on_writable: Callable[[bool], None]) -> None:
        """Take the short way from now on.

        Args:
            on_message: Takes each message of the client.
            on_writable: Hears that the client reads too little for more to be written, and that it does again.
        """
        self._on_message = on_message
        self._on_writable = on_writable

    @property
    def is_writable(self) -> bool:
        """Whether the client reads what is written."""
        return self.writable.is_set()

    def write_frame(self, frame: bytes) -> None:
        """Write a WebSocket frame; to a connection that ends it is nothing."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(frame)

    def set_reading(self, reading: bool) -> None:
        """Let the client wait in its socket, or read on."""
        if not self.transport.is_closing():
            if reading:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def cut(self) -> None:
        """End a connection whose client reads nothing: a clean close would wait for it for ever."""
        self.transport.abort()

    # --- what uvicorn calls

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[index,typeddict-item]  # an extension of ours

    def send_receive_event_to_app(self) -> None:
        if self._on_message is None:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self._on_message(data)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.send_close(1007)
            self.handle_parser_exception()
            return
        self._on_message(text)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._on_writable is not None:
            self._on_writable(False)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._on_writable is not None:
            self._on_writable(True)
