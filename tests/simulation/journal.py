"""A store's file as a model: what was written survives a kill; what was not synced may be lost with the power, from its end.

`ModelFile` stands for `runtime_store.file.StoreFile` wherever a simulated store opens one.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from runtime_store.errors import StoreFileError
from runtime_store.file import Write
from runtime_store.reconcile import Confirmed, Entry, Key


@dataclass(slots=True)
class FileDisk:
    """One store's file over its lives: all writes, and how many of them the disk has for certain."""

    dice: random.Random
    writes: list[Write | tuple[str, str]] = field(default_factory=list[Write | tuple[str, str]])
    synced: int = 0
    full: bool = False

    def fill(self, full: bool) -> None:
        self.full = full

    def open(self, path: Path, *, power_safe: bool) -> "ModelFile":
        return ModelFile(self, path, power_safe=power_safe)

    def lose_power(self) -> None:
        kept = self.dice.randint(min(self.synced, len(self.writes)), len(self.writes))
        del self.writes[kept:]

    def copy(self) -> "FileDisk":
        return FileDisk(self.dice, list(self.writes), self.synced)


@final
class ModelFile:
    """An open file: the methods of `StoreFile`."""

    def __init__(self, disk: FileDisk, path: Path, *, power_safe: bool) -> None:
        self.path = path
        self.power_safe = power_safe
        self._disk = disk
        self._meta: dict[str, str] = {}
        self._log: list[Confirmed] = []
        self._pending: dict[Key, Entry] = {}
        for write in disk.writes:
            self._apply(write)

    @property
    def backend(self) -> str | None:
        return self._meta.get("backend")

    @property
    def head(self) -> int:
        return len(self._log)

    @property
    def base(self) -> int:
        return 0

    def image(self) -> None:
        return None

    def log(self, after: int = 0) -> Iterator[Confirmed]:
        return iter([Confirmed(item.seq, item.entry, own=False) for item in self._log[after:]])

    def pending(self) -> Iterator[Entry]:
        return iter(list(self._pending.values()))

    def set_backend(self, backend: str) -> None:
        self._record(("backend", backend))

    def begin_life(self, store_session_id: str) -> str | None:
        before = self._meta.get("life")
        self._record(("life", store_session_id))
        return before

    def write(self, write: Write) -> None:
        self._record(write)

    def close(self) -> None:
        pass

    def _record(self, write: Write | tuple[str, str]) -> None:
        if self._disk.full:
            raise StoreFileError(str(self.path), "cannot be written: the disk is full")
        self._apply(write)
        self._disk.writes.append(write)
        if self.power_safe:
            self._disk.synced = len(self._disk.writes)

    def _apply(self, write: Write | tuple[str, str]) -> None:
        if isinstance(write, tuple):
            self._meta[write[0]] = write[1]
            return
        if write.reset_to is not None:
            self._log.clear()
            self._meta["backend"] = write.reset_to
        for key in write.undone:
            self._pending.pop(key, None)
        for entry in write.pending:
            if entry.key in self._pending:
                raise StoreFileError(str(self.path), f"cannot be written: {entry.key} is pending already")
            self._pending[entry.key] = entry
        for item in write.confirmed:
            if item.seq != len(self._log) + 1:
                raise StoreFileError(str(self.path), f"cannot be written: event {item.seq} follows {len(self._log)}")
            self._log.append(item)
            if item.own:
                self._pending.pop(item.entry.key, None)
