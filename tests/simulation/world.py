"""Virtual time and everything that waits for it. One seed decides every random number and every tie.

A piece of a world that fails is remembered in `problems`; nothing here knows what the nodes are.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from typing import Any

EPOCH_MS = 1_700_000_000_000


class World:
    """A heap of what happens next. `horizon` bounds how many steps one schedule may take."""

    def __init__(self, seed: int, horizon: int = 40_000) -> None:
        self.seed = seed
        self.now = 0.0
        self.steps = 0
        self.problems: list[str] = []
        self.soon: deque[Callable[[], object]] = deque()
        """What happens now, in this order."""
        self.running: object = None
        """The loop that runs now, or ran last."""
        self._horizon = horizon
        self._heap: list[tuple[float, float, int, Callable[..., object], tuple[Any, ...]]] = []  # Any: args of the callback
        self._count = 0
        self._ties = self.random("ties").random

    def random(self, name: str) -> random.Random:
        """Give a source of random numbers of that name, so that nobody's draws move another's."""
        return random.Random(f"{self.seed}/{name}")

    def now_ms(self) -> int:
        """Give the virtual date."""
        return EPOCH_MS + int(self.now * 1000)

    def at(self, when: float, callback: Callable[..., object], *args: Any) -> None:  # Any: as above
        """Call back at a time; those of one time come in random order."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._ties(), self._count, callback, args))

    def after(self, seconds: float, callback: Callable[..., object], *args: Any) -> None:  # Any: as above
        """Call back after so long."""
        self.at(self.now + seconds, callback, *args)

    def run_until(self, when: float) -> None:
        """Let everything happen that is due by then."""
        heap, soon = self._heap, self.soon
        while not self.problems:
            if soon:
                soon.popleft()()
            elif heap and heap[0][0] <= when:
                self.now, _, _, callback, args = heapq.heappop(heap)
                callback(*args)
            else:
                self.now = max(self.now, when)
                return
            self.steps += 1
            if self.steps > self._horizon:
                self.problems.append(f"no rest: more than {self._horizon} steps")
