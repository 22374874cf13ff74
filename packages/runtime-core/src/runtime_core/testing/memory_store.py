"""Replicas and an authority in memory, with every delivery under a test's control.

State is the schema's own SQL on the standard library's sqlite3, so the rules are the real ones. What is left out is
what makes a store fast or lasting: journals, savepoints, snapshots.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, final

from runtime_core.errors import RejectedError
from runtime_core.ports import Applied, LiveHandler, LiveMessage, Store, StoreStatus, Unsubscribe
from runtime_schema.args import check_args, encode_args
from runtime_schema.events import RULE_BOUND, Event, wire_name
from runtime_schema.ids import SERVER_CLIENT_ID, RuntimeSessionId, StoreSessionId
from runtime_schema.json_text import Json, encode
from runtime_schema.materialize import create_state, materialize
from runtime_schema.queries import Query
from runtime_schema.wire import Limits, LogEvent, RejectCode

RowT = TypeVar("RowT", bound=tuple[object, ...])


def _new_state() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    create_state(db)
    return db


@final
class InMemoryBackend:
    """The authority: numbers events, keeps them, and tells its stores."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []
        self.stores: list[InMemoryStore] = []
        self.rejections: dict[str, tuple[RejectCode, str]] = {}
        """Wire names of events to reject, with code and message."""
        self._decided: dict[tuple[str, int], int | RejectedError] = {}
        self._server_n = 0

    def store(self, store_session_id: str = "store-1", client_id: str = "local", *, connected: bool = True) -> "InMemoryStore":
        """Make a replica; with `connected` it is caught up when this returns."""
        store = InMemoryStore(self, store_session_id, client_id)
        self.stores.append(store)
        if connected:
            store.connect()
        return store

    def change_rules(self) -> None:
        """Run other rules than the stores from now on."""
        self.rejections |= dict.fromkeys(map(wire_name, RULE_BOUND), ("upgrade", "this store runs other rules"))

    def commit(self, event: Event) -> None:
        """Append an event of the authority's own, such as that a session is unreachable."""
        self._server_n += 1
        self.append(LogEvent(wire_name(event), encode_args(event), SERVER_CLIENT_ID, "server", self._server_n))

    def append(self, event: LogEvent) -> int | RejectedError:
        """Decide about an event, once for each key, and give its seq or its rejection."""
        key = (event.store_session_id, event.n)
        if key not in self._decided:
            self._decided[key] = self._decide(event)
            for store in self.stores:
                store.notice()
        return self._decided[key]

    def _decide(self, event: LogEvent) -> int | RejectedError:
        if event.name in self.rejections:
            return RejectedError(event.name, *self.rejections[event.name])
        if len(encode(event.args).encode()) > Limits().event_bytes:
            return RejectedError(event.name, "too-large", f"events may have {Limits().event_bytes} bytes")
        self.events.append(event)
        return len(self.events)


@dataclass(slots=True)
class _Pending:
    event: LogEvent
    receipt: asyncio.Future[Applied]


@dataclass(slots=True)
class _Subscription:
    query: Query[Any]  # Any: rows of every type share the list
    params: Mapping[str, str | int]
    confirmed: bool
    callback: Callable[[Sequence[Any]], None]  # Any: the same rows
    seen: list[tuple[object, ...]] | None = None
    active: bool = True


