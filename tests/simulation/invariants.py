"""What must hold after every schedule, whatever happened in it.

The log is replayed by the rules on a state of its own; what everybody saw and was told is held against that.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from runtime_schema.events import RULE_BOUND, FilePut, wire_name
from runtime_schema.ids import SERVER_CLIENT_ID
from runtime_schema.materialize import materialize
from runtime_schema.store_types import Applied, RejectedError
from runtime_schema.wire import LogEvent
from runtime_store.receipt import Receipt
from runtime_store.sqlite import Database, dump_tables

from .records import Committed, Life, Records

TERMINAL = ("ok", "error", "cancelled", "lost")
OUTPUTS = frozenset(
    {"v1.StreamAppended", "v1.DisplayAdded", "v1.DisplayUpdated", "v1.ResultAdded", "v1.ErrorAdded", "v1.MarkdownAppended"}
    | {"v1.OutputsCleared", "v1.ExecutionStarted", "v1.ExecutionFinished", "v1.InputRequested"}
)
MOST_TRIES = 8
"""How often the start of one execution may be in the log: each try beyond the first has a reason of its own, such as a takeover."""
UNIQUE = frozenset({"v1.CellCreated", "v1.CellSourceSet", "v1.ExecutionRequested", "v1.ExecutionBatchRequested"})
"""Events of people, no two of which say the same here."""
MAY_VANISH = frozenset(wire_name(event) for event in (*RULE_BOUND, FilePut))
"""Events that only the life that committed them could mean, and those that the server here refuses now and then."""


@dataclass(slots=True)
class Replay:
    """The log by the rules, on an empty state."""

    db: Database
    events: list[LogEvent] = field(default_factory=list[LogEvent])
    applied: list[bool] = field(default_factory=list[bool])
    problems: list[str] = field(default_factory=list[str])

    def take(self, body: bytes) -> None:
        """Apply the next event and look at what it did."""
        event = LogEvent(*msgspec.json.decode(body))
        applied = bool(materialize(self.db, event.name, event.args, event.client_id, event.store_session_id))
        self.events.append(event)
        self.applied.append(applied)
        if event.name.startswith("v1.RuntimeSession"):
            self._check_sessions()
        if applied and event.name in OUTPUTS:
            self._check_fence(event)
        if applied and event.name == "v1.ExecutionStarted":
            self._check_turn(event)

    def _check_sessions(self) -> None:
        (count,) = next(iter(self.db.execute("SELECT count(*) FROM runtime_sessions WHERE status <> 'terminated'")))
        if count > 1:
            self.problems.append(f"one runtime: {count} sessions are active after event {len(self.events)}")

    def _check_fence(self, event: LogEvent) -> None:
        rows = list(
            self.db.execute(
                "SELECT s.status, s.store_session_id, e.session_id = s.session_id FROM runtime_sessions s JOIN executions e ON e.id = ?"
                " WHERE s.session_id = ?",
                (str(event.args["executionId"]), str(event.args["sessionId"])),
            )
        )
        by_authority = event.client_id == SERVER_CLIENT_ID and event.name == "v1.ExecutionStarted"
        if not rows or rows[0][0] == "terminated" or (rows[0][1] != event.store_session_id and not by_authority) or not rows[0][2]:
            self.problems.append(f"fence: event {len(self.events)}, {event.name}, of a session that is over or another's was accepted")

    def _check_turn(self, event: LogEvent) -> None:
        # A clone's end of an execution may be recorded after the start of the next one: its twin used the number.
        others = ("queued", "running", "cancelling") if event.client_id == SERVER_CLIENT_ID else ("queued",)
        execution_id = str(event.args["executionId"])
        rows = self.db.execute(
            "SELECT o.id, o.status FROM executions o JOIN executions e ON e.session_id = o.session_id WHERE e.id = ? AND o.ord < e.ord",
            (execution_id,),
        )
        self.problems += (
            f"in turn: event {len(self.events)} starts {execution_id} while {other} is {status}"
            for other, status in rows
            if status in others
        )


def judge(db: Database, records: Records, bodies: Sequence[bytes], lives: Sequence[Life], *, rested: bool) -> list[str]:
    """Give every invariant that does not hold, the first word being its name. `db` is an empty state."""
    replay = Replay(db)
    for body in bodies:
        replay.take(body)
    problems = [
        *_ended(replay),
        *replay.problems,
        *_once(replay, records),
        *_one_order(replay, records),
        *_starts(replay, records),
        *_receipts(replay, records),
    ]
    if not problems:
        problems += [*_rest(replay, lives, rested), *_kept(replay, records, lives), *_complete(replay, records)]
    return problems


def _once(replay: Replay, records: Records) -> Iterator[str]:
    """Nothing is recorded twice: neither under one number, nor what somebody committed once under two."""
    keys = Counter((event.store_session_id, event.n) for event in replay.events)
    yield from (f"once: event {key} is {count} times in the log" for key, count in keys.items() if count > 1)
    copied = {msgspec.json.encode(entry.event[:2]) for entry in records.copied}
    contents = Counter(msgspec.json.encode(event[:2]) for event in replay.events if event.name in UNIQUE)
    contents = Counter({content: count for content, count in contents.items() if content not in copied})
    yield from (f"once: {content.decode()} is {count} times in the log" for content, count in contents.items() if count > 1)


def _ended(replay: Replay) -> Iterator[str]:
    for id_, before, after in replay.db.execute("SELECT * FROM wrong"):
        yield f"ends stay: execution {id_} went from {before} to {after}"


def _kept(replay: Replay, records: Records, lives: Sequence[Life]) -> Iterator[str]:
    """What the journal of a machine that is up took is in the log, unless it was meant only for a life that is over."""
    log = {msgspec.json.encode(event[:2]) for event in replay.events}
    up = {life.node for life in lives} - records.lossy
    for life in records.lives:
        if life.node not in up:
            continue
        for entry in life.journaled:
            if entry.event.name not in MAY_VANISH and msgspec.json.encode(entry.event[:2]) not in log:
                yield f"kept: {entry.event} was in the journal of {life.node} and is not in the log"


def _starts(replay: Replay, records: Records) -> Iterator[str]:
    starts = Counter(
        str(event.args["executionId"])
        for event, applied in zip(replay.events, replay.applied, strict=True)
        if applied and event.name == "v1.ExecutionStarted"
    )
    yield from (f"one start: execution {id_} was started {count} times" for id_, count in starts.items() if count > 1)
    tries = Counter(str(event.args["executionId"]) for event in replay.events if event.name == "v1.ExecutionStarted")
    yield from (f"tries: the start of execution {id_} was tried {count} times" for id_, count in tries.items() if count > MOST_TRIES)
    for id_, count in Counter(records.runs).items():
        if count > 1:
            yield f"one start: the code of execution {id_} ran {count} times"
        if id_ not in starts:
            yield f"one start: the code of execution {id_} ran without a start in the log"


def _one_order(replay: Replay, records: Records) -> Iterator[str]:
    log = replay.events
    keys = {(event.store_session_id, event.n) for event in log}
    for life in records.lives:
        for item in life.confirmed:
            if item.seq > len(log):
                yield f"durable: {life.node} was given event {item.seq}, the log has {len(log)}"
                break
            event = log[item.seq - 1]
            if item.entry.key not in keys:
                yield f"durable: {life.node} was given {item.entry.event} as event {item.seq}, and it is not in the log"
                break
            if event != item.entry.event:
                yield f"one order: event {item.seq} is {event} in the log and {item.entry.event} at {life.node}"
                break


def _receipts(replay: Replay, records: Records) -> Iterator[str]:
    told: Counter[int] = Counter()
    refusable = [event.args for event in replay.events if event.name == "v1.FilePut"]
    for life in records.lives:
        for committed in life.commits:
            outcome = outcome_of(committed)
            if isinstance(outcome, Applied):
                told[outcome.seq] += 1
                yield from _receipt(replay, life, committed, outcome)
            elif isinstance(outcome, RejectedError) and outcome.code != "missing-artifact":
                yield f"receipts: {committed.name} of {life.node} was refused: {outcome}"
            elif isinstance(outcome, RejectedError) and committed.args in refusable:
                yield f"receipts: {committed.name} of {life.node} was refused and is in the log: {committed.args}"
    yield from (f"receipts: {count} commits were told that they are event {seq}" for seq, count in told.items() if count > 1)


def _receipt(replay: Replay, life: Life, committed: Committed, outcome: Applied) -> Iterator[str]:
    if outcome.seq > len(replay.events):
        yield f"durable: {committed.name} of {life.node} was told that it is event {outcome.seq}, the log has {len(replay.events)}"
        return
    event = replay.events[outcome.seq - 1]
    if (event.name, event.args) != (committed.name, committed.args):
        yield f"receipts: {committed.name} of {life.node} was told that it is event {outcome.seq}, which is {event}"
    elif outcome.applied != replay.applied[outcome.seq - 1]:
        yield f"receipts: event {outcome.seq}, {committed.name}, was told applied={outcome.applied} at {life.node}"


def _rest(replay: Replay, lives: Sequence[Life], rested: bool) -> Iterator[str]:
    """Everything healed: all are equal, nothing is under way, nothing waits while a runtime is ready."""
    head = len(replay.events)
    states = {life.node: life.store.status if life.store is not None else None for life in lives}
    for node, status in states.items():
        if status is None or not status.connected or status.head != head or status.pending:
            yield f"converge: {node} has not come to rest at {head}: {status}"
    sessions = list(replay.db.execute("SELECT session_id, status, capabilities FROM runtime_sessions WHERE status <> 'terminated'"))
    rows = list(replay.db.execute(f"SELECT id, status, session_id FROM executions WHERE status NOT IN {TERMINAL}"))
    for session_id, status, _ in sessions:
        if status == "ready":
            yield from (f"progress: execution {row} does not end while {session_id} is ready" for row in rows)
        else:
            yield f"progress: session {session_id} stays {status}"
    if not sessions:
        yield from (f"progress: execution {row} does not end without a runtime" for row in rows if row[1] != "queued")
    if not rested:
        yield f"progress: no rest within the time, head {head}, {states}, {sessions}, {rows}"
        return
    expected = dump_tables(replay.db)
    for life in lives:
        assert life.store is not None
        if life.store.dump(confirmed=False) != expected:
            yield f"converge: the state of {life.node} is not what its log leads to"


def _complete(replay: Replay, records: Records) -> Iterator[str]:
    """Nothing that was printed by a cell that ended well is missing."""
    for id_, cell_id in replay.db.execute("SELECT id, cell_id FROM executions WHERE status = 'ok'"):
        shown = "".join(
            text
            for (text,) in replay.db.execute(
                "SELECT text FROM outputs JOIN output_chunks ON output_id = id"
                " WHERE execution_id = ? AND stream = 'stdout' ORDER BY ord, n",
                (id_,),
            )
        )
        last = list(replay.db.execute("SELECT last_execution_id FROM cells WHERE id = ?", (cell_id,)))
        if last and last[0][0] == id_ and shown != "".join(records.printed.get(id_, ())):
            yield f"output: execution {id_} printed {records.printed.get(id_)} and shows {shown!r}"


def outcome_of(committed: Committed) -> Applied | Exception | None:
    """Give what the committer was told, None while that is open."""
    receipt = committed.receipt
    assert isinstance(receipt, Receipt)
    if not receipt.done:
        return None
    try:
        next(receipt.__await__())
    except StopIteration as stop:
        told: Any = stop.value
        assert isinstance(told, Applied)
        return told
    except Exception as exc:  # what the committer was told
        return exc
    raise AssertionError("a settled receipt does not wait")
