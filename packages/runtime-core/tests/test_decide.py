"""Every branch of `decide`, with plain data and no loop."""

import pytest

from runtime_core.decide import (
    CancelBeforeRun,
    CancelRunning,
    ForgetExecution,
    InHand,
    Phase,
    RunExecution,
    StartExecution,
    StartNewSession,
    StartState,
    StopAgent,
    TakeExecution,
    View,
    decide,
)
from runtime_schema.queries import ExecutionRow, RuntimeSessionRow


def session(status: str = "ready", reason: str | None = None, session_id: str = "own") -> RuntimeSessionRow:
    return RuntimeSessionRow(
        session_id=session_id,
        ord=1,
        store_session_id="store",
        runtime_id="runtime",
        runtime_type="test",
        client_id="local",
        status=status,
        resume_status=None,
        lost_after_ms=1000,
        capabilities='["code"]',
        info="{}",
        started_ms=0,
        ended_reason=reason,
    )


def execution(execution_id: str = "e1", status: str = "queued", session_id: str = "own", reason: str | None = None) -> ExecutionRow:
    return ExecutionRow(
        id=execution_id,
        ord=1,
        cell_id="c1",
        cell_type="code",
        source="1",
        batch_id=None,
        stop_on_error=0,
        requested_by="local",
        requested_ms=0,
        status=status,
        session_id=session_id,
        execution_count=None,
        started_ms=None,
        finished_ms=None,
        error_name=None,
        error_value=None,
        reason=reason,
    )


def view(
    *work: ExecutionRow,
    phase: Phase = "ready",
    row: RuntimeSessionRow | None = None,
    active: RuntimeSessionRow | None = None,
    in_hand: InHand | None = None,
    ended: frozenset[str] = frozenset(),
) -> View:
    row = row or session()
    return View(
        session_id="own", store_session_id="store", session=row, active=active, work=work, phase=phase, in_hand=in_hand, ended=ended
    )


def held(start: StartState = "applied", *, running: bool = False, cancelled: bool = False) -> InHand:
    return InHand(execution_id="e1", start=start, running=running, cancelled=cancelled)


def test_nothing_is_done_before_the_session_is_confirmed() -> None:
    assert decide(View(session_id="own", store_session_id="store", session=None, active=None, work=(execution(),), phase="ready")) == ()


def test_first_queued_execution_is_started() -> None:
    assert decide(view(execution("e1"), execution("e2"))) == (StartExecution(execution=execution("e1")),)


@pytest.mark.parametrize("phase", ["new", "starting", "restarting", "stopping", "stopped"])
def test_no_work_is_taken_unless_ready(phase: Phase) -> None:
    assert decide(view(execution(), phase=phase)) == ()


@pytest.mark.parametrize("status", ["ready", "unreachable", "restarting"])
def test_only_the_end_of_the_session_stops_work(status: str) -> None:
    assert decide(view(execution(), row=session(status))) == (StartExecution(execution=execution()),)


def test_another_sessions_execution_is_left_alone() -> None:
    assert decide(view(execution(session_id="other"))) == ()


def test_finished_execution_is_not_started_again_while_its_rows_are_old() -> None:
    assert decide(view(execution("e1"), ended=frozenset({"e1"}))) == ()


def test_next_execution_starts_while_the_finish_of_the_last_is_not_confirmed() -> None:
    work = (execution("e1", "running"), execution("e2"))
    assert decide(view(*work, ended=frozenset({"e1"}))) == (StartExecution(execution=execution("e2")),)


def test_one_execution_at_a_time() -> None:
    assert decide(view(execution("e1", "running"), execution("e2"), in_hand=held(running=True))) == ()


def test_code_waits_for_the_receipt_of_its_start() -> None:
    assert decide(view(execution("e1", "running"), in_hand=held("sent"))) == ()


def test_applied_start_runs() -> None:
    row = execution("e1", "running")
    assert decide(view(row, in_hand=held("applied"))) == (RunExecution(execution=row),)


def test_receipt_that_overtook_its_rows_waits_for_them() -> None:
    assert decide(view(execution("e1", "queued"), in_hand=held("applied"))) == ()


def test_applied_start_waits_while_the_engine_restarts() -> None:
    assert decide(view(execution("e1", "running"), phase="restarting", in_hand=held("applied"))) == ()


def test_start_that_was_not_applied_is_tried_again_while_queued_and_assigned() -> None:
    assert decide(view(execution("e1"), in_hand=held("not-applied"))) == (StartExecution(execution=execution("e1")),)


