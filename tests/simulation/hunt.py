"""Looks for the planted bugs: runs schedules until one breaks the invariant that the bug is said to break.

`python -m simulation.hunt FIRST COUNT [WORDS]`, in `tests/`, looks among these seeds and writes what it finds to
`seeds.json`; with words only for bugs whose name contains them.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .mutants import MUTANTS, Mutant
from .plan import draw
from .run import run_here, simulated
from .search import invariant_of
from .substitution import substituted

SEEDS = Path(__file__).with_name("seeds.json")


def hunt(mutant: Mutant, seeds: Iterable[int]) -> tuple[int | None, Counter[str]]:
    """Give the first seed that shows a planted bug, and how often others than its own invariant broke before."""
    others: Counter[str] = Counter()
    with simulated(), substituted(*mutant.planted):
        for seed in seeds:
            name = invariant_of(run_here(draw(seed, mutant.faults), mutant.grade))
            if name == mutant.breaks:
                return seed, others
            if name is not None:
                others[name] += 1
    return None, others


def stored_seeds() -> dict[str, int]:
    """Read which seed finds which bug."""
    return json.loads(SEEDS.read_text()) if SEEDS.exists() else {}


def main(first: int, count: int, word: str = "") -> None:
    """Hunt for all, and write down what was found."""
    for mutant in MUTANTS:
        if word in mutant.name:
            seed, others = hunt(mutant, range(first, first + count))
            print(f"{mutant.name:62} {mutant.breaks:12} {seed} {dict(others) or ''}", flush=True)
            found = stored_seeds()
            if seed is not None:
                found[mutant.name] = seed
            names = [mutant.name for mutant in MUTANTS]
            SEEDS.write_text(json.dumps({name: found[name] for name in names if name in found}, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), " ".join(sys.argv[3:]))
