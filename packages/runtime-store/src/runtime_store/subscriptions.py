"""Reactive queries: which of them an event made stale, and which rows differ from the last ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from runtime_schema.json_text import Json
from runtime_schema.materializers import MATERIALIZERS
from runtime_schema.queries import Query, is_stale


@final
class Subscription:
    """One query that somebody follows."""

    __slots__ = ("_callback", "_last", "active", "params", "query")

    def __init__(self, query: Query[Any], params: dict[str, str | int], callback: Callable[[Sequence[Any]], None]) -> None:
        self.query = query
        self.params = params
        self.active = True
        self._callback = callback
        self._last: Sequence[Any] | None = None

    def differs(self, rows: Sequence[Any]) -> bool:
        """Keep the rows; tell whether they are other ones than before."""
        if rows == self._last:
            return False
        self._last = rows
        return True

    def deliver(self, rows: Sequence[Any]) -> None:
        """Call back, unless it was ended meanwhile."""
        if self.active:
            self._callback(rows)


@final
class Subscriptions:
    """The followed queries of one view of the state, fresh and stale, in the order of subscribing."""

    def __init__(self) -> None:
        self._all: dict[int, Subscription] = {}
        self._stale: set[int] = set()
        self._next = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def any_stale(self) -> bool:
        """Whether a query must be run again."""
        return bool(self._stale)

    def add(self, subscription: Subscription) -> Callable[[], None]:
        """Follow a query, stale at first; returns what ends it."""
        key = self._next
        self._next += 1
        self._all[key] = subscription
        self._stale.add(key)

        def end() -> None:
            subscription.active = False
            self._all.pop(key, None)
            self._stale.discard(key)

        return end

    def touch(self, name: str, args: Mapping[str, Json]) -> None:
        """Hear of an event that changed the view."""
        if len(self._stale) == len(self._all):
            return
        writes = MATERIALIZERS[name].writes
        for key, subscription in self._all.items():
            if key not in self._stale and is_stale(subscription.query, subscription.params, writes, args):
                self._stale.add(key)

    def touch_all(self) -> None:
        """Hear that the view was made anew."""
        self._stale.update(self._all)

    def take_stale(self) -> list[Subscription]:
        """Give the stale ones in order; they count as fresh from now on."""
        taken = [self._all[key] for key in sorted(self._stale)]
        self._stale.clear()
        return taken
