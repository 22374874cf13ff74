"""Who vouches for a notebook's runtime: the active session, whether its connection is there, what the authority commits when.

The session's rows come from the same materializers as everywhere, run on the session events alone: their guards read nothing else.
"""

from dataclasses import dataclass

from runtime_schema.events import (
    Event,
    RuntimeSessionResumed,
    RuntimeSessionTerminated,
    RuntimeSessionUnreachable,
)
from runtime_schema.ids import RuntimeSessionId
from runtime_schema.materialize import create_state, materialize
from runtime_schema.queries import ACTIVE_SESSION, RuntimeSessionRow
from runtime_store.sqlite import Database, open_memory

from .verdict import Note

READY_WITHIN_S = 600.0
"""A session that is not ready after this is given up (SCHEMA rule 1: twice the agent's own limit)."""


@dataclass(slots=True)
class _Watch:
    """The active session and since when it is as it is, in the server's monotonic seconds."""

    row: RuntimeSessionRow
    seen_s: float
    gone_s: float
    unreachable_s: float


class Lease:
    """The lease of one store: session events go in, what the authority must commit comes out.

    Tables take a quarter of a megabyte, so there are some only while a session is active; session events are few.
    """

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._notes: list[Note] = []
        self._tables: Database | None = None
        self._watch: _Watch | None = None
        self._dead: set[str] = set()

    @property
    def active(self) -> bool:
        """Whether there is a session to watch."""
        return self._watch is not None

    def vouches(self, store_session: str) -> bool:
        """Tell whether this store session is the active runtime's."""
        return self._watch is not None and self._watch.row.store_session_id == store_session

    def apply(self, note: Note, now_s: float, ago_s: float = 0.0) -> None:
        """Take in a durable session event that was recorded `ago_s` before now."""
        db = self._replayed()
        self._notes.append(note)
        _materialize(db, note)
        rows = [RuntimeSessionRow(*row) for row in db.execute(ACTIVE_SESSION.sql)]
        if not rows:
            self._watch = None
            return
        row, watch = rows[0], self._watch
        if watch is None or watch.row.session_id != row.session_id:
            self._watch = _Watch(row, seen_s=now_s, gone_s=now_s, unreachable_s=now_s - ago_s)
        else:
            if row.status == "unreachable" and watch.row.status != "unreachable":
                watch.unreachable_s = now_s - ago_s
            watch.row = row

    def rest(self) -> None:
        """Free what only an active session needs, if there is none."""
        if self._watch is None and self._tables is not None:
            self._tables.close()
            self._tables = None

    def gone(self, now_s: float) -> None:
        """The last connection of the active session's store ended."""
        if self._watch is not None:
            self._watch.gone_s = now_s

    def died(self, store_session: str) -> None:
        """The process behind a store session is known to be dead."""
        self._dead.add(store_session)

    def due(self, now_s: float, connected: bool) -> Event | None:
        """Give the event that the authority must commit now, if any.

        Args:
            now_s: The server's monotonic seconds.
            connected: Whether the active session's store is connected by its own hello.
        """
        watch = self._watch
        if watch is None:
            return None
        row, session_id = watch.row, RuntimeSessionId(watch.row.session_id)
        if row.store_session_id in self._dead:
            return RuntimeSessionTerminated(session_id=session_id, reason="crashed")
        if row.status == "unreachable":
            if connected:
                return RuntimeSessionResumed(session_id=session_id)
            # After a restart the agent first gets the lease time to come back.
            if now_s - watch.unreachable_s >= row.lost_after_ms / 1000 and now_s - watch.gone_s >= self._lease_s:
                return RuntimeSessionTerminated(session_id=session_id, reason="lost")
        elif row.status == "starting" and now_s - watch.seen_s >= READY_WITHIN_S:
            return RuntimeSessionTerminated(session_id=session_id, reason="crashed")
        elif not connected and now_s - watch.gone_s >= self._lease_s:
            return RuntimeSessionUnreachable(session_id=session_id)
        return None

    def _replayed(self) -> Database:
        if self._tables is None:
            self._tables = open_memory()
            create_state(self._tables)
            for note in self._notes:
                _materialize(self._tables, note)
        return self._tables


def _materialize(db: Database, note: Note) -> None:
    materialize(db, note.name, note.args, note.client_id, note.store_session_id)
