"""A clock that a test moves."""


class ManualClock:
    """Cheats: time stands still until `advance`."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic_s(self) -> float:
        """Give the seconds of `ServerConfig.monotonic_s`."""
        return self.now

    def now_ms(self) -> int:
        """Give the milliseconds of `ServerConfig.now_ms`."""
        return int(self.now * 1000)

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds
