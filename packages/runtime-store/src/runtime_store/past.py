"""A notebook as it was: the state after one event of its log, for reading."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TypeVar, final

from runtime_schema.materialize import create_state, materialize
from runtime_schema.queries import Query

from .reconcile import Confirmed
from .sqlite import Database, dump_tables, open_memory

RowT = TypeVar("RowT", bound=tuple[object, ...])


@final
class StateAt:
    """The state after event `seq`; whoever asked for it closes it, or uses it in a `with`."""

    def __init__(self, seq: int = 0, image: Database | None = None) -> None:
        self.seq = seq
        self._db = open_memory() if image is None else image
        if image is None:
            create_state(self._db)

    def apply(self, events: Iterable[Confirmed]) -> None:
        """Go on by the next events of the log."""
        with self._db:
            for seq, entry, _ in events:
                event = entry.event
                materialize(self._db, event.name, event.args, event.client_id, event.store_session_id)
                self.seq = seq

    def query(self, query: Query[RowT], params: Mapping[str, str | int] | None = None) -> list[RowT]:
        """Read rows."""
        make = query.row._make  # type: ignore[attr-defined]  # every row class is a NamedTuple
        return [make(row) for row in self._db.execute(query.sql, dict(params or {}))]

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        """Give every row of every table, sorted, for comparing two states."""
        return dump_tables(self._db)

    def close(self) -> None:
        """Free the memory. Calling it again does nothing."""
        self._db.close()

    def __enter__(self) -> "StateAt":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
