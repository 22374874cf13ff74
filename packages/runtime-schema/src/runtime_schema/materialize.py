"""Run the rules: make an empty state, and apply one event to it, on any SQLite connection.

The connection is the caller's: apsw, the standard library's sqlite3, or whatever else takes SQL with named parameters.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from .args import bind_args
from .json_text import Json
from .materializers import MATERIALIZERS, Materializer
from .tables import DDL


class Connection(Protocol):
    """What a materializer needs of a database; `execute` takes named parameters without their colon."""

    def execute(self, statement: str, bindings: Mapping[str, Any] = ..., /) -> Iterable[tuple[Any, ...]]:  # Any: SQLite values
        """Run one statement and iterate over its rows."""
        ...


def create_state(db: Connection) -> None:
    """Make the tables and indexes of an empty state."""
    for statement in DDL:
        db.execute(statement)


def materialize(
    db: Connection,
    name: str,
    args: Mapping[str, Json],
    client_id: str,
    store_session_id: str,
    rules: Mapping[str, Materializer] = MATERIALIZERS,
) -> bool | None:
    """Apply one event of the log to the state.

    Args:
        db: The state. On an error it is the caller's to roll back.
        name: Wire name of the event.
        args: Its checked wire args.
        client_id: Who committed it; `server` is the authority.
        store_session_id: The life of the store that committed it.
        rules: The materializers, for tests that leave a condition out.

    Returns:
        Whether the event's guard held and its statements ran; None for an event that this version does not know.
    """
    materializer = rules.get(name)
    if materializer is None:
        return None
    bindings = bind_args(name, args)
    bindings["clientId"] = client_id
    bindings["storeSessionId"] = store_session_id
    statements = materializer.statements
    if materializer.guard is not None:
        ((held,),) = db.execute(materializer.guard, bindings)
        if not held:
            return False
        if held == 1:
            statements = statements[materializer.rare :]
    if materializer.each is None:
        for statement in statements:
            db.execute(statement, bindings)
        return True
    items: Any = args[materializer.each]  # Any: a checked list of objects
    for item in items:
        for statement in statements:
            db.execute(statement, {**bindings, **item})
    return True
