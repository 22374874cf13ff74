"""Power cut, kill and full disk at every write, sync, truncate and delete of the real log and of a store's file.

The SQL and the settings are the product's: WAL, FULL, exclusive locking in the store's file. The server's log is locked
exclusively here as well, since the disk's VFS has no shared memory; and checkpoints come every 20 pages, not 1,000.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import apsw
import pytest

from runtime_schema.wire import LogEvent
from runtime_server import database
from runtime_server.database import Answer, Database, Job, as_sql, commit_group
from runtime_server.errors import StorageFullError, UnsafeStorageError
from runtime_server.log import Batch, Decision, Outcome
from runtime_server.sqlite_log import DDL, SqliteEventLog
from runtime_store import file
from runtime_store.errors import StoreFileError
from runtime_store.file import StoreFile, Write
from runtime_store.reconcile import Confirmed, Entry

from .crash_disk import CrashDisk, Cut, disks
from .planting import edit
from .run import open_crash_path
from .sqlite_grade import STORE_FILE, open_log_connection
from .substitution import Substitution, substituted

pytestmark = pytest.mark.slow

WORKLOADS = range(3)
CUTS: tuple[tuple[Cut, int], ...] = (("kill", 0), ("drop", 0), ("torn", 1), ("torn", 2), ("torn", 3))
GROUPS = 10
ON_CRASH_DISKS = Substitution(file, "open_path", open_crash_path)
NO_FULL_SYNC = edit(database, "configure", ("synchronous = full", "synchronous = normal"), ("synchronous != 2", "synchronous != 1"))


@pytest.fixture(autouse=True)
def _no_disks_left() -> Iterator[None]:
    yield
    for disk in disks():
        disk.forget()


class PowerGoneError(Exception):
    """The process has ended: what is on disk is unknown to it."""


# --- the server's log


@dataclass
class GroupedDatabase:
    """The writer's part of `Database`: what is submitted goes into the next transaction."""

    connection: Any  # Any: apsw's class names a type that Python 3.11 does not have
    queue: list[tuple[Job[Any], Answer]] = field(default_factory=list[tuple[Job[Any], Answer]])  # Any: one type a job

    def submit(self, job: Job[Any], answer: Answer) -> None:
        self.queue.append((job, answer))

    def flush(self) -> None:
        group, self.queue = self.queue, []
        answers = commit_group(self.connection, group, _gone)
        assert answers is not None
        for answer, value in answers:
            answer(value)


@dataclass
class ServerRun:
    """A server that records groups of batches until its disk ends it; `acked` are the bodies of which its clients heard."""

    disk: CrashDisk
    workload: int
    acked: list[bytes] = field(default_factory=list[bytes])
    sent: list[bytes] = field(default_factory=list[bytes])
    full: int = 0
    early: bool = False
    """Whether it answers before the transaction, which is a planted bug."""
    room_again: bool = False
    """Whether the disk has room again once a group was refused."""

    def run(self) -> None:
        dice = random.Random(self.workload)
        connection = None
        try:
            connection = open_log_connection(self.disk)
            as_sql(connection).execute(DDL)
            grouped = GroupedDatabase(connection)
            # It has what the log's writing side uses of a database.
            log = SqliteEventLog(cast(Database, grouped), lambda: 0)
            grouped.submit(_make_store, _ignore)
            grouped.flush()
            n = 0
            for _ in range(GROUPS):
                group = [[b"%d %s" % (n + place, b"x" * dice.choice((10, 900, 5_000))) for place in range(dice.randint(1, 2))]]
                n += sum(map(len, group))
                self._record(log, grouped, group)
        except (apsw.Error, PowerGoneError, StorageFullError, UnsafeStorageError):
            assert self.disk.dead or self.disk.full_at is not None
            self.disk.give_up()
        self.disk.give_up()
        if connection is not None:
            connection.close()

    def _record(self, log: SqliteEventLog, grouped: GroupedDatabase, group: list[list[bytes]]) -> None:
        head = len(self.acked)
        if self.early:
            self.acked += [body for bodies in group for body in bodies]
        for bodies in group:
            self.sent += bodies
            decisions = tuple(Decision("s", int(body.split()[0]) + 1, "ada", b"digest", body) for body in bodies)
            log.append(Batch("notebook", head + 1, decisions), lambda outcome, bodies=bodies: self._answered(outcome, bodies))
            head += len(bodies)
        grouped.flush()

    def _answered(self, outcome: Outcome, bodies: list[bytes]) -> None:
        if outcome == "durable" and not self.early:
            self.acked += bodies
        elif outcome == "full":
            self.full += 1
            if self.room_again:
                self.disk.full_at = None


