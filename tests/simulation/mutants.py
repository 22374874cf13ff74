"""Planted bugs: each replaces one piece of the product, or of a disk, by one that is wrong, and says which invariant that breaks.

A bug that another layer would heal comes with that layer off. `seeds.json` has, for each, a seed whose schedule finds it.
"""

from dataclasses import dataclass

from runtime_core import decide
from runtime_core.context import ExecutionContext
from runtime_core.execution import Execution
from runtime_server import database
from runtime_server.lease import Lease
from runtime_server.room import Room
from runtime_server.room_host import RoomHost
from runtime_server.standby import Offers
from runtime_server.testing import LogContents
from runtime_store import opening
from runtime_store.protocol import SyncProtocol
from runtime_store.reconcile import Replica
from runtime_store.replica_state import ReplicaState
from runtime_store.state import State

from .crash_disk import CrashDisk
from .grade import ModelGrade
from .planting import edit, without_conditions, without_statements
from .server_node import Lock
from .simulation import MakeGrade
from .sqlite_grade import SqliteGrade
from .substitution import Substitution


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted bug.

    Args:
        name: What is wrong.
        breaks: The invariant that shows it.
        planted: The substitutions.
        grade: The disks it needs.
        faults: Those of its schedules, where any would take too long to meet it.
    """

    name: str
    breaks: str
    planted: tuple[Substitution, ...]
    grade: MakeGrade = ModelGrade
    faults: tuple[str, ...] = ()


NOT_UNIQUE = edit(LogContents, "commit", ("if any(", "if False and any("))
"""The log's own index, which would stop a server that records a number twice."""

