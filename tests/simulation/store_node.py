"""A machine with a store on it over its lives: the real `connect`, store, protocol, replica and state on a simulated loop.

What the machine's disk has outlives a kill; without a disk nothing does. A clone is another machine with a copy of the
disk and, as a copied virtual machine has it, the same next store session. State images will come in here: the file's head.
"""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, final

from runtime_store import opening
from runtime_store.errors import StoreFileError
from runtime_store.store import Store

from .loop import SimulatedLoop
from .network import SEEN_AFTER_S, Network
from .records import Life, Records
from .server_node import STORE_ID
from .world import World

RETRY_S = 1.0
"""After which a process that could not open its file is started again."""


class Disk(Protocol):
    """A machine's disk with a store's file on it."""

    @property
    def full(self) -> bool:
        """Whether it takes nothing more."""
        ...

    def fill(self, full: bool) -> None:
        """Let it be full, or have room again."""
        ...

    def open(self, path: Path, *, power_safe: bool) -> object:
        """Open the file anew: a `StoreFile`, or what has its methods."""
        ...

    def lose_power(self) -> None:
        """Lose what the file may lose with the power."""
        ...

    def copy(self) -> "Disk":
        """Copy it for a clone."""
        ...


@final
class StoreNode:
    """A machine with a store on it.

    Args:
        world: Time.
        network: Its way to the server.
        records: Where its lives are noted.
        name: Of the machine.
        user: Whose credentials it has.
        disk: Where it journals; None in memory.
        power_safe: Whether its journal waits for the disk.
        disk_s: Draws how long a write takes.
        inhabit: Goes on with the open store, on its loop.
        first_ids: What `next_id` gives first: a clone's are those of its twin.
    """

    def __init__(
        self,
        world: World,
        network: Network,
        records: Records,
        name: str,
        user: str,
        disk: Disk | None,
        power_safe: bool,
        disk_s: Callable[[], float],
        inhabit: Callable[[Life, Store], None],
        first_ids: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.user = user
        self.disk = disk
        self.power_safe = power_safe
        self.life: Life | None = None
        self.lives = 0
        self._world = world
        self._network = network
        self._records = records
        self._disk_s = disk_s
        self._inhabit = inhabit
        self._first_ids = first_ids
        self._ids = itertools.count(1)

    @property
    def store(self) -> Store | None:
        """The open store of this life."""
        return self.life and self.life.store

    def boot(self) -> None:
        """Begin a life."""
        if self.life is not None:
            return
        self.lives += 1
        loop = SimulatedLoop(self._world, f"{self.name}-{self.lives}", self._disk_s)
        loop.on_death = self.kill
        life = self.life = Life(self.name, self.user, self.lives, loop, self._network, self._open_file)
        loop.tenant = life
        self._records.lives.append(life)
        loop.call_soon(lambda: loop.create_task(self._live(life)))

    def kill(self, *, power: bool = False) -> None:
        """End this life at once; with `power` the disk loses what it may, and nobody hears of the end."""
        life = self.life
        if life is None:
            return
        life.loop.kill()
        life.over = True
        self.life = None
        for connection in self._network.of(self.name):
            connection.cut(None, SEEN_AFTER_S if power else connection.latency.draw(), "the client is gone")
        if power and self.disk is not None:
            self.disk.lose_power()
            if not self.power_safe:
                self._records.lossy.add(self.name)

    def next_id(self) -> str:
        """Make an id of this machine."""
        number = next(self._ids)
        return self._first_ids[number - 1] if number <= len(self._first_ids) else f"{self.name}_{number}"

    def _open_file(self) -> object:
        assert self.disk is not None
        return self.disk.open(Path(self.name), power_safe=self.power_safe)

    async def _live(self, life: Life) -> None:
        dice = self._world.random(f"{self.name}-{self.lives}")
        try:
            life.store = await opening.connect(  # by its module, where a planted bug may stand for it
                "http://server",
                STORE_ID,
                client_id=self.user,
                path=Path(self.name) if self.disk is not None else None,
                power_safe=self.power_safe,
                new_id=self.next_id,
                random=dice.random,
            )
        except StoreFileError:
            self.kill()
            self._world.after(RETRY_S, self.boot)
            return
        self._inhabit(life, life.store)
