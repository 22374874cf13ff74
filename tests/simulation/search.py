"""Runs many schedules and tells of a failing one so that it can be had again: its seed, what failed, its smallest form."""

from collections.abc import Iterable, Sequence

from .grade import ModelGrade
from .plan import Plan, draw
from .run import Verdict, run_here, simulated
from .shrink import shrink
from .simulation import MakeGrade


def invariant_of(verdict: Verdict) -> str | None:
    """Name the first invariant that did not hold."""
    return verdict.problems[0].split(":")[0] if verdict.problems else None


def first_failure(seeds: Iterable[int], make_grade: MakeGrade = ModelGrade) -> str | None:
    """Run the schedules of these seeds; describe the first that fails."""
    with simulated():
        for seed in seeds:
            plan = draw(seed)
            verdict = run_here(plan, make_grade)
            if verdict.problems:
                return describe(seed, verdict.problems, smallest_form(plan, make_grade, verdict))
    return None


def smallest_form(plan: Plan, make_grade: MakeGrade, verdict: Verdict) -> Plan:
    """Shrink a plan that failed so."""
    name = invariant_of(verdict)
    return shrink(plan, lambda candidate: invariant_of(run_here(candidate, make_grade)) == name)


def describe(seed: int, problems: Sequence[str], smallest: Plan) -> str:
    """Say what failed and how to see it again."""
    steps = "\n".join(f"  {step}" for step in smallest.steps)
    again = f"python -m simulation {seed} [sqlite] (in tests/)"
    return f"seed {seed}: {problems[0]}\nsmallest form, of {smallest.setting}:\n{steps}\nagain: {again}"