MUTANTS = (
    # --- the server: order, durability, decisions
    Mutant(
        "acknowledged before it is on disk",
        "durable",
        (
            edit(
                RoomHost,
                "execute",
                (
                    "self._log.append(effect.batch, partial(self._done, self.room.generation))",
                    "self._log.append(effect.batch, bool); self._done(self.room.generation, 'durable')",
                ),
            ),
        ),
    ),
    Mutant("a resent event is recorded anew", "once", (edit(Room, "_take", ("event.n <= session.last_n", "False")), NOT_UNIQUE)),
    Mutant(
        "only the last two numbers of a session are known",
        "once",
        (edit(Room, "_take", ("event.n <= session.last_n", "session.last_n - 2 < event.n <= session.last_n")), NOT_UNIQUE),
    ),
    Mutant(
        "a restart forgets what was decided",
        "once",
        (
            edit(Room, "__init__", ("for name, head in opened.sessions.items()", "for name, head in list(opened.sessions.items())[:0]")),
            NOT_UNIQUE,
        ),
    ),
    Mutant(
        "a resume is one event late",
        "converge",
        (edit(Room, "_on_from", ('"lagging", frame.head', '"lagging", min(self.head, frame.head + 1)')),),
    ),
    Mutant(
        "a hole in the stream is passed over",
        "one order",
        (
            edit(Room, "_on_from", ('"lagging", frame.head', '"lagging", min(self.head, frame.head + 1)')),
            edit(
                Replica,
                "_take_tail",
                ("return Outcome(gap=True)", "pass"),
                ("tail.entries[self.head + 1 - tail.first :]", "tail.entries[max(0, self.head + 1 - tail.first) :]"),
            ),
        ),
    ),
    Mutant(
        "what a full disk refused counts as decided",
        "converge",
        (edit(Room, "on_refused", ("session.last_n = session.durable_n", "pass")),),
    ),
    Mutant(
        "nobody is told that a full disk refused",
        "converge",
        (edit(Room, "on_refused", ("effects.append(self._pause(peer, decisions[0].session, decisions[0].n))", "pass")),),
    ),
    Mutant(
        "news of batches that were given up is believed",
        "unhandled",
        (edit(RoomHost, "_done", ("if generation != self.room.generation:", "if False:")),),
        faults=("server-disk-full",),
    ),
    Mutant(
        "a clone's event is answered with its twin's record",
        "receipts",
        (edit(Room, "on_records", ("record.digest != digest", "False")), edit(Replica, "_take_tail", ("elif mine is None", "elif False"))),
    ),
    Mutant(
        "new events are decided before the resent ones that they follow",
        "once",
        (
            edit(Room, "_take", ("pushes.appendleft(fresh)", "effects += self._judge(peer, name, fresh, now_s)")),
            edit(SyncProtocol, "_must_wait", (" or last[1] <= decided < key[1]", "")),
        ),
        faults=("clone",),
    ),
    Mutant(
        "a reader that lagged is never sent the rest",
        "converge",
        (
            edit(Room, "on_drained", ("return self._stream(peer)", "return []")),
            edit(SyncProtocol, "_ping", ("if behind and head", "if False and head")),
        ),
    ),
    # --- the lease
    Mutant("a restart forgets the runtime", "progress", (edit(Room, "__init__", ("in opened.marked", "in list(opened.marked)[:0]")),)),
    Mutant(
        "any connection vouches for the runtime",
        "progress",
        (edit(Lease, "vouches", (" and self._watch.row.store_session_id == store_session", "")),),
    ),
    Mutant(
        "a runtime that came back stays unreachable",
        "progress",
        (
            edit(
                Lease,
                "due",
                ("if connected:", "if False:"),
                ("now_s - watch.unreachable_s >=", "not connected and now_s - watch.unreachable_s >="),
            ),
        ),
    ),
    Mutant(
        "a runtime that is gone is never given up",
        "progress",
        (edit(Lease, "due", ('reason="lost")', 'reason="lost") if False else None')),),
    ),
    # --- a runtime that waits
    Mutant(
        "an offer is good for a request that others came before",
        "in turn",
        (edit(Offers, "take", ("if offer.standby.head >= self._requested:", "if True:")),),
    ),
    Mutant("an offer is good for all requests", "in turn", (edit(Offers, "requested", ("self.standing = None", "pass")),)),
    Mutant(
        "what was started for a runtime is not taken", "progress", (edit(decide, "_next", ('if row.status == "running":', "if False:")),)
    ),
    # --- stores
    Mutant(
        "what is pending is not sent again after a reconnect",
        "converge",
        (edit(SyncProtocol, "_follow", ("deque(entry for entry in replica.pending() if entry.key in self._offered)", "deque()")),),
    ),
    Mutant(
        "what a pause gave back is dropped",
        "converge",
        (edit(SyncProtocol, "_pause", ("flight.queue.extendleft(self._offered[key] for key in reversed(again))", "pass")),),
    ),
    Mutant(
        "a silent connection is kept for ever",
        "converge",
        (
            edit(SyncProtocol, "on_frame", ("now + 2 * self.limits.ping_interval_ms / 1000", "None")),
            edit(SyncProtocol, "_welcomed", ("now + 2 * self.limits.ping_interval_ms / 1000", "None")),
        ),
    ),
    Mutant(
        "an acknowledgement ahead of the stream moves the head",
        "converge",
        (
            edit(Replica, "_take_ack", ("return Outcome()", "self.head = ack.first - 1")),
            edit(Room, "_answer_in_turn", ('if peer.stage == "live" or peer.only_pushes:', "if True:")),
        ),
    ),
    Mutant(
        "a clone's numbers are taken for its twin's",
        "one order",
        (edit(Replica, "_take_tail", ("not _same(mine, entry)", "False")),),
    ),
    Mutant(
        "pending events stay in the confirmed state",
        "converge",
        (edit(State, "lower", ('self._db.execute("ROLLBACK TO pending")', "pass")),),
    ),
    Mutant(
        "a receipt tells of the guess, not of the log",
        "receipts",
        (edit(ReplicaState, "_confirm", ("Applied(item.seq, applied)", "Applied(item.seq, True)")),),
    ),
    Mutant(
        "the journal of an earlier life is not read",
        "kept",
        (edit(opening, "connect", ("replica.restore(entry for entry in left if", "replica.restore(entry for entry in left[:0] if")),),
    ),
    # --- agents
    Mutant(
        "code runs before its start is in the log",
        "one start",
        (
            edit(
                Execution,
                "was_started",
                ("bool((await result_of(self._starting)).applied)", "True"),
            ),
            edit(decide, "_in_hand", ('if row.status == "running" and view.phase == "ready":', 'if view.phase == "ready":')),
        ),
    ),
    Mutant(
        "a start that was not applied is held for ever",
        "progress",
        (
            edit(Execution, "was_started", ('"applied" if applied else "not-applied"', '"applied"')),
            edit(decide, "_in_hand", ("return (ForgetExecution(execution_id=in_hand.execution_id),)", "return ()")),
        ),
    ),
    Mutant(
        "an end is not sent while there is no connection",
        "progress",
        (
            edit(
                Execution,
                "finish",
                ("self._session.finish_execution", "self._session.ports.store.status.connected and self._session.finish_execution"),
            ),
            edit(decide, "_orphans", ("return tuple(", "return () and tuple(")),
        ),
    ),
    Mutant(
        "text is dropped while there is no connection",
        "output",
        (
            edit(
                ExecutionContext,
                "_append",
                (
                    "for key, text, size_bytes in chunks:",
                    "for key, text, size_bytes in chunks if self._ports.store.status.connected else ():",
                ),
            ),
        ),
    ),
    Mutant(
        "a number of a piece of text is used twice",
        "output",
        (edit(ExecutionContext, "_text_event", ("n=self._stream.chunks - 1", "n=max(0, self._stream.chunks - 2)")),),
    ),
    # --- the rules
    Mutant("output from behind the fence", "fence", without_conditions("background.fence")),
    Mutant("a start needs no queued execution", "ends stay", without_conditions("start.queued")),
    Mutant("a start needs no assignment", "fence", without_conditions("start.assigned")),
    Mutant("an end needs nothing that runs", "ends stay", without_conditions("finish.running")),
    Mutant("a second runtime is let in", "one runtime", without_conditions("session.one-active")),
    Mutant("what a lost runtime ran is not lost", "progress", without_statements("UPDATE executions SET status = 'lost'")),
    Mutant("the queue of an ended runtime is not handed on", "progress", without_statements("UPDATE executions SET session_id = NULL")),
    # --- disks
    Mutant(
        "two servers write one log",
        "once",
        (
            edit(Lock, "take", ("return self.holder == name", "return True")),
            edit(LogContents, "continues", ("return batch.first == len(self.bodies) + 1", "return True")),
            NOT_UNIQUE,
        ),
    ),
    Mutant(
        "commits do not wait for the disk",
        "durable",
        (edit(database, "configure", ("synchronous = full", "synchronous = normal"), ("synchronous != 2", "synchronous != 1")),),
        SqliteGrade,
    ),
    Mutant("the disk only says that it syncs", "durable", (edit(CrashDisk, "sync", ("if not self.lies", "if False")),), SqliteGrade),
)
