"""How real the disks of a simulated world are."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, final

from runtime_server.log import EventLog
from runtime_server.testing import LogContents

from .journal import FileDisk
from .loop import SimulatedLoop
from .model_log import LogDisk, ModelLog
from .plan import Setting
from .store_node import Disk
from .world import World


class Grade(Protocol):
    """Makes the disks of one world."""

    def open_log(self, loop: SimulatedLoop, on_fatal: Callable[[str], None]) -> EventLog:
        """Open the server's log for one life of a server."""
        ...

    def log_full(self, full: bool) -> None:
        """Let the log's disk be full, or have room again."""
        ...

    def cut_power(self, dice: random.Random, kill: Callable[[], None]) -> None:
        """The server's machine loses power, soon: `kill` ends the server, the disk loses what was not synced."""
        ...

    def head(self) -> int:
        """Tell how many events the log has; -1 when nobody has opened it."""
        ...

    def bodies(self) -> list[bytes]:
        """Read what is on the log's disk, in order."""
        ...

    def make_disk(self, name: str) -> Disk:
        """Make a client machine's disk."""
        ...

    def close(self) -> None:
        """Free what the world's disks hold."""
        ...


@final
@dataclass(slots=True)
class ModelGrade(Grade):
    """Disks that are lists: what is committed is durable, at one moment, whole."""

    world: World
    setting: Setting
    disk: LogDisk = field(default_factory=lambda: LogDisk(LogContents("log-1")))

    def open_log(self, loop: SimulatedLoop, on_fatal: Callable[[str], None]) -> EventLog:
        return ModelLog(self.disk, loop, self.setting.commit_s, self.world.random(loop.name), on_fatal)

    def log_full(self, full: bool) -> None:
        self.disk.full = full

    def cut_power(self, dice: random.Random, kill: Callable[[], None]) -> None:
        kill()

    def head(self) -> int:
        return len(self.disk.log.bodies)

    def bodies(self) -> list[bytes]:
        return self.disk.log.bodies

    def make_disk(self, name: str) -> Disk:
        return FileDisk(self.world.random(f"disk/{name}"))

    def close(self) -> None:
        pass
