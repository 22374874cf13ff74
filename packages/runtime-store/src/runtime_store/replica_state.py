"""Books and tables of one replica, kept in step, with the receipts and the followed queries that hang on them.

What `reconcile` says waits here until somebody looks: the tables follow at the next read, at the latest once a loop turn.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar, final

from runtime_schema.json_text import Json
from runtime_schema.queries import Query
from runtime_schema.store_types import Applied, RejectedError

from .receipt import Receipt
from .reconcile import Confirmed, Dropped, Entry, Included, Key, Outcome, Rekeyed, Replica, Step
from .sqlite import Database
from .state import State
from .subscriptions import Subscription, Subscriptions

RowT = TypeVar("RowT", bound=tuple[object, ...])

_BATCH = 1_000


@final
class ReplicaState:
    """A replica's books and tables.

    Args:
        replica: Head and pending events.
        log: The confirmed events up to that head, behind the image if there is one.
        image: The tables to begin from.
    """

    def __init__(self, replica: Replica, log: Iterable[Confirmed] = (), image: Database | None = None) -> None:
        self.replica = replica
        self.confirmed_subscriptions = Subscriptions()
        self.subscriptions = Subscriptions()
        self._state = State(self.confirmed_subscriptions.touch, self.subscriptions.touch, image)
        self._receipts: dict[Key, Receipt] = {entry.key: Receipt() for entry in replica.pending()}
        self._steps: list[Step] = []
        for batch in _batches(log):
            self._state.confirm(batch)

    @property
    def open_receipts(self) -> list[Receipt]:
        """The receipts of all events that are not yet decided, in order."""
        return list(self._receipts.values())

    def commit(self, name: str, args: dict[str, Json], raw: bytes, client_id: str | None = None) -> tuple[Entry, Receipt]:
        """Number a checked event and make it pending."""
        entry = self.replica.commit(name, args, raw, client_id)
        receipt = self._receipts[entry.key] = Receipt()
        return entry, receipt

    def take(self, outcome: Outcome) -> None:
        """Note what became of a piece of the log."""
        self._steps += outcome.steps

    def settle(self) -> None:
        """Bring the tables to where the books are, and settle receipts."""
        if not self._steps:
            return
        steps, self._steps = self._steps, []
        batch: list[Confirmed] = []
        for step in steps:
            if isinstance(step, Confirmed):
                batch.append(step)
                continue
            self._confirm(batch)
            batch = []
            self._state.lower()
            match step:
                case Included():
                    self._settle_receipt(step.entry.key, Applied(step.seq, None))
                case Dropped():
                    self._settle_receipt(step.entry.key, RejectedError(step.entry.event.name, step.code, step.message))
                case Rekeyed():
                    self._move_receipts(step)
        self._confirm(batch)

    def read(self, query: Query[RowT], params: dict[str, str | int], *, confirmed: bool) -> list[RowT]:
        """Run a query on one of the two views."""
        self._bring_up(confirmed=confirmed)
        return self._state.read(query, params)

    def changed_rows(self) -> Iterator[tuple[Subscription, list[Any]]]:  # Any: rows of that subscription's query
        """Run stale queries again, those of the confirmed view first; give the ones whose rows differ."""
        self.settle()
        if self.confirmed_subscriptions.any_stale:
            yield from self._run_stale(self.confirmed_subscriptions, confirmed=True)
        if len(self.subscriptions) > 0:
            self._bring_up(confirmed=False)
            yield from self._run_stale(self.subscriptions, confirmed=False)

    def adopt(self, client_id: str) -> None:
        """Commit in another user's name from now on, what is pending included."""
        self.settle()
        self._state.lower()
        self.replica.adopt(client_id)

    def reset(self, image: Database | None = None) -> None:
        """Make the tables anew: the books follow another log from its beginning, or begin at an image."""
        self.settle()
        self._state.close()
        self._state = State(self.confirmed_subscriptions.touch, self.subscriptions.touch, image)
        self.confirmed_subscriptions.touch_all()
        self.subscriptions.touch_all()

    def give_up(self, error: Exception) -> None:
        """Settle every open receipt with this error."""
        for receipt in self._receipts.values():
            receipt.settle(error)
        self._receipts.clear()

    def image(self) -> bytes:
        """Give an image of the confirmed state."""
        self._bring_up(confirmed=True)
        return self._state.image()

    def dump(self, *, confirmed: bool) -> dict[str, list[tuple[object, ...]]]:
        """Give every row of every table of one view, sorted."""
        self._bring_up(confirmed=confirmed)
        return self._state.dump()

    def close(self) -> None:
        """Free the memory."""
        self._state.close()

    def _bring_up(self, *, confirmed: bool) -> None:
        self.settle()
        if confirmed:
            self._state.lower()
        else:
            self._state.raise_pending(self.replica.pending(self._state.raised))

    def _run_stale(self, subscriptions: Subscriptions, *, confirmed: bool) -> Iterator[tuple[Subscription, list[Any]]]:
        for subscription in subscriptions.take_stale():
            rows: list[Any] = self.read(subscription.query, subscription.params, confirmed=confirmed)
            if subscription.differs(rows):
                yield subscription, rows

    def _confirm(self, batch: list[Confirmed]) -> None:
        for item, applied in zip(batch, self._state.confirm(batch), strict=True):
            if item.own:
                self._settle_receipt(item.entry.key, Applied(item.seq, applied))

    def _settle_receipt(self, key: Key, outcome: Applied | Exception) -> None:
        if (receipt := self._receipts.pop(key, None)) is not None:
            receipt.settle(outcome)

    def _move_receipts(self, step: Rekeyed) -> None:
        moved = {old.key: new.key for old, new in step.pairs}
        self._receipts = {moved.get(key, key): receipt for key, receipt in self._receipts.items()}


def _batches(items: Iterable[Confirmed]) -> Iterator[list[Confirmed]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
