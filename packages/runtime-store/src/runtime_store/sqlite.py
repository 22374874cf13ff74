"""SQLite as the store uses it: connections behind one typed interface, set up for their task."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, cast

import apsw

from .errors import DamagedImageError

SqlValue = str | int | bytes | None


class Database(Protocol):
    """An open connection. As a context it is a transaction, nested ones included."""

    def execute(
        self, statement: str, bindings: Mapping[str, Any] | Sequence[SqlValue] = ..., /
    ) -> Iterator[tuple[Any, ...]]:  # Any: SQLite values
        """Run one or more statements and iterate over the rows."""
        ...

    def executemany(self, statement: str, bindings: Iterable[Sequence[SqlValue]], /) -> object:
        """Run a statement for each of these bindings."""
        ...

    def pragma(self, name: str, value: str = ..., /) -> object:
        """Set or read a pragma; gives its first value."""
        ...

    def serialize(self, name: str, /) -> bytes:
        """Give the bytes of a file with this content."""
        ...

    def deserialize(self, name: str, contents: bytes, /) -> None:
        """Take the content of a file's bytes, in memory."""
        ...

    def close(self) -> None:
        """Close the connection. Calling it again does nothing."""
        ...

    def __enter__(self) -> object: ...

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /) -> bool | None: ...


def open_memory() -> Database:
    """Open an empty in-memory database that runs materializers fast."""
    db = apsw.Connection(":memory:")
    # Without it SQLite plans a statement anew whenever a bound value might matter to the plan, which here triples the time.
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return cast(Database, db)  # apsw's own annotations need a newer Python than our floor


def open_image(image: bytes) -> Database:
    """Open an image of a state as an in-memory database that runs materializers fast.

    Raises:
        DamagedImageError: It is no SQLite database.
    """
    db = open_memory()
    try:
        db.deserialize("main", image)
        list(db.execute("SELECT count(*) FROM sqlite_schema"))
    except apsw.Error as exc:
        db.close()
        raise DamagedImageError(str(exc)) from exc
    return db


def write_image(db: Database) -> bytes:
    """Give a database as an image: the bytes of an SQLite file with a rollback journal, which every SQLite opens."""
    return db.serialize("main")


def open_path(path: str) -> Database:
    """Open a database file, or make it."""
    return cast(Database, apsw.Connection(path))  # as above


def dump_tables(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Give every row of every table, sorted: equal for equal states."""
    names = [str(name) for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: sorted(db.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}
