"""Makes a failing schedule small: leaves out steps as long as the same invariant fails."""

from collections.abc import Callable

from .plan import Plan

MOST_TRIES = 150


def shrink(plan: Plan, still_fails: Callable[[Plan], bool]) -> Plan:
    """Leave out ever smaller runs of steps; gives the smallest plan found that still fails."""
    size = max(1, len(plan.steps) // 2)
    tries = 0
    while True:
        place, smaller = 0, False
        while place < len(plan.steps) and tries < MOST_TRIES:
            candidate = plan.without(set(range(place, place + size)))
            tries += 1
            if still_fails(candidate):
                plan, smaller = candidate, True
            else:
                place += size
        if tries >= MOST_TRIES or (size == 1 and not smaller):
            return plan
        size = max(1, size // 2)
