"""A disk that loses power, for SQLite through a VFS of apsw's: every write, sync, truncate and delete is a point of it.

What a process wrote is in `files`, as the page cache has it; what a sync has made certain is in `durable`. A kill keeps
the first; a power cut keeps the second and, of what was written since, nothing, or any part, torn at sectors.
The VFS is in memory and has no shared memory: a connection to it must lock exclusively before it turns to WAL.
"""

import itertools
import random
from collections.abc import Callable
from typing import Literal, final

import apsw

SECTOR = 512
VFS_NAME = "crash"

Cut = Literal["kill", "drop", "torn"]
"""A kill of the process; a power cut that loses all that was not synced; one that keeps any part of it."""

_DISKS: dict[str, "CrashDisk"] = {}
_NUMBERS = itertools.count(1)


@final
class CrashDisk:
    """One machine's disk, until it is cut; `after` gives what is left of it, as another disk.

    Args:
        files: What is on it, for certain.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.key = f"disk{next(_NUMBERS)}"
        self.files = {name: bytearray(data) for name, data in (files or {}).items()}
        self.durable = dict(files or {})
        self.pending: dict[str, list[tuple[int, bytes | None]]] = {}
        self.operations = 0
        self.cut_at: int | None = None
        """The operation at which the power goes."""
        self.full = False
        self.full_at: int | None = None
        """The operation from which on there is no room."""
        self.dead = False
        self.given_up = False
        self.lies = False
        """Whether a sync does nothing."""
        self.on_cut: Callable[[], None] | None = None
        _DISKS[self.key] = self

    def path(self, name: str) -> str:
        """Give the path by which SQLite finds a file of this disk."""
        return f"{self.key}/{name}"

    def forget(self) -> None:
        """Free it."""
        _DISKS.pop(self.key, None)

    def give_up(self) -> None:
        """Let connections that are still open be closed in peace; what they write then goes nowhere."""
        self.given_up = True

    def after(self, cut: Cut, dice: random.Random) -> "CrashDisk":
        """Give the disk as it is found after a cut."""
        if cut == "kill":
            return CrashDisk({name: bytes(data) for name, data in self.files.items()})
        found: dict[str, bytes] = {}
        for name in sorted({*self.durable, *self.pending}):
            data = bytearray(self.durable.get(name, b""))
            for offset, written in self.pending.get(name, ()) if cut == "torn" else ():
                if dice.random() < 0.4:
                    continue
                if written is None:
                    del data[offset:]
                else:
                    _tear(data, offset, written, dice)
            found[name] = bytes(data)
        return CrashDisk(found)

    # --- what files do

    def operate(self) -> bool:
        """Count a write, sync, truncate or delete; the power may go before it. Tells whether it is to be done.

        Raises:
            IOError: The power has gone.
        """
        if self.given_up:
            return False
        if not self.dead:
            self.operations += 1
            if self.cut_at is not None and self.operations >= self.cut_at:
                self.dead = True
                if self.on_cut is not None:
                    self.on_cut()
        if self.dead:
            raise apsw.IOError("the power is gone")
        return True

    def write(self, name: str, data: bytes, offset: int) -> None:
        """Write into the page cache.

        Raises:
            FullError: There is no room.
            IOError: There is no power.
        """
        if not self.operate():
            return
        if self.full or (self.full_at is not None and self.operations >= self.full_at):
            raise apsw.FullError("no room")
        file = self.files[name]
        _put(file, offset, data)
        self.pending.setdefault(name, []).append((offset, data))

    def truncate(self, name: str, size: int) -> None:
        """Cut a file in the page cache."""
        if self.operate():
            del self.files[name][size:]
            self.pending.setdefault(name, []).append((size, None))

    def sync(self, name: str) -> None:
        """Make what a file has certain."""
        if not self.operate():
            return
        if not self.lies and self.pending.pop(name, None) is not None:
            self.durable[name] = bytes(self.files[name])
        self.durable.setdefault(name, b"")

    def delete(self, name: str) -> None:
        """Remove a file, for certain."""
        if self.operate():
            for place in (self.files, self.durable, self.pending):
                place.pop(name, None)


def disks() -> list[CrashDisk]:
    """Give all disks that are not forgotten."""
    return list(_DISKS.values())


def _put(file: bytearray, offset: int, data: bytes) -> None:
    if len(file) < offset:
        file.extend(bytes(offset - len(file)))
    file[offset : offset + len(data)] = data


def _tear(file: bytearray, offset: int, written: bytes, dice: random.Random) -> None:
    whole = dice.random() < 0.5
    for place in range(0, len(written), SECTOR):
        if whole or dice.random() < 0.5:
            _put(file, offset + place, written[place : place + SECTOR])


class _Vfs(apsw.VFS):
    """Finds disks by the first part of a path."""

    def __init__(self) -> None:
        super().__init__(VFS_NAME, "", maxpathname=512)

    def xFullPathname(self, name: str) -> str:
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:
        disk, name = _find(pathname)
        return name in disk.files

    def xDelete(self, filename: str, syncdir: bool) -> None:
        disk, name = _find(filename)
        disk.delete(name)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_File":  # pyright: ignore[reportIncompatibleMethodOverride]  # no class of apsw's has to be the base of a file
        flags[1] = flags[0]
        path = name.filename() if isinstance(name, apsw.URIFilename) else name or "none/temporary"
        return _File(*_find(path))

    def xRandomness(self, numbytes: int) -> bytes:
        return b"\x07" * numbytes

    def xSleep(self, microseconds: int) -> int:
        return microseconds

    def xCurrentTime(self) -> float:
        return 2_460_000.5

    def xCurrentTimeInt64(self) -> int:
        return 212_000_000_000_000


class _File:
    """An open file."""

    def __init__(self, disk: CrashDisk, name: str) -> None:
        self._disk = disk
        self._name = name
        disk.files.setdefault(name, bytearray())

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._disk.files[self._name][offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.write(self._name, bytes(data), offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.truncate(self._name, newsize)

    def xSync(self, flags: int) -> None:
        self._disk.sync(self._name)

    def xFileSize(self) -> int:
        return len(self._disk.files[self._name])

    def xLock(self, level: int) -> None:
        pass

    def xUnlock(self, level: int) -> None:
        pass

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, ptr: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xClose(self) -> None:
        pass


def _find(path: str) -> tuple[CrashDisk, str]:
    key, _, name = path.partition("/")
    if (disk := _DISKS.get(key)) is None:
        disk = _DISKS[key] = CrashDisk()
    return disk, name


_VFS = _Vfs()
