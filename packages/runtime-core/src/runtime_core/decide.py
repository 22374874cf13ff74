"""What an agent does next, as a pure function of what it sees: no time, no ids, no I/O.

`decide` reads the confirmed state of the agent's own session and work and the agent's own state, and returns actions
for `agent` to carry out. It is asked again after every change, so it returns nothing while an answer is under way.
"""

from dataclasses import dataclass, field
from typing import Literal

from runtime_schema.queries import ExecutionRow, RuntimeSessionRow

Phase = Literal["new", "starting", "ready", "restarting", "stopping", "stopped"]
"""State of an agent. Only `ready` takes work; `restarting` keeps its queue."""

StartState = Literal["sent", "applied", "not-applied"]
"""What is known of an ExecutionStarted: under way, or its receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """The one execution that the agent has begun to deal with. `running` says that its handler was called."""

    execution_id: str
    start: StartState
    running: bool = False
    cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the agent sees.

    Args:
        session_id: Its session.
        store_session_id: That of its store, now.
        session: The confirmed row of that session; None until it is confirmed.
        active: The confirmed active session, whoever's.
        work: Confirmed running and cancelling executions of the session and the first that are queued for it, in order.
        phase: The agent's state.
        in_hand: The execution it deals with.
        ended: Executions that it finished and whose finish is not confirmed yet.
    """

    session_id: str
    store_session_id: str
    session: RuntimeSessionRow | None
    active: RuntimeSessionRow | None
    work: tuple[ExecutionRow, ...] = ()
    phase: Phase
    in_hand: InHand | None = None
    ended: frozenset[str] = field(default_factory=frozenset[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class StartExecution:
    """Commit ExecutionStarted and await its receipt."""

    execution: ExecutionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeExecution:
    """The authority has started an execution for the session, which had offered to wait for it: take it in hand."""

    execution: ExecutionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RunExecution:
    """The start was applied: call the handler."""

    execution: ExecutionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelBeforeRun:
    """Finish an execution as cancelled without running it."""

    execution_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRunning:
    """Interrupt the running execution."""

    execution_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetExecution:
    """Somebody else ended the execution before it ran: let go of it."""

    execution_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAgent:
    """The session is over by somebody else's doing: stop for good, commit nothing more."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartNewSession:
    """The session was given up as lost and nobody took its place: begin another, with the engine as it is."""


Action = StartExecution | TakeExecution | RunExecution | CancelBeforeRun | CancelRunning | ForgetExecution | StopAgent | StartNewSession


def decide(view: View) -> tuple[Action, ...]:
    """Choose what to do now; the order of the actions matters."""
    if view.session is None or view.phase in ("new", "stopping", "stopped"):
        return ()
    if view.session.status == "terminated":
        return _after_the_end(view, view.session.ended_reason or "")
    if view.session.store_session_id != view.store_session_id:
        # A copy of this machine was faster with the store session: it is the runtime now, and nothing that is said here counts.
        return (StopAgent(reason="displaced"),)
    in_hand = view.in_hand
    if in_hand is None or in_hand.start == "not-applied":
        return _orphans(view, None) + _next(view)
    return _orphans(view, in_hand.execution_id) + _in_hand(view, in_hand)


def _after_the_end(view: View, reason: str) -> tuple[Action, ...]:
    if reason != "lost" or view.phase != "ready":
        return (StopAgent(reason=reason),)
    if view.active is None:
        return (StartNewSession(),)
    # The two rows arrive one after the other: its own session as the active one is yesterday's news.
    return () if view.active.session_id == view.session_id else (StopAgent(reason=reason),)


def _in_hand(view: View, in_hand: InHand) -> tuple[Action, ...]:
    if in_hand.running:
        return _cancel(view, in_hand)
    row = _find(view, in_hand.execution_id)
    if in_hand.start == "sent":
        return ()
    if row is None:
        return (ForgetExecution(execution_id=in_hand.execution_id),)
    if row.status == "cancelling":
        return (CancelBeforeRun(execution_id=row.id),)
    # `queued` here means that the receipt came before the rows: they are on their way.
    if row.status == "running" and view.phase == "ready":
        return (RunExecution(execution=row),)
    return ()


def _cancel(view: View, in_hand: InHand) -> tuple[Action, ...]:
    row = _find(view, in_hand.execution_id)
    if in_hand.cancelled or (row is not None and row.status != "cancelling"):
        return ()
    # Without a row somebody else has ended it.
    return (CancelRunning(execution_id=in_hand.execution_id, reason=(row and row.reason) or "ended elsewhere"),)


def _next(view: View) -> tuple[Action, ...]:
    if view.phase != "ready":
        return ()
    for row in view.work:
        if row.id in view.ended or row.session_id != view.session_id:
            continue
        if row.status == "running":
            return TakeExecution(execution=row), RunExecution(execution=row)
        if row.status == "queued":
            return (StartExecution(execution=row),)
    return ()


def _orphans(view: View, held: str | None) -> tuple[Action, ...]:
    # Nothing spins for ever: what was started for this session and is to end before anybody took it has no other to end it.
    return tuple(
        CancelBeforeRun(execution_id=row.id)
        for row in view.work
        if row.status == "cancelling" and row.id not in view.ended and row.id != held
    )


def _find(view: View, execution_id: str) -> ExecutionRow | None:
    return next((row for row in view.work if row.id == execution_id), None)
