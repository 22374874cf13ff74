"""The simulator finds what is wrong: each planted bug again from its stored seed, whose schedule is without fault otherwise.

With `RUNT_SIMULATION_HUNT=FROM:COUNT` each is hunted afresh among these seeds (`make soak`).
"""

import os

import pytest

from .hunt import hunt, stored_seeds
from .mutants import MUTANTS, Mutant
from .plan import draw
from .run import run
from .search import first_failure
from .substitution import substituted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

HUNT = os.environ.get("RUNT_SIMULATION_HUNT")
every_bug = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))


@every_bug
def test_planted_bug_is_found_from_its_seed(mutant: Mutant) -> None:
    seed = stored_seeds()[mutant.name]
    plan = draw(seed, mutant.faults)
    assert run(plan, mutant.grade).problems == ()
    problems = run(plan, mutant.grade, *mutant.planted).problems
    assert [problem.split(":")[0] for problem in problems[:1]] == [mutant.breaks]


def test_a_failure_is_told_with_its_seed_and_in_its_smallest_form() -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name.startswith("nobody is told"))
    seed = stored_seeds()[mutant.name]
    with substituted(*mutant.planted):
        told = first_failure([seed])
    assert told is not None
    assert f"seed {seed}: {mutant.breaks}" in told
    steps = told.count("  Step(")
    assert 1 <= steps < len(draw(seed).steps)
    assert "kind='server-disk-full'" in told


def test_stored_seeds_are_of_planted_bugs_that_exist() -> None:
    assert list(stored_seeds()) == [mutant.name for mutant in MUTANTS]
    assert len(MUTANTS) >= 25


if HUNT is not None:
    FIRST, COUNT = (int(part) for part in HUNT.split(":"))

    @pytest.mark.timeout(0)
    @every_bug
    def test_planted_bug_is_found_afresh(mutant: Mutant) -> None:
        seed, others = hunt(mutant, range(FIRST, FIRST + COUNT))
        assert seed is not None, f"not found in {COUNT} schedules; what broke: {dict(others)}"
