"""What to do when an agent's process ended, and whether one that is already there may stay: pure decisions."""

from dataclasses import dataclass

from runtime_node import MEANINGS, ExitCode

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
STEADY_S = 60.0
"""An agent that was up for so long starts with a clean slate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProcess:
    """An agent that was started for a notebook. Pid and start time together name one process for ever."""

    pid: int
    created_s: float
    notebook: str
    server: str
    runtime: str
    runtime_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an agent ended.

    Args:
        status: Exit status, negative for a signal; None when it was another process's child.
        reason: Why its session ended, as the notebook has it; None while the session is still open there.
        up_s: How long it was there.
    """

    status: int | None
    reason: str | None
    up_s: float


@dataclass(frozen=True, slots=True)
class Restart:
    """Start another one after a while. `in_a_row` counts such ends."""

    delay_s: float
    in_a_row: int


@dataclass(frozen=True, slots=True)
class StayDown:
    """Start no other; `line` says why to a person, and is empty where somebody asked for it."""

    line: str


_FINAL = {ExitCode.USAGE, ExitCode.REFUSED, ExitCode.DISPLACED, ExitCode.EVICTED, ExitCode.UNAUTHORIZED, ExitCode.ENGINE}
_BY_REASON = {
    "shutdown": ExitCode.OK,
    "restart": ExitCode.OK,
    "refused": ExitCode.REFUSED,
    "displaced": ExitCode.DISPLACED,
    "evicted": ExitCode.EVICTED,
}


def after_ending(ending: Ending, in_a_row: int) -> Restart | StayDown:
    """Choose what follows the end of an agent; `in_a_row` counts earlier ends that nobody asked for."""
    status = ending.status
    if status is None:
        status = _BY_REASON.get(ending.reason or "", ExitCode.FAILED)
    if status == ExitCode.OK:
        return StayDown("")
    if status in _FINAL:
        return StayDown(f"the runtime is not started again: {MEANINGS[ExitCode(status)]}")
    earlier = 0 if ending.up_s >= STEADY_S else in_a_row
    return Restart(min(FIRST_DELAY_S * 2**earlier, LONGEST_DELAY_S), earlier + 1)


def may_stay(found: AgentProcess, wanted: AgentProcess) -> bool:
    """Tell whether an agent that an earlier server process left running is the one that is wanted.

    Args:
        found: What was noted when it was started.
        wanted: What would be started now; its pid and time do not count.
    """
    return (found.notebook, found.server, found.runtime, found.runtime_id) == (
        wanted.notebook,
        wanted.server,
        wanted.runtime,
        wanted.runtime_id,
    )
