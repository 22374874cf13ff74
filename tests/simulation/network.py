"""Connections between nodes: FIFO in each direction, slow, cut, silent in one direction, stalled, and dead with their node.

A connection is two ends; what is under way belongs to the connection and is lost with it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .world import World

REFUSED_S = 0.01
TICK_S = 1e-6
"""What keeps frames of one direction in order."""
SEEN_AFTER_S = 2.5
"""When the server's side of a connection that died silently is given up, by the web server's keep-alive."""
SILENT_DIAL_S = 10.0
"""How long a client waits for a server that does not answer at all: `runtime_store.protocol.CONNECT_TIMEOUT_S`."""


class End(Protocol):
    """One side of a connection, as the network sees it."""

    def receive(self, frame: str) -> None:
        """Take a frame."""
        ...

    def closed(self, reason: str) -> None:
        """Hear that the connection has ended."""
        ...


@dataclass(slots=True)
class Direction:
    """What is under way to one end."""

    to: End
    last: float = 0.0
    bytes_under_way: int = 0
    deaf: bool = False
    stalled_until: float = 0.0
    on_moved: Callable[[], None] | None = None


@dataclass(slots=True)
class Latency:
    """How long frames take: at least `base_s`, mostly not much more."""

    base_s: float
    spread_s: float
    dice: random.Random

    def draw(self) -> float:
        """Draw one."""
        return self.base_s + self.dice.random() ** 3 * self.spread_s


@dataclass(slots=True)
class Connection:
    """A client and a server that talk."""

    world: World
    latency: Latency
    client: str
    server: str
    up: Direction
    down: Direction
    open: bool = True
    cause: str = ""

    def send(self, direction: Direction, frame: str) -> None:
        """Send a frame one way; nobody hears whether it arrives."""
        if not self.open:
            return
        world = self.world
        direction.last = max(direction.last + TICK_S, direction.stalled_until, world.now + self.latency.draw())
        direction.bytes_under_way += len(frame)
        world.at(direction.last, self._arrive, direction, frame)

    def close(self, by: Direction, reason: str) -> None:
        """End it in order, as seen from the end that `by` leads to: the other hears of it after all that was sent before."""
        if self.open:
            other = self.down if by is self.up else self.up
            when = max(other.last + TICK_S, other.stalled_until, self.world.now + self.latency.draw())
            self.world.at(when, self._ended, other, reason)

    def cut(self, hears_client: float | None, hears_server: float | None, reason: str) -> None:
        """Lose what is under way; each end hears of it after so long, or at its death."""
        if not self.open:
            return
        self.open = False
        self.cause = reason
        for direction, wait in ((self.down, hears_client), (self.up, hears_server)):
            if wait is not None:
                self.world.after(wait, direction.to.closed, reason)

    def stall(self, direction: Direction, until: float) -> None:
        """Hold back what is sent one way."""
        direction.stalled_until = max(direction.stalled_until, until)

    def _arrive(self, direction: Direction, frame: str) -> None:
        direction.bytes_under_way -= len(frame)
        if not self.open:
            return
        if not direction.deaf:
            direction.to.receive(frame)
        if direction.on_moved is not None:
            direction.on_moved()

    def _ended(self, direction: Direction, reason: str) -> None:
        if self.open and not direction.deaf:
            self.open = False
            direction.to.closed(reason)


class Listener(Protocol):
    """A server that may be dialled."""

    name: str

    @property
    def listening(self) -> bool:
        """Whether its port is open."""
        ...

    def accept(self, connection: Connection, user: str) -> End:
        """Take a connection; gives the server's end."""
        ...


@dataclass(slots=True)
class Network:
    """Who can reach whom, and all connections that are open."""

    world: World
    latency: Latency
    connections: list[Connection] = field(default_factory=list[Connection])
    unreachable: set[str] = field(default_factory=set[str])
    """Clients whose dials meet silence."""
    server: Listener | None = None
    """Where the name of the service leads now."""

    def dial(self, client: str, user: str, end: End, opened: Callable[[Connection], None]) -> None:
        """Connect a client; `opened` is called, or `closed` of its end."""
        self.world.after(self.latency.draw(), self._reach, client, user, end, opened)

    def of(self, node: str) -> list[Connection]:
        """Give the open connections of a node."""
        self.connections = [connection for connection in self.connections if connection.open]
        return [connection for connection in self.connections if node in (connection.client, connection.server)]

    def _reach(self, client: str, user: str, end: End, opened: Callable[[Connection], None]) -> None:
        server = self.server
        if client in self.unreachable:
            self.world.after(SILENT_DIAL_S, end.closed, "no answer")
        elif server is None or not server.listening:
            self.world.after(REFUSED_S, end.closed, "refused")
        else:
            down = Direction(end)
            connection = Connection(self.world, self.latency, client, server.name, down, down)
            connection.up = Direction(server.accept(connection, user))
            self.connections.append(connection)
            self.world.after(self.latency.draw(), self._opened, connection, opened)

    def _opened(self, connection: Connection, opened: Callable[[Connection], None]) -> None:
        if connection.open:
            opened(connection)
        else:  # its end was nobody's to hear yet: the upgrade is not answered
            self.world.after(SILENT_DIAL_S, connection.down.to.closed, "no answer")
