"""What will happen in a schedule, as plain data drawn from a seed: the setting, and the steps in order of their times.

Which kinds of faults are on is drawn as well: a fault's absence finds bugs too. One schedule in five has none.
"""

import random
from dataclasses import dataclass, replace

FAULTS_S = 6.0
"""Faults and people end then; what follows is healing."""

PEOPLE = (
    ("create", 2),
    ("edit", 3),
    ("type", 2),
    ("move", 1),
    ("delete", 1),
    ("put-file", 1),
    ("run", 6),
    ("run-all", 2),
    ("cancel", 2),
    ("cancel-all", 1),
    ("evict", 0.4),
    ("stop", 0.4),
    ("restart", 0.6),
)
FAULT_KINDS = (
    "crash-server",
    "crash-agent",
    "crash-page",
    "power-server",
    "power-client",
    "cut",
    "cut-silently",
    "deaf",
    "stall",
    "freeze",
    "freeze-server",
    "unreachable",
    "server-disk-full",
    "client-disk-full",
    "engine-dies",
    "clone",
    "swizzle",
    "fail-over",
    "takeover",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens. `choice` in [0, 1) picks its victim and its details."""

    at: float
    kind: str
    choice: float
    lasts: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What stays the same through a schedule.

    Args:
        pages, agents: How many there are.
        journals: Whether pages keep a journal.
        agent_journals: Whether agents do.
        power_safe: Whether the pages' journals wait for the disk.
        latency_s, commit_s, disk_s: How slow network, log and disks are.
        batch_events: The server's limit, small to make many frames.
        send_queue_bytes, buffer_bytes: Small to make slow readers.
        pace_s: How long programs sleep.
    """

    pages: int = 2
    agents: int = 1
    journals: bool = True
    agent_journals: bool = True
    power_safe: bool = True
    latency_s: float = 0.02
    commit_s: float = 0.01
    disk_s: float = 0.005
    batch_events: int = 1_000
    send_queue_bytes: int = 1024 * 1024
    buffer_bytes: int = 64 * 1024
    pace_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """One schedule."""

    seed: int
    setting: Setting
    steps: tuple[Step, ...]

    def without(self, gone: set[int]) -> "Plan":
        """Leave steps out, by their places."""
        return replace(self, steps=tuple(step for place, step in enumerate(self.steps) if place not in gone))


def draw(seed: int, faults: tuple[str, ...] = ()) -> Plan:
    """Draw the schedule of a seed, with `faults` one with these and no others."""
    dice = random.Random(f"plan/{seed}")
    setting = Setting(
        pages=dice.choice((1, 1, 2, 2, 2, 3)),
        agents=dice.choice((1, 1, 1, 2)),
        journals=dice.random() < 0.5,
        agent_journals=dice.random() < 0.6,
        power_safe=dice.random() < 0.5,
        latency_s=dice.choice((0.001, 0.01, 0.1)),
        commit_s=dice.choice((0.001, 0.02, 0.3)),
        disk_s=dice.choice((0.0005, 0.01, 0.2)),
        batch_events=dice.choice((1_000, 1_000, 4, 2)),
        send_queue_bytes=dice.choice((1024 * 1024, 1024 * 1024, 2_000)),
        buffer_bytes=dice.choice((64 * 1024, 64 * 1024, 600)),
        pace_s=dice.choice((0.1, 0.5, 2.0)),
    )
    names, weights = zip(*PEOPLE, strict=True)
    steps = [
        Step(dice.uniform(0.0, FAULTS_S), kind, dice.random()) for kind in dice.choices(names, weights, k=dice.choice((1, 2, 4, 6, 10)))
    ]
    if dice.random() >= 0.2 or faults:
        kinds = list(faults) or dice.sample(FAULT_KINDS, dice.choice((1, 2, 3, 5)))
        steps += [
            Step(dice.uniform(0.0, FAULTS_S), dice.choice(kinds), dice.random(), dice.choice((0.05, 0.5, 1.5, 5.0)))
            for _ in range(dice.choice((1, 1, 2, 3, 5)))
        ]
    return Plan(seed, setting, tuple(sorted(steps, key=lambda step: step.at)))
