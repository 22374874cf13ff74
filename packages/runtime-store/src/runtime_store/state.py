"""The state of one replica in an in-memory SQLite: confirmed events below, own pending ones above a savepoint.

Pending events are applied only when somebody reads them. When own events are confirmed in the order in which they were
applied, nothing is rolled back: they stay where they are until the last of them is confirmed.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from runtime_schema.json_text import Json
from runtime_schema.materialize import create_state, materialize
from runtime_schema.queries import Query
from runtime_schema.wire import LogEvent

from .reconcile import Confirmed, Entry
from .sqlite import Database, dump_tables, open_memory, write_image

RowT = TypeVar("RowT", bound=tuple[object, ...])

Touch = Callable[[str, dict[str, Json]], None]
"""Hears that an event of this name and args changed a view of the state."""

# Above so many confirmed events over the savepoint they are moved below it: bounds the rollback that another's event costs.
_COMPACT_AT = 1_000


class State:
    """The tables, their confirmed and their optimistic view.

    `touch_confirmed` and `touch_optimistic` hear each event whose coming or going changed that view; `image` are tables to
    begin from, which belong to the state from then on.
    """

    def __init__(self, touch_confirmed: Touch, touch_optimistic: Touch, image: Database | None = None) -> None:
        if image is None:
            self._db = open_memory()
            create_state(self._db)
        else:
            self._db = image
        self._touch_confirmed = touch_confirmed
        self._touch_optimistic = touch_optimistic
        self._above: list[tuple[Entry, bool]] = []
        self._acked = 0
        self.unknown_events = 0

    def close(self) -> None:
        """Free the memory."""
        self._db.close()

    @property
    def raised(self) -> int:
        """How many pending events are applied now."""
        return len(self._above) - self._acked

    def confirm(self, confirmed: Sequence[Confirmed]) -> list[bool]:
        """Take the next events of the log.

        Returns:
            For each, whether its guard held at its place in the log.
        """
        results: list[bool] = []
        for item in confirmed:
            if self._acked == len(self._above) or self._above[self._acked][0] is not item.entry:
                break
            applied = self._above[self._acked][1]
            self._acked += 1
            results.append(applied)
            if applied:
                self._touch_confirmed(item.entry.event.name, item.entry.event.args)
        if len(results) < len(confirmed):
            self.lower()
            with self._db:
                results.extend(self._apply_confirmed(item.entry.event) for item in confirmed[len(results) :])
        if self._above and self._acked == len(self._above):
            self._db.execute("RELEASE pending")
            self._above, self._acked = [], 0
        elif self._acked >= _COMPACT_AT:
            self.lower()
        return results

    def raise_pending(self, pending: Iterable[Entry]) -> None:
        """Apply pending events above those that are: the ones after the first `raised`."""
        for entry in pending:
            if not self._above:
                self._db.execute("SAVEPOINT pending")
            applied = self._apply(entry.event)
            self._above.append((entry, applied))
            if applied:
                self._touch_optimistic(entry.event.name, entry.event.args)

    def lower(self) -> None:
        """Take the pending events away, so that only confirmed ones remain."""
        if not self._above:
            return
        above, acked = self._above, self._acked
        self._db.execute("ROLLBACK TO pending")
        self._above, self._acked = [], 0
        for entry, _ in above[:acked]:
            self._apply(entry.event)
        self._db.execute("RELEASE pending")
        for entry, applied in above[acked:]:
            if applied:
                self._touch_optimistic(entry.event.name, entry.event.args)

    def read(self, query: Query[RowT], params: dict[str, str | int]) -> list[RowT]:
        """Run a query on the view that is up."""
        make = query.row._make  # type: ignore[attr-defined]  # every row class is a NamedTuple
        return [make(row) for row in self._db.execute(query.sql, params)]

    def image(self) -> bytes:
        """Give an image of the view that is up."""
        return write_image(self._db)

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        """Give every row of every table of the view that is up, sorted: equal for equal states."""
        return dump_tables(self._db)

    def _apply_confirmed(self, event: LogEvent) -> bool:
        applied = self._apply(event)
        if applied:
            self._touch_confirmed(event.name, event.args)
            self._touch_optimistic(event.name, event.args)
        return applied

    def _apply(self, event: LogEvent) -> bool:
        applied = materialize(self._db, event.name, event.args, event.client_id, event.store_session_id)
        if applied is None:
            self.unknown_events += 1
        return bool(applied)
