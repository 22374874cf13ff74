"""Thousands of random schedules keep every invariant. A failure shows its seed and its smallest form.

On a model log the states of all stores are real SQL already; the disks are lists. The fewer schedules on SQLite have the
server's log and the stores' files on crash disks, by the product's own SQL. `RUNT_SIMULATION_SEEDS=FROM:COUNT` and
`RUNT_SIMULATION_SQLITE_SEEDS` try others (`make soak` millions).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .search import first_failure
from .sqlite_grade import SqliteGrade

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHUNK = 500


def chunks(variable: str, default: str) -> list[range]:
    """Cut the seeds of a variable of the environment, or the usual ones, into pieces for several processes."""
    first, count = (int(part) for part in os.environ.get(variable, default).split(":"))
    return [range(start, min(start + CHUNK, first + count)) for start in range(first, first + count, CHUNK)]


def name_of(seeds: range) -> str:
    return f"from-{seeds.start}"


@pytest.mark.parametrize("seeds", chunks("RUNT_SIMULATION_SEEDS", "0:30000"), ids=name_of)
def test_schedules_on_a_model_log_keep_every_invariant(seeds: range) -> None:
    failure = first_failure(seeds)
    assert failure is None, failure


@pytest.mark.parametrize("seeds", chunks("RUNT_SIMULATION_SQLITE_SEEDS", "100000:3000"), ids=name_of)
def test_schedules_on_sqlite_keep_every_invariant(seeds: range) -> None:
    failure = first_failure(seeds, SqliteGrade)
    assert failure is None, failure


def test_a_seed_gives_the_same_schedule_whatever_the_order_of_sets() -> None:
    traces = {
        subprocess.run(
            [sys.executable, "-m", "simulation.trace", "0", "40"],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "4711")
    }
    assert len(traces) == 1
    assert len(traces.pop().split()) == 40
