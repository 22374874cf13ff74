"""Runs one schedule and tells its story: `python -m simulation SEED [sqlite]`, in `tests/`."""

import sys

from .grade import ModelGrade
from .plan import draw
from .run import POOL, simulated
from .simulation import Simulation
from .sqlite_grade import SqliteGrade


def main(seed: int, grade: str = "model") -> int:
    """Print the plan, the log and what does not hold."""
    plan = draw(seed)
    print(plan.setting, *plan.steps, sep="\n")
    with simulated():
        simulation = Simulation(plan, SqliteGrade if grade == "sqlite" else ModelGrade)
        problems = simulation.run(POOL.judge())
        for seq, body in enumerate(simulation.log, 1):
            print(seq, body.decode())
        POOL.reclaim()
    print(*problems or ["all invariants hold"], sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