@final
class InMemoryStore(Store):
    """One replica. `InMemoryStore()` alone is its own authority.

    `disconnect` and `connect` cut and mend its connection; `hold` keeps it connected while nothing moves either way,
    until `release`.
    """

    def __init__(self, backend: InMemoryBackend | None = None, store_session_id: str = "store-1", client_id: str = "local") -> None:
        self.backend = InMemoryBackend() if backend is None else backend
        self._session_id = StoreSessionId(store_session_id)
        self._client_id = client_id
        self._confirmed = _new_state()
        self._optimistic: sqlite3.Connection | None = None
        self._pending: deque[_Pending] = deque()
        self._n = 0
        self._head = 0
        self._connected = False
        self._holds_outgoing = False
        self._holds_incoming = False
        self._scheduled = False
        self._subscriptions: list[_Subscription] = []
        self._status_callbacks: dict[Callable[[StoreStatus], None], StoreStatus | None] = {}
        self._live: dict[str, LiveHandler] = {}
        self.offers: list[tuple[str, int]] = []
        """What guests offered by `stand_by`, session and count; a test makes the backend answer."""
        if backend is None:
            self.backend.stores.append(self)
            self.connect()

    # --- the port

    @property
    def store_session_id(self) -> StoreSessionId:
        return self._session_id

    @property
    def client_id(self) -> str:
        return self._client_id

    @property
    def status(self) -> StoreStatus:
        return StoreStatus(connected=self._connected, head=self._head, pending=len(self._pending))

    @property
    def open_requests(self) -> int:
        """How many subscriptions and handlers its guests have not ended."""
        return len(self._subscriptions) + len(self._status_callbacks) + len(self._live)

    def commit(self, event: Event) -> Awaitable[Applied]:
        name, args = wire_name(event), encode_args(event)
        check_args(name, args)
        self._n += 1
        pending = _Pending(LogEvent(name, args, self._client_id, self._session_id, self._n), asyncio.get_running_loop().create_future())
        self._pending.append(pending)
        if self._optimistic is not None:
            _apply(self._optimistic, pending.event)
        self.notice()
        return pending.receipt

    def subscribe(
        self,
        query: Query[RowT],
        callback: Callable[[Sequence[RowT]], None],
        params: Mapping[str, str | int] | None = None,
        *,
        confirmed: bool = False,
    ) -> Unsubscribe:
        subscription = _Subscription(query, params or {}, confirmed, callback)
        self._subscriptions.append(subscription)
        self.notice()

        def unsubscribe() -> None:
            subscription.active = False
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

        return unsubscribe

    def subscribe_status(self, callback: Callable[[StoreStatus], None]) -> Unsubscribe:
        self._status_callbacks[callback] = None
        self.notice()

        def unsubscribe() -> None:
            self._status_callbacks.pop(callback, None)

        return unsubscribe

    def on_live(self, topic: str, handler: LiveHandler) -> Unsubscribe:
        self._live[topic] = handler

        def unsubscribe() -> None:
            if self._live.get(topic) is handler:
                del self._live[topic]

        return unsubscribe

    def stand_by(self, session_id: RuntimeSessionId, execution_count: int, started_ms: int) -> None:
        self.offers.append((session_id, execution_count))

    async def send_live(self, topic: str, data: Json, *, to: StoreSessionId | None = None) -> Json:
        if not self._connected:
            raise TimeoutError("there is no connection")
        message = LiveMessage(topic=topic, data=data, sender=self._session_id, client_id=self._client_id)
        if to is None:
            for store in self.backend.stores:
                if store is not self:
                    await store.receive_live(message)
            return None
        for store in self.backend.stores:
            if store.store_session_id == to and store.status.connected:
                return await store.receive_live(message)
        raise TimeoutError(f"{to} did not answer")

    # --- what tests do with it

    def query(self, query: Query[RowT], params: Mapping[str, str | int] | None = None, *, confirmed: bool = False) -> list[RowT]:
        """Read rows now."""
        db = self._confirmed if confirmed else self._optimistic_state()
        make: Callable[..., RowT] = query.row
        return [make(*row) for row in db.execute(query.sql, dict(params or {}))]

    def connect(self) -> None:
        """Reach the backend, and catch up before this returns when nothing is held."""
        self._connected = True
        self._move()
        self.notice()

    def disconnect(self, *, after_push: bool = False) -> None:
        """Lose the backend; with `after_push` only after it has got what is pending, whose answers are lost."""
        if after_push:
            for pending in self._pending:
                self.backend.append(pending.event)
        self._connected = False
        self.notice()

    def lose_session(self, store_session_id: str) -> None:
        """Find that a copy of this machine uses its store session by now, and connect anew under another."""
        self.disconnect()
        self._session_id, self._n = StoreSessionId(store_session_id), 0
        self.notice()

    def hold(self, *, outgoing_only: bool = False) -> None:
        """Let nothing out, and nothing in unless it is `outgoing_only`."""
        self._holds_outgoing = True
        self._holds_incoming = not outgoing_only

    def release(self) -> None:
        """Let everything go on."""
        self._holds_outgoing = self._holds_incoming = False
        self.notice()

    # --- between backend and subscribers

    async def receive_live(self, message: LiveMessage) -> Json:
        """Answer a live message."""
        handler = self._live.get(message.topic)
        if handler is None:
            raise TimeoutError(f"nobody answers {message.topic}")
        return await handler(message)

    def notice(self) -> None:
        """Move events and call back soon, never at once."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._work)

    def _work(self) -> None:
        self._scheduled = False
        self._move()
        self._call_back()

    def _move(self) -> None:
        if self._connected and not self._holds_outgoing:
            self._push()
        if self._connected and not self._holds_incoming:
            self._pull()

    def _push(self) -> None:
        for pending in tuple(self._pending):
            decision = self.backend.append(pending.event)
            if isinstance(decision, RejectedError):
                self._pending.remove(pending)
                self._optimistic = None
                if not pending.receipt.done():
                    pending.receipt.set_exception(decision)
                    pending.receipt.exception()  # nobody need await it

    def _pull(self) -> None:
        while self._head < len(self.backend.events):
            event = self.backend.events[self._head]
            self._head += 1
            applied = _apply(self._confirmed, event)
            self._optimistic = None
            if self._pending and (event.store_session_id, event.n) == (self._session_id, self._pending[0].event.n):
                receipt = self._pending.popleft().receipt
                if not receipt.done():
                    receipt.set_result(Applied(self._head, applied))

    def _call_back(self) -> None:
        status = self.status
        for callback, seen in tuple(self._status_callbacks.items()):
            if status != seen:
                self._status_callbacks[callback] = status
                callback(status)
        for subscription in tuple(self._subscriptions):
            if not subscription.active:
                continue
            rows = self.query(subscription.query, subscription.params, confirmed=subscription.confirmed)
            if rows != subscription.seen:
                subscription.seen = rows
                subscription.callback(rows)

    def _optimistic_state(self) -> sqlite3.Connection:
        if not self._pending:
            return self._confirmed
        if self._optimistic is None:
            self._optimistic = sqlite3.connect(":memory:", isolation_level=None)
            self._confirmed.backup(self._optimistic)
            for pending in self._pending:
                _apply(self._optimistic, pending.event)
        return self._optimistic


def _apply(db: sqlite3.Connection, event: LogEvent) -> bool:
    return bool(materialize(db, event.name, event.args, event.client_id, event.store_session_id))
