"""A notebook as it was: the state after one event of its log, for reading."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TypeVar, final

from runtime_schema.materialize import create_state, materialize
from runtime_schema.queries import Query
from runtime_schema.wire import LogEvent

from .sqlite import Database, dump_tables, open_memory, write_image

RowT = TypeVar("RowT", bound=tuple[object, ...])


@final
class StateAt:
    """The state after event `seq`; whoever asked for it closes it, or uses it in a `with`."""

    def __init__(self, seq: int = 0, image: Database | None = None) -> None:
        self.seq = seq
        self._db = open_memory() if image is None else image
        if image is None:
            create_state(self._db)

    @property
    def image(self) -> bytes:
        """The state as an image."""
        return write_image(self._db)

    def apply(self, events: Iterable[LogEvent]) -> None:
        """Go on by the next events of the log; all of them, or none."""
        seq = self.seq
        with self._db:
            for event in events:
                materialize(self._db, event.name, event.args, event.client_id, event.store_session_id)
                seq += 1
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
