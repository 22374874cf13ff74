"""What one session commits: in order, counted until it is confirmed, and nothing any more once the session is over."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import cast

from runtime_schema.errors import InvalidEventError
from runtime_schema.events import Event, wire_name

from .errors import RejectedError
from .options import RuntimeAgentOptions
from .ports import Applied, Clock, FutureReceipt, Store
from .tasks import done_within

EVENT_OVERHEAD_BYTES = 256
"""Estimate of an event's names and ids, so that many empty events count too."""

OnRefused = Callable[[Event, Exception], None]


class Outbox:
    """Commits a session's events.

    Args:
        store: Where they go.
        options: Its bounds: `ready` waits while more is unconfirmed, and for how long.
        clock: Time.
        on_refused: Hears of each event that will never be recorded, and why; requests excepted.
    """

    def __init__(self, store: Store, options: RuntimeAgentOptions, clock: Clock, on_refused: OnRefused) -> None:
        self._store = store
        self._options = options
        self._clock = clock
        self._on_refused = on_refused
        self._closed = False
        self._below_limit = asyncio.Event()
        self._below_limit.set()
        self._unsubscribe = store.subscribe_status(lambda _: self._weigh())
        self.unconfirmed_bytes = 0
        self.overflows = False
        """Whether outputs are to be dropped: so much waits, and for so long, that user code would wait for ever."""

    @property
    def closed(self) -> bool:
        """Whether commits are dropped."""
        return self._closed

    def commit(self, event: Event, size_bytes: int = 0) -> None:
        """Commit and look at the receipt only for counting and rejection. After `close` nothing happens."""
        if not self._closed:
            self._send(event, size_bytes).add_done_callback(partial(self._decided, event))

    def request(self, event: Event) -> asyncio.Future[Applied]:
        """Commit an event whose receipt somebody waits for: with `asyncio.wait` or shielded, never cancelled.

        After `close` the future stays open for ever, as that of an event nobody decides.
        """
        if self._closed:
            return asyncio.get_running_loop().create_future()
        future = self._send(event, 0)
        future.add_done_callback(_mark_retrieved)
        return future

    async def ready(self) -> None:
        """Wait until little enough is unconfirmed, or the session is over, or there was no use in waiting."""
        while not self._below_limit.is_set() and not self.overflows:
            waiting_bytes = self.unconfirmed_bytes
            below = asyncio.ensure_future(self._below_limit.wait())
            try:
                if not await done_within(self._clock, self._options.patience_s, below):
                    self.overflows = self.unconfirmed_bytes >= waiting_bytes  # else something moves
            finally:
                below.cancel()

    def close(self) -> None:
        """Drop everything from now on. What was committed is the store's and stays."""
        self._closed = True
        self._unsubscribe()
        self._below_limit.set()

    def _send(self, event: Event, size_bytes: int) -> asyncio.Future[Applied]:
        size_bytes += EVENT_OVERHEAD_BYTES
        try:
            receipt = self._store.commit(event)
            # not isinstance: on a protocol that takes 4 us before Python 3.12
            future = cast("FutureReceipt", receipt).future() if hasattr(receipt, "future") else asyncio.ensure_future(receipt)
        except (InvalidEventError, RejectedError) as exc:
            error = exc if isinstance(exc, RejectedError) else RejectedError(wire_name(event), "invalid", str(exc))
            future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
        except Exception as exc:  # the store is broken or closed: whoever commits must not fall over that, the session ends by it
            future = asyncio.get_running_loop().create_future()
            future.set_exception(exc)
        self.unconfirmed_bytes += size_bytes
        self._weigh()
        future.add_done_callback(partial(self._confirmed, size_bytes))
        return future

    def _confirmed(self, size_bytes: int, _: asyncio.Future[Applied]) -> None:
        self.unconfirmed_bytes -= size_bytes
        self._weigh()

    def _weigh(self) -> None:
        options = self._options
        limit_bytes = options.unconfirmed_limit_bytes if self._store.status.connected else options.offline_limit_bytes
        if self.unconfirmed_bytes <= limit_bytes or self._closed:
            self.overflows = False
            self._below_limit.set()
            return
        self._below_limit.clear()
        self.overflows = self.overflows or self.unconfirmed_bytes > 2 * options.offline_limit_bytes  # somebody does not wait

    def _decided(self, event: Event, future: asyncio.Future[Applied]) -> None:
        problem = None if future.cancelled() else future.exception()
        if isinstance(problem, Exception) and not self._closed:
            self._on_refused(event, problem)


def _mark_retrieved(future: asyncio.Future[Applied]) -> None:
    # Whoever asked may have gone meanwhile; an error nobody reads is not worth asyncio's warning.
    if not future.cancelled():
        future.exception()