def _make_store(db: Any) -> None:
    db.execute("INSERT INTO stores (store_id, backend, title, created_ms, updated_ms) VALUES ('notebook', 'b', 't', 0, 0)")


def _ignore(value: object) -> None:
    pass


def _gone(reason: str) -> None:
    raise PowerGoneError(reason)


def problem_of_log(disk: CrashDisk, run: ServerRun) -> str | None:
    """Open the log anew and look at it."""
    try:
        connection = open_log_connection(disk)
    except (apsw.CorruptError, apsw.NotADBError) as exc:
        return f"corrupt: {exc}"
    db = as_sql(connection)
    ((intact,),) = db.execute("PRAGMA integrity_check")
    if intact != "ok":
        return f"corrupt: {intact}"
    db.execute(DDL)
    found = [body for (body,) in db.execute("SELECT body FROM events ORDER BY seq")]
    heads = [head for (head,) in db.execute("SELECT head FROM stores")]
    decisions = [seq for (seq,) in db.execute("SELECT seq FROM decisions ORDER BY n")]
    connection.close()
    if run.acked and found[: len(run.acked)] != run.acked:
        return f"lost: {len(run.acked)} acknowledged, {len(found)} there"
    if found and (heads != [len(found)] or decisions != list(range(1, len(found) + 1))):
        return f"torn: {len(found)} events, head {heads}, decisions {decisions}"
    if run.full == 0 and found != run.sent[: len(found)]:
        return "not a prefix of what was sent"
    return None


def cut_everywhere(make: Callable[[CrashDisk], ServerRun]) -> Iterator[str]:
    """Cut the power at each operation in each way; gives what is wrong then."""
    whole = make(CrashDisk())
    whole.run()
    operations = whole.disk.operations
    assert len(whole.acked) >= GROUPS
    for cut_at in range(1, operations + 2):
        run = make(CrashDisk())
        run.disk.cut_at = cut_at
        run.run()
        for cut, seed in CUTS:
            problem = problem_of_log(run.disk.after(cut, random.Random(seed)), run)
            if problem is not None:
                yield f"{problem} ({cut} at operation {cut_at} of {operations})"


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_log_loses_nothing_acknowledged_whenever_the_power_goes(workload: int) -> None:
    assert list(cut_everywhere(lambda disk: ServerRun(disk, workload))) == []


def test_a_log_that_does_not_wait_for_the_disk_is_found_out() -> None:
    with substituted(NO_FULL_SYNC):
        problems = list(cut_everywhere(lambda disk: ServerRun(disk, 0)))
    assert any(problem.startswith("lost") for problem in problems)
    assert not any(problem.startswith("corrupt") for problem in problems)


def test_a_log_that_answers_before_it_commits_is_found_out_even_by_a_kill() -> None:
    problems = list(cut_everywhere(lambda disk: ServerRun(disk, 0, early=True)))
    assert any(problem.startswith("lost") and "(kill" in problem for problem in problems)


def test_a_disk_that_lies_about_syncs_is_found_out() -> None:
    def lying(disk: CrashDisk) -> ServerRun:
        disk.lies = True
        return ServerRun(disk, 0)

    assert any(problem.startswith(("lost", "corrupt")) for problem in cut_everywhere(lying))


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_disk_that_is_full_from_any_write_on_refuses_and_loses_nothing(workload: int) -> None:
    whole = ServerRun(CrashDisk(), workload)
    whole.run()
    refused = 0
    for full_at in range(1, whole.disk.operations + 1):
        run = ServerRun(CrashDisk(), workload, room_again=True)
        run.disk.full_at = full_at
        run.run()
        refused += run.full
        for cut, seed in CUTS:
            assert problem_of_log(run.disk.after(cut, random.Random(seed)), run) is None
    assert refused > GROUPS


# --- a store's file


