"""The core's Store over the port: the page's own replica, lent to an agent in the worker.

Everything is one message and its answer; no state of the notebook is kept here. What is asked is remembered until it is
answered, also when whoever asked has gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, final

from runtime_core.errors import RejectedError
from runtime_core.log import Logger
from runtime_core.ports import Applied, LiveHandler, LiveMessage, Store, StoreStatus, Unsubscribe
from runtime_schema.args import check_args, encode_args
from runtime_schema.events import Event, wire_name
from runtime_schema.ids import StoreSessionId
from runtime_schema.json_text import Json, encode
from runtime_schema.queries import Query

from .port import Message, Port

RowT = TypeVar("RowT", bound=tuple[object, ...])
MAX_CHARACTER_BYTES = 4  # UTF-8


@final
class PortStore(Store):
    """A guest's view of the page's store.

    Args:
        port: Not yet open.
        welcome: The page's first message.
    """

    def __init__(self, port: Port, welcome: Message) -> None:
        self._port = port
        self._session_id = StoreSessionId(welcome["storeSessionId"])
        self._client_id: str = welcome["clientId"]
        self._status = _status(welcome["status"])
        self._event_bytes: int = welcome["limits"]["eventBytes"]
        self._last_id = 0
        self._receipts: dict[int, tuple[str, asyncio.Future[Applied]]] = {}
        self._questions: dict[int, asyncio.Future[Json]] = {}
        self._subscriptions: dict[int, Callable[[list[list[Any]]], None]] = {}  # Any: JSON, columns of the catalogue's types
        self._status_callbacks: dict[int, Callable[[StoreStatus], None]] = {}
        self._live: dict[str, LiveHandler] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._log = Logger("runtime_browser.store")
        for kind, handler in (
            ("status", self._on_status),
            ("rows", self._on_rows),
            ("applied", self._on_applied),
            ("rejected", self._on_rejected),
            ("live", self._on_live),
            ("answered", self._on_answered),
            ("unanswered", self._on_unanswered),
        ):
            port.handle(kind, handler)

    @property
    def open_requests(self) -> int:
        """How many receipts, answers and subscriptions are remembered."""
        return len(self._receipts) + len(self._questions) + len(self._subscriptions) + len(self._status_callbacks) + len(self._live)

    # --- the port of the core

    @property
    def store_session_id(self) -> StoreSessionId:
        return self._session_id

    @property
    def client_id(self) -> str:
        return self._client_id

    @property
    def status(self) -> StoreStatus:
        return self._status

    def commit(self, event: Event) -> Awaitable[Applied]:
        name, args = wire_name(event), encode_args(event)
        check_args(name, args)
        text = encode(args)
        self._check_size(name, text)
        number = self._next_id()
        receipt: asyncio.Future[Applied] = asyncio.get_running_loop().create_future()
        self._receipts[number] = name, receipt
        self._port.bridge.post(f'{{"t":"commit","id":{number},"name":"{name}","args":{text}}}')
        return receipt

    def subscribe(
        self,
        query: Query[RowT],
        callback: Callable[[Sequence[RowT]], None],
        params: Mapping[str, str | int] | None = None,
        *,
        confirmed: bool = False,
    ) -> Unsubscribe:
        number = self._next_id()
        make: Callable[..., RowT] = query.row  # a NamedTuple: its fields, one by one

        def take(rows: list[list[Any]]) -> None:
            callback([make(*row) for row in rows])

        def unsubscribe() -> None:
            if self._subscriptions.pop(number, None) is not None:
                self._port.post("unsubscribe", id=number)

        self._subscriptions[number] = take
        self._port.post("subscribe", id=number, query=query.name, params=dict(params or {}), confirmed=confirmed)
        return unsubscribe

    def subscribe_status(self, callback: Callable[[StoreStatus], None]) -> Unsubscribe:
        number = self._next_id()
        self._status_callbacks[number] = callback

        def tell_first() -> None:
            if number in self._status_callbacks:
                callback(self._status)

        def unsubscribe() -> None:
            self._status_callbacks.pop(number, None)

        asyncio.get_running_loop().call_soon(tell_first)
        return unsubscribe

    def on_live(self, topic: str, handler: LiveHandler) -> Unsubscribe:
        if topic not in self._live:
            self._port.post("hear", topic=topic)
        self._live[topic] = handler

        def unsubscribe() -> None:
            if self._live.get(topic) is handler:
                del self._live[topic]
                self._port.post("unhear", topic=topic)

        return unsubscribe

    async def send_live(self, topic: str, data: Json, *, to: StoreSessionId | None = None) -> Json:
        number = self._next_id()
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        self._port.post("live", id=number, topic=topic, data=data, **({} if to is None else {"to": to}))
        return await answer

    # --- what the page says

    def _on_status(self, message: Message) -> None:
        self._status = _status(message)
        for callback in tuple(self._status_callbacks.values()):
            callback(self._status)

    def _on_rows(self, message: Message) -> None:
        take = self._subscriptions.get(message["id"])
        if take is not None:  # else it was on its way when the subscription ended
            take(message["rows"])

    def _on_applied(self, message: Message) -> None:
        _, receipt = self._receipts.pop(message["id"])
        if not receipt.done():
            receipt.set_result(Applied(message["seq"], message["applied"]))

    def _on_rejected(self, message: Message) -> None:
        name, receipt = self._receipts.pop(message["id"])
        if not receipt.done():
            receipt.set_exception(RejectedError(name, message["code"], message["message"]))
            receipt.exception()  # nobody need await it

    def _on_live(self, message: Message) -> None:
        handler = self._live.get(message["topic"])
        if handler is not None:  # else nobody answers, as the page will notice
            task = asyncio.ensure_future(self._answer(handler, message))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, handler: LiveHandler, message: Message) -> None:
        told = LiveMessage(
            topic=message["topic"], data=message["data"], sender=StoreSessionId(message["sender"]), client_id=message["clientId"]
        )
        try:
            answer = await handler(told)
        except Exception as exc:  # the handler is another's: whoever asked sees that nobody answers
            self._log.error("a live handler failed", exc, topic=told.topic)
        else:
            self._port.post("answer", id=message["id"], data=answer)

    def _on_answered(self, message: Message) -> None:
        answer = self._questions.pop(message["id"])
        if not answer.done():
            answer.set_result(message["data"])

    def _on_unanswered(self, message: Message) -> None:
        answer = self._questions.pop(message["id"])
        if not answer.done():
            answer.set_exception(TimeoutError(message["message"]))

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _check_size(self, name: str, args: str) -> None:
        limit = self._event_bytes
        if (len(name) + len(args)) * MAX_CHARACTER_BYTES <= limit:
            return
        size = len(name) + len(args.encode())
        if size > limit:
            hint = "split it, or keep large data as an artifact"
            raise RejectedError(name, "too-large", f"it has {size} bytes, the limit is {limit}: {hint}")


def _status(fields: Message) -> StoreStatus:
    return StoreStatus(connected=fields["connected"], head=fields["head"], pending=fields["pending"], problem=fields.get("problem"))
