"""Thousands of random schedules keep every invariant. A failure shows its seed and its smallest form.

`RUNT_SIMULATION_SEEDS=FROM:COUNT` tries others (`make soak` millions).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .search import first_failure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CHUNK = 1_000
FIRST, COUNT = (int(part) for part in os.environ.get("RUNT_SIMULATION_SEEDS", "0:30000").split(":"))


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))
def test_schedules_on_a_model_log_keep_every_invariant(first: int) -> None:
    failure = first_failure(range(first, min(first + CHUNK, FIRST + COUNT)))
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
