"""A token bucket: so many a second, as many at once."""


class Rate:
    """Counts what one source may still do; time is given, never read."""

    def __init__(self, per_s: float, burst: float, now_s: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = burst
        self._at_s = now_s

    def take(self, count: float, now_s: float) -> bool:
        """Take `count` if there are as many; a full bucket grants even more than it holds, once."""
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < count and self._left < self._burst:
            return False
        self._left -= count
        return True
