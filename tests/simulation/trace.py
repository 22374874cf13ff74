"""Prints a hash of everything that happened in each of some schedules: `python -m simulation.trace FIRST LAST`."""

import hashlib
import sys

from .plan import draw
from .run import POOL, simulated
from .simulation import Simulation


def trace(seed: int) -> str:
    """Hash the log, what every life saw and how many steps it took."""
    simulation = Simulation(draw(seed))
    problems = simulation.run(POOL.judge())
    told = hashlib.blake2b(digest_size=8)
    for body in simulation.log:
        told.update(body)
    for life in simulation.records.lives:
        told.update(f"{life.node} {life.number} {[(item.seq, item.entry.key) for item in life.confirmed]}".encode())
    told.update(f"{simulation.world.steps} {simulation.world.now!r} {problems}".encode())
    POOL.reclaim()
    return told.hexdigest()


if __name__ == "__main__":
    with simulated():
        print(*(trace(seed) for seed in range(int(sys.argv[1]), int(sys.argv[2]))), sep="\n")
