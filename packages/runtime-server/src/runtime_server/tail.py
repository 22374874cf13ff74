"""The newest events of a store in memory, as bodies; older ones are read from the log."""

EVENTS_HEAD, EVENTS_FOOT = b'{"t":"events","first":%d,"events":[', b"]}"


class Tail:
    """Bodies of the events after `start`, in order; the oldest go when both bounds allow no more."""

    def __init__(self, head: int, max_events: int = 20_000, max_bytes: int = 8 * 1024 * 1024) -> None:
        self.start = head
        self._bodies: list[bytes] = []
        self._bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes

    @property
    def end(self) -> int:
        """The seq of the newest event."""
        return self.start + len(self._bodies)

    def extend(self, bodies: list[bytes]) -> None:
        """Add the next events."""
        self._bodies += bodies
        self._bytes += sum(map(len, bodies))
        if len(self._bodies) > self._max_events or self._bytes > self._max_bytes:
            # Down to half, so that the cost of moving the list is paid rarely.
            drop = 0
            while self._bodies and (len(self._bodies) - drop > self._max_events // 2 or self._bytes > self._max_bytes // 2):
                self._bytes -= len(self._bodies[drop])
                drop += 1
                if drop == len(self._bodies):
                    break
            del self._bodies[:drop]
            self.start += drop

    def after(self, seq: int, max_events: int, max_bytes: int) -> list[bytes] | None:
        """Give bodies from `seq + 1` on within both bounds, at least one if there is any; None when they are gone."""
        if seq < self.start:
            return None
        return _within(self._bodies[seq - self.start : seq - self.start + max_events], max_bytes)


def _within(bodies: list[bytes], max_bytes: int) -> list[bytes]:
    size = 0
    for place, body in enumerate(bodies):
        size += len(body)
        if place and size > max_bytes:
            return bodies[:place]
    return bodies


def events_frames(first: int, bodies: list[bytes], max_events: int, max_bytes: int) -> list[bytes]:
    """Write bodies as `events` frames within both bounds; each body stands in them as it was recorded."""
    frames: list[bytes] = []
    place = 0
    while place < len(bodies):
        page = _within(bodies[place : place + max_events], max_bytes)
        frames.append(EVENTS_HEAD % (first + place) + b",".join(page) + EVENTS_FOOT)
        place += len(page)
    return frames
