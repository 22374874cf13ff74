"""What follows the end of an agent, and which agent may stay: decisions on plain data."""

import signal
from dataclasses import replace

import pytest

from runt.supervise import AgentProcess, Ending, Restart, StayDown, after_ending, may_stay
from runtime_node import ExitCode

AGENT = AgentProcess(pid=7, created_s=100.0, notebook="n1", server="http://127.0.0.1:8585", runtime="python", runtime_id="python-box")


@pytest.mark.parametrize(
    ("status", "reason", "up_s", "in_a_row", "expected"),
    [
        (-signal.SIGKILL, None, 5, 0, Restart(0.5, 1)),
        (-signal.SIGKILL, None, 5, 1, Restart(1.0, 2)),
        (ExitCode.FAILED, "crashed", 5, 3, Restart(4.0, 4)),
        (ExitCode.FAILED, "crashed", 5, 40, Restart(30.0, 41)),
        (ExitCode.FAILED, "crashed", 61, 40, Restart(0.5, 1)),
        (ExitCode.FORCED, None, 5, 0, Restart(0.5, 1)),
        (None, None, 5, 0, Restart(0.5, 1)),
        (None, "crashed", 5, 0, Restart(0.5, 1)),
        (None, "lost", 5, 0, Restart(0.5, 1)),
        (None, "shutdown", 5, 0, StayDown("")),
        (ExitCode.OK, "shutdown", 5, 0, StayDown("")),
    ],
)
def test_an_end_that_nobody_asked_for_is_followed_by_another_start(
    status: int | None, reason: str | None, up_s: float, in_a_row: int, expected: Restart | StayDown
) -> None:
    assert after_ending(Ending(status=status, reason=reason, up_s=up_s), in_a_row) == expected


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (ExitCode.DISPLACED, None, "another runtime took over"),
        (None, "displaced", "another runtime took over"),
        (ExitCode.EVICTED, None, "a person removed it"),
        (None, "evicted", "a person removed it"),
        (ExitCode.REFUSED, None, "another active runtime"),
        (ExitCode.UNAUTHORIZED, None, "does not accept the token"),
        (ExitCode.ENGINE, None, "could not start"),
        (ExitCode.USAGE, None, "cannot work"),
    ],
)
def test_an_end_that_another_start_would_not_help_says_why(status: int | None, reason: str | None, said: str) -> None:
    found = after_ending(Ending(status=status, reason=reason, up_s=5), 0)
    assert isinstance(found, StayDown)
    assert found.line.startswith("the runtime is not started again: ")
    assert said in found.line


def test_the_agent_that_is_wanted_may_stay() -> None:
    assert may_stay(AGENT, replace(AGENT, pid=0, created_s=0.0))


@pytest.mark.parametrize("other", [{"server": "http://127.0.0.1:1"}, {"runtime": "html"}, {"notebook": "n2"}, {"runtime_id": "x"}])
def test_an_agent_for_something_else_may_not(other: dict[str, str]) -> None:
    assert not may_stay(AGENT, replace(AGENT, **other))  # type: ignore[arg-type]  # every one of these fields is text
