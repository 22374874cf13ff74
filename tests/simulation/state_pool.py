"""Databases for states, used again by world after world.

Making the tables and preparing the rules' statements takes longer than a whole small schedule. So a world's databases
are emptied after it and lent to the next one; to the product they are what `open_memory` and `create_state` give.
"""

from typing import cast

import apsw

from runtime_schema.materialize import create_state
from runtime_schema.tables import TABLES
from runtime_server.database import as_sql
from runtime_store.sqlite import Database

_STATEMENTS = 500  # more than all rules and queries together
_WATCH = """
CREATE TEMP TABLE wrong (execution TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL);
CREATE TEMP TRIGGER ended AFTER UPDATE OF status ON executions
WHEN old.status IN ('ok', 'error', 'cancelled', 'lost') AND new.status <> old.status
BEGIN INSERT INTO wrong VALUES (old.id, old.status, new.status); END;
CREATE TEMP TRIGGER begun AFTER UPDATE OF status ON executions WHEN new.status = 'running' AND old.status <> 'queued'
BEGIN INSERT INTO wrong VALUES (old.id, old.status, new.status); END;
"""


class StatePool:
    """In-memory databases with the tables of an empty state."""

    def __init__(self) -> None:
        self._free: list[apsw.Connection] = []
        self._lent: list[apsw.Connection] = []
        self._judge: apsw.Connection | None = None

    def open_memory(self) -> Database:
        """Lend a database: stands for `runtime_store.sqlite.open_memory`."""
        db = self._free.pop() if self._free else _make()
        self._lent.append(db)
        return cast(Database, db)  # as `open_memory` does, for the same reason

    def judge(self) -> Database:
        """Give an empty state that notes in `wrong` when an ended execution changes."""
        if self._judge is None:
            self._judge = _make()
            as_sql(self._judge).execute(_WATCH)
        _empty(self._judge)
        as_sql(self._judge).execute("DELETE FROM wrong")
        return cast(Database, self._judge)  # as above

    def create_state(self, db: Database) -> None:
        """Find the tables made: stands for `runtime_schema.materialize.create_state`."""

    def reclaim(self) -> None:
        """Take back all that is lent, and empty it."""
        lent, self._lent = self._lent, []
        for db in lent:
            try:
                _empty(db)
            except apsw.ConnectionClosedError:
                continue
            self._free.append(db)


def _make() -> apsw.Connection:
    db = apsw.Connection(":memory:", statementcachesize=_STATEMENTS)
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    create_state(cast(Database, db))
    return db


def _empty(db: apsw.Connection) -> None:
    if db.in_transaction:
        as_sql(db).execute("ROLLBACK")
    for table in TABLES:
        as_sql(db).execute(f'DELETE FROM "{table}"')
