"""One replica of a notebook: commits, queries, subscriptions, receipts, status, and the live channel.

The store conducts: `replica_state` has the books and the tables, `file` the disk, `protocol` the talk with the
backend. Everything happens on one event loop; work is done once per loop turn, in `_turn`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple, Protocol, TypeVar, final

from runtime_schema.args import check_args, encode_args
from runtime_schema.events import Event, wire_name
from runtime_schema.ids import RuntimeSessionId, StoreSessionId
from runtime_schema.json_text import Json
from runtime_schema.queries import Query
from runtime_schema.store_types import LiveHandler, LiveMessage, RejectedError, StoreStatus, Unsubscribe
from runtime_schema.wire import Limits

from .address import Address
from .client import SyncClient
from .errors import DamagedImageError, FrameError, StoreClosedError, StoreFileError
from .file import FileImage, StoreFile, Write
from .frames import LiveOut, Standby, encode_json
from .live import LiveChannel
from .past import StateAt
from .protocol import Deliver, Effect, LoadImage, Reconciled, Reset, SyncProtocol, Upload, Welcomed
from .receipt import Receipt
from .reconcile import Acked, Confirmed, Dropped, Entry, Included, Outcome, Rekeyed, Replica
from .replica_state import ReplicaState
from .rest import fetch_history, fetch_image
from .sqlite import Database, open_image
from .subscriptions import Subscription

RowT = TypeVar("RowT", bound=tuple[object, ...])
T = TypeVar("T")

_LOG = logging.getLogger("runtime_store")

_UPLOAD_RETRY_S = 2.0
_COPY_WITHIN_S = 0.05
_PAGE_EVENTS = 1_000
_WORTH_AN_IMAGE = 1_000
"""So many events behind an image are replayed in about 20 ms; a file that is closed with more gets a new one."""


class Beginning(NamedTuple):
    """An image of the state after event `seq`, and the confirmed events behind it; nothing, where the log begins."""

    seq: int = 0
    image: Database | None = None
    log: Iterable[Confirmed] = ()


class ArtifactUploader(Protocol):
    """Sends the bytes that events name to the backend."""

    async def ensure_uploaded(self, sha256s: frozenset[str]) -> None:
        """Return when the backend has these, or when this machine does not have them either: their event is then refused.

        Raises:
            OSError: It did not work now and is worth another try.
        """
        ...


@final
class Store:
    """A replica, made by `open_local` or `connect` of this distribution.

    Args:
        replica: Heads and pending events, those of earlier lives restored.
        begin: What its state begins from.
        file: Where it is kept; None keeps it in memory.
        new_id: Makes ids that nobody else has.
        live_timeout_s: How long a live message waits for its answer.
    """

    def __init__(
        self, replica: Replica, begin: Beginning, file: StoreFile | None, new_id: Callable[[], str], live_timeout_s: float
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._replica = replica
        self._file = file
        self._limits = Limits()
        self._local = ReplicaState(replica, begin.log, begin.image)
        self._imaged = begin.seq
        self._kept: list[Confirmed] | None = None if file is not None else []
        self._fresh: list[Entry] = []
        self._unwritten: list[Entry] = []
        """What was sent before it was written."""
        self._write = Write()
        self._writing: asyncio.Task[None] | None = None
        self._copying: asyncio.TimerHandle | None = None
        self._disk = ThreadPoolExecutor(1, "store-file") if file is not None else None
        self._next_turn: asyncio.Handle | None = None
        self._broken: Exception | None = None
        self._closed = False
        self._client: SyncClient | None = None
        self._address: Address | None = None
        self._uploader: ArtifactUploader | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._notice: str | None = None
        self._told_head = 0
        self._standby: Standby | None = None
        self._live = LiveChannel(self._send_live_frame, new_id, live_timeout_s)
        self._status_callbacks: dict[int, tuple[Callable[[StoreStatus], None], StoreStatus | None]] = {}
        self._next_callback = 0
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def follow(self, address: Address, random: Callable[[], float], uploader: ArtifactUploader | None, *, images: bool) -> None:
        """Take a backend as the authority, from now on."""
        protocol = SyncProtocol(self._replica, random, uploads=uploader is not None, images=images)
        self._uploader = uploader
        self._kept = None
        self._address = address
        self._client = SyncClient(protocol, address, self._on_effect, self._turn_soon, self._turn_now)
        self._client.perform(protocol.offer(self._replica.pending()))
        self._client.start()

    @property
    def store_session_id(self) -> StoreSessionId:
        """This life of the store. Changes only when a clone of this machine was found to have the same one."""
        return StoreSessionId(self._replica.session)

    @property
    def client_id(self) -> str:
        """The user in whose name the store commits; the backend's word replaces what was assumed before."""
        return self._replica.client_id

    @property
    def status(self) -> StoreStatus:
        """The status now; a store that is its own authority is always connected."""
        client = self._client
        connected = not self._closed and self._broken is None and (client is None or client.protocol.connected)
        problem = str(self._broken) if self._broken is not None else (client.protocol.problem if client is not None else None)
        return StoreStatus(
            connected=connected, head=self._replica.head, pending=self._replica.pending_count, problem=problem or self._notice
        )

    def commit(self, event: Event) -> Receipt:
        """Apply an event optimistically, at once, and send it on; see the Store port.

        Raises:
            InvalidEventError: The event does not fit its definition.
            RejectedError: It is above the limit (`too-large`). In both cases nothing was applied.
            StoreClosedError: The store is closed.
        """
        return self._commit(event, None)

    def commit_as(self, client_id: str, event: Event) -> Receipt:
        """Commit in another name, which only a store that is its own authority may."""
        assert self._client is None
        return self._commit(event, client_id)

    def query(self, query: Query[RowT], params: Mapping[str, str | int] | None = None, *, confirmed: bool = False) -> list[RowT]:
        """Read rows now: of the optimistic state, or of the confirmed one."""
        if self._closed:
            raise StoreClosedError(f"query {query.name}")
        return self._local.read(query, dict(params or {}), confirmed=confirmed)

    def subscribe(
        self,
        query: Query[RowT],
        callback: Callable[[Sequence[RowT]], None],
        params: Mapping[str, str | int] | None = None,
        *,
        confirmed: bool = False,
    ) -> Unsubscribe:
        """Call back with the query's rows, once soon and then whenever they differ; see the Store port."""
        subscriptions = self._local.confirmed_subscriptions if confirmed else self._local.subscriptions
        self._turn_soon()
        return subscriptions.add(Subscription(query, dict(params or {}), callback))

    def subscribe_status(self, callback: Callable[[StoreStatus], None]) -> Unsubscribe:
        """Call back with the status, once soon and then on every change."""
        key = self._next_callback
        self._next_callback += 1
        self._status_callbacks[key] = callback, None
        self._turn_soon()
        return lambda: (self._status_callbacks.pop(key, None), None)[1]

    def on_live(self, topic: str, handler: LiveHandler) -> Unsubscribe:
        """Answer live messages of one topic."""
        return self._live.on(topic, handler)

    async def send_live(self, topic: str, data: Json, *, to: StoreSessionId | None = None) -> Json:
        """Send a live message; see the Store port.

        Raises:
            TimeoutError: The receiver did not answer in time, or there is no connection.
        """
        if to is not None and to == self.store_session_id:
            return await self._live.answer_own(LiveMessage(topic=topic, data=data, sender=to, client_id=self.client_id))
        if self._client is None and to is None:
            return None
        return await self._live.ask(topic, data, to)

    def stand_by(self, session_id: RuntimeSessionId, execution_count: int, started_ms: int) -> None:
        """Tell the backend that a runtime waits; see the Store port."""
        if self._client is not None:
            n, head = self._replica.last_n, self._told_head
            self._standby = Standby(session_id=session_id, execution_count=execution_count, started_ms=started_ms, n=n, head=head)
            self._turn_soon()

    async def synced(self) -> None:
        """Wait until everything is here that the backend has; returns at once where the store is its own authority.

        Raises:
            StoreClosedError: The store was closed meanwhile.
        """
        client = self._client
        if client is not None:
            await self._until(lambda: client.protocol.caught_up)

    async def wait_confirmed(self) -> None:
        """Wait until every event committed so far is decided: confirmed, or rejected.

        Raises:
            StoreClosedError: The store was closed meanwhile.
            StoreFileError: The disk refused.
        """
        for receipt in self._local.open_receipts:
            try:
                await receipt
            except RejectedError:
                continue

    async def close(self, flush_timeout_s: float = 5.0) -> int:
        """Wait for pending events as long as given, then end; receipts that are still open raise StoreClosedError.

        Returns:
            How many events stay unconfirmed: kept in the file for the next life, lost without one.
        """
        if self._closed:
            return self._replica.pending_count
        if flush_timeout_s > 0 and self._broken is None:
            try:
                async with asyncio.timeout(flush_timeout_s):
                    await self.wait_confirmed()
            except (TimeoutError, StoreFileError):
                pass
        if self._client is not None:
            await self._client.stop()
        self._turn()
        if self._writing is not None:
            await self._writing
        elif self._copying is not None and self._file is not None:
            self._write_at_once(self._file)
        self._closed = True
        self._live.close()
        for task in self._tasks:
            task.cancel()
        if self._disk is not None and self._file is not None:
            await self._loop.run_in_executor(self._disk, self._keep_image, self._file)
            self._disk.shutdown()
            self._file.close()
        self._local.give_up(StoreClosedError("confirm the event"))
        self._local.close()
        self._wake_waiters()
        return self._replica.pending_count

    async def at(self, seq: int) -> StateAt:
        """Give the state as it was after event `seq` of the confirmed log: 0 is the beginning, `status.head` is now.

        What is not here of the log is fetched from the backend. The caller closes what it gets.

        Raises:
            ValueError: There is no such event yet.
            OSError: The backend could not be asked.
            StoreClosedError: The store is closed.
        """
        if self._closed:
            raise StoreClosedError(f"give the state at {seq}")
        if not 0 <= seq <= self._replica.head:
            raise ValueError(f"the log has {self._replica.head} events: there is no state at {seq}")
        image = None if self._file is None else await self._on_disk(self._file.image)
        state = StateAt(image.seq, open_image(image.data)) if image is not None and image.seq <= seq else StateAt()
        try:
            while state.seq < seq:
                events = await self._past_events(state.seq, min(seq - state.seq, _PAGE_EVENTS))
                await asyncio.to_thread(state.apply, [confirmed.entry.event for confirmed in events])
        except BaseException:
            state.close()
            raise
        return state

    def dump(self, *, confirmed: bool = False) -> dict[str, list[tuple[object, ...]]]:
        """Give every row of every table, sorted, for comparing two stores."""
        return self._local.dump(confirmed=confirmed)

    # --- inside ---

    async def _past_events(self, after: int, limit: int) -> list[Confirmed]:
        """Give confirmed events behind `after`, at least one of those that there are."""
        if self._kept is not None:
            return self._kept[after : after + limit]
        file, address = self._file, self._address
        if file is not None and after >= await self._on_disk(lambda: file.base):
            while not (events := await self._on_disk(lambda: list(file.log(after, limit)))):
                assert self._writing is not None  # what is confirmed is being written
                await asyncio.shield(self._writing)
            return events
        assert address is not None  # only a copy of a backend's log begins at an image
        events = await asyncio.to_thread(fetch_history, address, after, limit)
        if not events:
            raise OSError(f"{address.url} does not have event {after + 1} of this notebook any more")
        return events

    async def _on_disk(self, work: Callable[[], T]) -> T:
        """Use the file where it is used: by one thread at a time."""
        assert self._file is not None
        if not self._file.power_safe:
            self._write_at_once(self._file)
            return work()
        return await self._loop.run_in_executor(self._disk, work)

    def _commit(self, event: Event, client_id: str | None) -> Receipt:
        name = wire_name(event)
        if self._closed:
            raise StoreClosedError(f"commit {name}")
        if self._broken is not None:
            raise self._broken
        args = encode_args(event)
        check_args(name, args)
        raw = encode_json(args)
        if len(raw) + len(name) > self._limits.event_bytes:
            size, limit = len(raw) + len(name), self._limits.event_bytes
            raise RejectedError(
                name, "too-large", f"it has {size} bytes, the limit is {limit}: split it, or keep large data as an artifact"
            )
        entry, receipt = self._local.commit(name, args, raw, client_id)
        self._fresh.append(entry)
        self._turn_soon()
        return receipt

    def _turn_soon(self) -> None:
        if self._next_turn is None and not self._closed:
            self._next_turn = self._loop.call_soon(self._turn)

    def _turn_now(self) -> None:
        if self._next_turn is not None:
            self._turn()

    def _turn(self) -> None:
        """Do once what the commits and frames of this loop turn ask for."""
        if self._next_turn is not None:
            self._next_turn.cancel()
        if self._closed:
            return
        try:
            self._record()  # this turn tells of what that changes, so no other is asked for until here
        finally:
            self._next_turn = None
        self._notify()
        self._record()  # a runtime's answer to what it was just told: the next turn would cost it more than the rest
        if self._standby is not None and self._writing is None:  # else it goes with what is being written
            self._recorded([])
        self._wake_waiters()

    def _record(self) -> None:
        """Make the new commits durable, as far as this store does that, then confirm or send them."""
        if self._file is not None:
            self._keep(self._file)
        elif self._fresh:
            fresh, self._fresh = self._fresh, []
            self._recorded(fresh)

    def _recorded(self, fresh: list[Entry]) -> None:
        """These commits are as durable as this store makes them: confirm them here, or send them."""
        if self._client is not None:
            standby, self._standby = self._standby, None
            self._client.perform(self._client.protocol.offer(fresh, standby))
        elif fresh:
            event = fresh[0].event
            self._take(self._replica.reconcile(Acked(event.store_session_id, event.n, len(fresh), self._replica.head + 1)))

    def _next_write(self) -> tuple[Write, list[Entry]]:
        """Take what is to be written now, and the commits in it."""
        write, self._write = self._write, Write()
        fresh, self._fresh = self._fresh, []
        if self._client is None:
            head = self._replica.head
            write.confirmed = [Confirmed(head + place, entry, own=False) for place, entry in enumerate(fresh, 1)]
        else:
            unwritten, self._unwritten = self._unwritten, []
            write.pending = [entry for entry in (*unwritten, *fresh) if self._replica.is_pending(entry.key)]
        return write, fresh

    def _keep(self, file: StoreFile) -> None:
        """See to it that what there is to write gets written: commits now, unless they can go out before; a copy of the log soon."""
        if self._broken is not None or self._writing is not None or not (self._fresh or self._write):
            return
        if file.power_safe:
            self._writing = self._loop.create_task(self._write_file(file))
        elif self._fresh and (self._client is None or not self._client.protocol.connected):
            self._write_at_once(file)
        else:
            if self._fresh:  # most of it is decided before it would be written
                fresh, self._fresh = self._fresh, []
                self._unwritten += fresh
                self._recorded(fresh)
            if self._copying is None:
                self._copying = self._loop.call_later(_COPY_WITHIN_S, self._write_at_once, file)

    def _write_at_once(self, file: StoreFile) -> None:
        """Write to a file that waits for no disk: a thread, or a task, would only cost time."""
        if self._copying is not None:
            self._copying.cancel()
            self._copying = None
        try:
            while self._broken is None and (self._fresh or self._unwritten or self._write):
                write, fresh = self._next_write()
                file.write(write)
                self._recorded(fresh)
        except StoreFileError as exc:
            self._break(exc)

    async def _write_file(self, file: StoreFile) -> None:
        try:
            while self._fresh or self._write:
                write, fresh = self._next_write()
                await self._loop.run_in_executor(self._disk, file.write, write)
                self._recorded(fresh)
        except StoreFileError as exc:
            self._break(exc)
        finally:
            self._writing = None
            self._turn_soon()

    def _break(self, error: Exception) -> None:
        """The disk cannot be trusted any more: confirm nothing, accept nothing, say so."""
        _LOG.error("%s", error)
        self._broken = error
        self._local.give_up(error)

    def _take(self, outcome: Outcome) -> None:
        """Note what became of the log; the state follows when somebody looks, at the latest in this loop turn."""
        self._local.take(outcome)
        if self._kept is not None:
            self._kept += (step for step in outcome.steps if isinstance(step, Confirmed))
        for step in outcome.steps if self._client is not None else ():
            match step:
                case Confirmed():
                    self._write.confirmed.append(step)
                case Included() | Dropped():
                    self._write.undone.append(step.entry.key)
                case Rekeyed():
                    # The journal is written anew, so that it keeps the order of the pending events.
                    self._fresh, self._unwritten = list(self._replica.pending()), []
                    self._write.undone += [old.key for old, _ in step.pairs] + [entry.key for entry in self._fresh]
        if self._file is None:
            self._write = Write()
        self._turn_soon()

    def _notify(self) -> None:
        self._told_head = self._replica.head
        for subscription, rows in list(self._local.changed_rows()):
            self._call(subscription.deliver, rows)
        status = self.status
        for key, (callback, last) in list(self._status_callbacks.items()):
            if status != last and key in self._status_callbacks:
                self._status_callbacks[key] = callback, status
                self._call(callback, status)

    def _call(self, callback: Callable[[T], object], value: T) -> None:
        """Call a subscriber, whose failure is its own."""
        try:
            callback(value)
        except Exception as exc:
            self._loop.call_exception_handler({"message": f"a subscriber of store {self.store_session_id} failed", "exception": exc})

    async def _until(self, holds: Callable[[], bool]) -> None:
        if self._closed:
            raise StoreClosedError("wait")
        waiter = self._loop.create_future()
        self._waiters.append((holds, waiter))
        self._turn_soon()
        await waiter

    def _wake_waiters(self) -> None:
        still: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        for holds, waiter in self._waiters:
            if waiter.done():
                continue
            if self._closed:
                waiter.set_exception(StoreClosedError("wait"))
            elif holds():
                waiter.set_result(None)
            else:
                still.append((holds, waiter))
        self._waiters = still

    def _on_effect(self, effect: Effect) -> None:
        match effect:
            case Reconciled():
                self._take(effect.outcome)
            case Reset():
                self._reset(effect)
            case Welcomed():
                self._limits = effect.limits
                if effect.client_id != self._replica.client_id:
                    self._local.adopt(effect.client_id)
            case Upload():
                self._spawn(self._upload(effect.sha256s))
            case LoadImage():
                self._spawn(self._load_image(effect))
            case Deliver():
                try:
                    self._live.take(effect.message)
                except FrameError as exc:
                    _LOG.warning("a live message was ignored: %s", exc)
            case _:
                raise AssertionError(effect)  # the others are the client's own

    def _reset(self, reset: Reset) -> None:
        self._write = Write(undone=self._write.undone, reset_to=reset.backend)
        if reset.known:
            self._local.reset()

    def _keep_image(self, file: StoreFile) -> None:
        """Spare the next life the replay, when it would be a long one."""
        head = self._replica.head
        if self._broken is None and head == file.head and head - self._imaged >= _WORTH_AN_IMAGE:
            with suppress(StoreFileError):  # without it the next life replays
                file.keep_image(FileImage(head, self._local.image()))

    async def _upload(self, sha256s: frozenset[str]) -> None:
        assert self._uploader is not None
        assert self._client is not None
        while True:
            try:
                await self._uploader.ensure_uploaded(sha256s)
                break
            except OSError as exc:
                self._notice = f"an output's data cannot be uploaded ({exc}); trying again"
                self._turn_soon()
                await asyncio.sleep(_UPLOAD_RETRY_S)
        self._notice = None
        self._client.perform(self._client.protocol.on_uploaded(sha256s))

    async def _load_image(self, load: LoadImage) -> None:
        """Begin from the backend's image, unless something has begun meanwhile; without it the log is replayed."""
        assert self._client is not None
        assert self._address is not None
        snapshot = load.snapshot
        try:
            data = await asyncio.to_thread(fetch_image, self._address, snapshot)
            image = open_image(data)
        except (OSError, DamagedImageError) as exc:
            _LOG.warning("the log is replayed from its beginning, since its image cannot be used: %s", exc)
        else:
            if self._replica.head == 0 and self._replica.backend == load.backend and not self._closed:
                self._replica.begin_at(snapshot.seq)
                self._local.reset(image)
                self._imaged = snapshot.seq
                if self._file is not None:
                    self._write.begin_at = FileImage(snapshot.seq, data)
                self._turn_soon()
            else:
                image.close()
        self._client.perform(self._client.protocol.on_image())

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send_live_frame(self, frame: LiveOut) -> bool:
        return self._client is not None and self._client.send_live(frame)