def test_start_that_was_not_applied_is_given_up_when_the_execution_is_gone() -> None:
    assert decide(view(execution("e2"), in_hand=held("not-applied"))) == (StartExecution(execution=execution("e2")),)


def test_cancelling_at_the_receipt_is_finished_without_running() -> None:
    row = execution("e1", "cancelling", reason="stop")
    assert decide(view(row, in_hand=held("applied"))) == (CancelBeforeRun(execution_id="e1"),)


def test_execution_that_somebody_ended_before_it_ran_is_forgotten() -> None:
    assert decide(view(in_hand=held("applied"))) == (ForgetExecution(execution_id="e1"),)


@pytest.mark.parametrize("phase", ["ready", "restarting"])
def test_running_execution_is_cancelled_once(phase: Phase) -> None:
    row = execution("e1", "cancelling", reason="stop")
    assert decide(view(row, phase=phase, in_hand=held(running=True))) == (CancelRunning(execution_id="e1", reason="stop"),)
    assert decide(view(row, phase=phase, in_hand=held(running=True, cancelled=True))) == ()


def test_running_execution_that_somebody_else_ended_is_interrupted() -> None:
    assert decide(view(in_hand=held(running=True))) == (CancelRunning(execution_id="e1", reason="ended elsewhere"),)


@pytest.mark.parametrize("in_hand", [None, held("not-applied")], ids=["waiting", "its-own-start-came-later"])
def test_execution_that_the_authority_started_is_taken_and_run(in_hand: InHand | None) -> None:
    row = execution("e1", "running")
    assert decide(view(row, in_hand=in_hand)) == (TakeExecution(execution=row), RunExecution(execution=row))


@pytest.mark.parametrize("in_hand", [None, held("not-applied")], ids=["waiting", "its-own-start-came-later"])
def test_execution_that_the_authority_started_and_that_is_to_end_is_never_run(in_hand: InHand | None) -> None:
    assert decide(view(execution("e1", "cancelling"), in_hand=in_hand)) == (CancelBeforeRun(execution_id="e1"),)


def test_execution_that_the_authority_started_waits_for_the_one_in_hand() -> None:
    in_hand = InHand(execution_id="e0", start="applied", running=True)
    assert decide(view(execution("e0", "running"), execution("e1", "running"), in_hand=in_hand)) == ()


@pytest.mark.parametrize("phase", ["starting", "restarting"])
def test_execution_that_the_authority_started_waits_for_the_engine(phase: Phase) -> None:
    assert decide(view(execution("e1", "running"), phase=phase)) == ()


def test_execution_that_was_finished_is_not_taken_again() -> None:
    assert decide(view(execution("e1", "running"), ended=frozenset({"e1"}))) == ()


@pytest.mark.parametrize("reason", ["displaced", "refused", "evicted", "crashed", "shutdown", "restart"])
@pytest.mark.parametrize("phase", ["starting", "ready", "restarting"])
def test_agent_stops_when_its_session_was_ended(phase: Phase, reason: str) -> None:
    assert decide(view(execution(), phase=phase, row=session("terminated", reason))) == (StopAgent(reason=reason),)


@pytest.mark.parametrize("in_hand", [None, held(running=True)])
def test_agent_whose_store_session_is_another_machines_stops_and_runs_nothing(in_hand: InHand | None) -> None:
    seen = view(execution("e1", "running"), execution("e2"), row=session()._replace(store_session_id="before"), in_hand=in_hand)
    assert decide(seen) == (StopAgent(reason="displaced"),)


def test_lost_agent_starts_anew_when_nobody_took_its_place() -> None:
    assert decide(view(row=session("terminated", "lost"), in_hand=held(running=True))) == (StartNewSession(),)


def test_lost_agent_stops_when_somebody_took_its_place() -> None:
    assert decide(view(row=session("terminated", "lost"), active=session(session_id="other"))) == (StopAgent(reason="lost"),)


def test_lost_agent_waits_while_its_own_session_still_looks_active() -> None:
    assert decide(view(row=session("terminated", "lost"), active=session())) == ()


@pytest.mark.parametrize("phase", ["starting", "restarting"])
def test_lost_agent_stops_when_its_engine_is_not_up(phase: Phase) -> None:
    assert decide(view(phase=phase, row=session("terminated", "lost"))) == (StopAgent(reason="lost"),)