@dataclass
class StoreRun:
    """A store that writes until its disk ends it; `done` writes have returned."""

    disk: CrashDisk
    power_safe: bool = True
    opened: bool = False
    done: int = 0
    states: list[tuple[list[Any], list[Any]]] = field(default_factory=list[tuple[list[Any], list[Any]]])
    """Log and journal before the first write and after each that was begun."""

    def run(self) -> None:
        store_file = None
        try:
            store_file = open_store_file(self.disk, self.power_safe)
            self.opened = True
            log: list[Any] = []
            pending: list[Any] = []
            self.states.append(([], []))
            for write in writes():
                gone = {*write.undone, *(item.entry.key for item in write.confirmed if item.own)}
                log = log + [item.entry for item in write.confirmed]
                pending = [entry for entry in [*pending, *write.pending] if entry.key not in gone]
                self.states.append((log, pending))
                store_file.write(write)
                self.done += 1
        except (StoreFileError, apsw.Error):  # of apsw's when closing it meets the dead disk too, which real disks keep to themselves
            assert self.disk.dead or self.disk.full_at is not None
            self.disk.give_up()
        self.disk.give_up()
        if store_file is not None:
            store_file.close()


def writes() -> Iterator[Write]:
    """Journal, confirm own and others' events, take one back, as a store does."""
    for number in range(1, 9):
        own = _entry("mine", number, 40 if number % 3 else 5_000)
        yield Write(pending=[own])
        if number % 4 == 0:
            yield Write(undone=[own.key])
            yield Write(confirmed=[Confirmed(_seq(number), _entry("theirs", number, 900), own=False)])
        else:
            yield Write(confirmed=[Confirmed(_seq(number), own, own=True)])


def _seq(number: int) -> int:
    return number


def _entry(session: str, n: int, size: int) -> Entry:
    source = "x" * size
    raw = b'{"cellId":"c","source":"%s"}' % source.encode()
    return Entry(LogEvent("v1.CellSourceSet", {"cellId": "c", "source": source}, "ada", session, n), raw)


def open_store_file(disk: CrashDisk, power_safe: bool = True) -> StoreFile:
    return StoreFile(Path(disk.path(STORE_FILE)), "replica", "notebook", power_safe=power_safe)


def problem_of_file(disk: CrashDisk, run: StoreRun) -> str | None:
    """Open the file anew: it must be as it was after one of the writes, and hold all that returned."""
    try:
        found = open_store_file(disk)
    except StoreFileError as exc:
        return f"corrupt: {exc}"
    state = [item.entry for item in found.log()], list(found.pending())
    found.close()
    if not run.opened:
        return None if state == ([], []) else "something is in a file that was never opened"
    if state not in run.states:
        return f"torn: {len(state[0])} events and {len(state[1])} pending were never there together"
    places = [place for place, known in enumerate(run.states) if known == state]
    return None if max(places) >= run.done else f"lost: {run.done} writes returned, {max(places)} are there"


def cut_file_everywhere(*, power_safe: bool) -> Iterator[tuple[Cut, str]]:
    whole = StoreRun(CrashDisk(), power_safe)
    whole.run()
    for cut_at in range(1, whole.disk.operations + 2):
        run = StoreRun(CrashDisk(), power_safe)
        run.disk.cut_at = cut_at
        run.run()
        for cut, seed in CUTS:
            problem = problem_of_file(run.disk.after(cut, random.Random(seed)), run)
            if problem is not None:
                yield cut, f"{problem} (at operation {cut_at} of {whole.disk.operations})"


def test_a_stores_file_keeps_every_write_that_returned_whenever_the_power_goes() -> None:
    with substituted(ON_CRASH_DISKS):
        assert list(cut_file_everywhere(power_safe=True)) == []


def test_a_journal_that_need_not_survive_power_survives_every_kill_and_is_never_torn() -> None:
    with substituted(ON_CRASH_DISKS):
        problems = list(cut_file_everywhere(power_safe=False))
    assert {cut for cut, _ in problems} <= {"drop", "torn"}
    assert {problem.split(":")[0] for _, problem in problems} == {"lost"}


def test_a_stores_file_that_does_not_wait_for_the_disk_is_found_out() -> None:
    with substituted(ON_CRASH_DISKS, edit(StoreFile, "_prepare", ("!= wanted", "!= 1"), ("2 if self.power_safe else 1", "1"))):
        assert any(problem.startswith("lost") for _, problem in cut_file_everywhere(power_safe=True))


def test_a_full_disk_refuses_a_write_and_the_file_keeps_those_before() -> None:
    with substituted(ON_CRASH_DISKS):
        whole = StoreRun(CrashDisk())
        whole.run()
        for full_at in range(1, whole.disk.operations + 1):
            run = StoreRun(CrashDisk())
            run.disk.full_at = full_at
            run.run()
            for cut, seed in CUTS:
                assert problem_of_file(run.disk.after(cut, random.Random(seed)), run) is None
