"""The live channel of one store: ephemeral messages with answers, never in the log."""

import asyncio
import logging
from collections.abc import Callable
from typing import final

from msgspec import Raw

from runtime_schema.ids import StoreSessionId
from runtime_schema.json_text import Json
from runtime_schema.store_types import LiveHandler, LiveMessage, Unsubscribe

from .frames import LiveIn, LiveOut, decode_live_data, encode_json

_LOG = logging.getLogger("runtime_store")

_ACK = "ack"

SendLive = Callable[[LiveOut], bool]
"""Sends a frame; False when there is no connection."""


@final
class LiveChannel:
    """Handlers by topic, and the questions that wait for an answer.

    Args:
        send: How a frame goes out.
        new_id: Makes ids of questions.
        timeout_s: How long an answer may take.
    """

    def __init__(self, send: SendLive, new_id: Callable[[], str], timeout_s: float) -> None:
        self._send = send
        self._new_id = new_id
        self._timeout_s = timeout_s
        self._handlers: dict[str, LiveHandler] = {}
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def on(self, topic: str, handler: LiveHandler) -> Unsubscribe:
        """Answer messages of a topic; a later handler replaces an earlier one."""
        self._handlers[topic] = handler

        def end() -> None:
            if self._handlers.get(topic) is handler:
                del self._handlers[topic]

        return end

    async def ask(self, topic: str, data: Json, to: StoreSessionId | None) -> Json:
        """Send to one store session and wait for its answer, or to all without waiting.

        Raises:
            TimeoutError: No answer in time, or no connection.
        """
        raw = Raw(encode_json(data))
        if to is None:
            self._require(self._send(LiveOut(topic=topic, data=raw)), topic)
            return None
        key = self._new_id()
        self._require(self._send(LiveOut(topic=topic, data=raw, to=to, id=key)), topic)
        answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await answer
        except TimeoutError:
            raise TimeoutError(f"{topic} was not answered by store session {to}") from None
        finally:
            del self._waiting[key]

    async def answer_own(self, message: LiveMessage) -> Json:
        """Answer a message of this store to itself, which needs no connection.

        Raises:
            TimeoutError: Nothing here answers that topic.
        """
        handler = self._handlers.get(message.topic)
        if handler is None:
            raise TimeoutError(f"{message.topic} is not answered by this store")
        async with asyncio.timeout(self._timeout_s):
            return await handler(message)

    def take(self, frame: LiveIn) -> None:
        """A message came: an answer, or something to be answered.

        Raises:
            FrameError: Its data is not acceptable JSON.
        """
        data = decode_live_data(frame.data)
        if frame.topic == _ACK:
            waiting = self._waiting.get(frame.id or "")
            if waiting is not None and not waiting.done():
                waiting.set_result(data)
            return
        handler = self._handlers.get(frame.topic)
        if handler is None:
            return
        message = LiveMessage(topic=frame.topic, data=data, sender=StoreSessionId(frame.sender.session), client_id=frame.sender.user)
        task = asyncio.get_running_loop().create_task(self._answer(handler, message, frame.id))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    def close(self) -> None:
        """Stop answering."""
        for task in self._answering:
            task.cancel()

    async def _answer(self, handler: LiveHandler, message: LiveMessage, key: str | None) -> None:
        try:
            answer = await handler(message)
        except Exception:
            # The asker learns by its timeout; the guest's mistake must not end the store.
            _LOG.exception("the handler of live topic %s failed", message.topic)
            return
        if key is not None:
            self._send(LiveOut(topic=_ACK, data=Raw(encode_json(answer)), to=message.sender, id=key))

    def _require(self, sent: bool, topic: str) -> None:
        if not sent:
            raise TimeoutError(f"{topic} was not sent: there is no connection")
