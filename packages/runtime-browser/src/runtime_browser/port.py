"""JSON messages over a bridge: objects out, and what comes in to whoever handles its kind (`t`)."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, final

from runtime_core.log import Logger
from runtime_schema.json_text import encode

from .bridge import Bridge

Message = dict[str, Any]  # Any: parsed JSON; each handler takes from it what the protocol says is there


@final
class Port:
    """The worker's end. What comes before `open` waits, except the welcome, which is always the first.

    Args:
        bridge: Where it goes; its `on_message` is the port's from now on.
    """

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self._handlers: dict[str, Callable[[Message], None]] = {}
        self._early: list[Message] | None = []
        self._welcome: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._log = Logger("runtime_browser.port")
        bridge.on_message(self._receive)

    async def welcome(self) -> Message:
        """Wait for the page's first message."""
        return await self._welcome

    def handle(self, kind: str, handler: Callable[[Message], None]) -> None:
        """Give messages of a kind to a handler, once the port is open."""
        self._handlers[kind] = handler

    def open(self) -> None:
        """Hand out what has come, and from now on at once."""
        early, self._early = self._early or [], None
        for message in early:
            self._dispatch(message)

    def post(self, kind: str, /, **fields: object) -> None:
        """Send an object; the fields are JSON values."""
        self.bridge.post(encode({"t": kind, **fields}))

    def _receive(self, text: str) -> None:
        message: Message = json.loads(text)
        if message["t"] == "welcome":
            self._welcome.set_result(message)
        elif self._early is not None:
            self._early.append(message)
        else:
            self._dispatch(message)

    def _dispatch(self, message: Message) -> None:
        handler = self._handlers.get(message["t"])
        if handler is None:
            self._log.debug("message that nobody handles", kind=message["t"])
        else:
            handler(message)
