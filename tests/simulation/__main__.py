"""Runs one schedule and tells its story: `python -m simulation SEED [sqlite]`, in `tests/`."""

import sys

from .plan import draw
from .run import POOL, simulated
from .simulation import Simulation


def main(seed: int) -> int:
    """Print the plan, the log and what does not hold."""
    plan = draw(seed)
    print(plan.setting, *plan.steps, sep="\n")
    with simulated():
        simulation = Simulation(plan)
        problems = simulation.run(POOL.judge())
        for seq, body in enumerate(simulation.log, 1):
            print(seq, body.decode())
        POOL.reclaim()
    print(*problems or ["all invariants hold"], sep="\n")
    return 1 if problems else 0


sys.exit(main(int(sys.argv[1])))
