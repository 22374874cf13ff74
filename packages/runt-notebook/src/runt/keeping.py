"""Keeps a file equal to its notebook: a while after the last change, not too rarely while changes go on, and at the end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from runtime_core.ports import Clock

from .binding import Binding
from .errors import FailedError
from .files import conflict_path, fingerprint, write_whole

QUIET_S = 0.5
AT_MOST_S = 5.0


@dataclass(frozen=True, slots=True)
class Debounce:
    """When to write: `quiet_s` after the last change, but `at_most_s` after the first one. Pure."""

    quiet_s: float = QUIET_S
    at_most_s: float = AT_MOST_S
    first_s: float | None = None
    last_s: float = 0.0

    def changed(self, now_s: float) -> "Debounce":
        """Note a change."""
        return replace(self, first_s=now_s if self.first_s is None else self.first_s, last_s=now_s)

    def written(self) -> "Debounce":
        """Note that all is written."""
        return replace(self, first_s=None)

    @property
    def due_s(self) -> float | None:
        """When to write; None while nothing changed."""
        return None if self.first_s is None else min(self.last_s + self.quiet_s, self.first_s + self.at_most_s)


@final
class FileKeeper:
    """Writes one notebook's file.

    Args:
        path: The file.
        binding: What file and notebook held when they were last equal.
        export: Gives the notebook as a file's bytes.
        save: Remembers a new binding.
        say: Tells a person.
        clock: Time.
    """

    def __init__(
        self,
        path: Path,
        binding: Binding,
        export: Callable[[], Awaitable[bytes]],
        *,
        save: Callable[[Binding], None],
        say: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._path = path
        self._binding = binding
        self._export = export
        self._save = save
        self._say = say
        self._clock = clock
        self._debounce = Debounce()
        self._change = asyncio.Event()
        self._writing = asyncio.Lock()
        self._said = ""

    def changed(self) -> None:
        """Hear that the notebook changed, or may have."""
        self._debounce = self._debounce.changed(self._clock.monotonic())
        self._change.set()

    async def run(self) -> None:
        """Write whenever it is time, until cancelled."""
        while True:
            await self._change.wait()
            self._change.clear()
            while (due := self._debounce.due_s) is not None:
                if (wait := due - self._clock.monotonic()) > 0:
                    await self._clock.sleep(wait)
                else:
                    await asyncio.shield(self.write())  # half a write would look like somebody else's

    async def write(self) -> None:
        """Bring the file up to date now; what cannot be written is said and tried again after the next change."""
        async with self._writing:
            self._debounce = self._debounce.written()
            try:
                await self._write(await self._export())
            except FailedError as exc:
                self._say_once(f"{exc}; the notebook itself is safe, `runt export {self._binding.notebook}` writes it elsewhere")

    async def _write(self, data: bytes) -> None:
        state = fingerprint(data)
        if state == self._binding.state_sha256:
            return
        if await asyncio.to_thread(self._was_changed_by_others):
            beside = conflict_path(self._path)
            await asyncio.to_thread(write_whole, beside, data)
            self._say_once(f"{self._path} was changed by another program and is left as it is; this notebook is kept in {beside}")
            return
        await asyncio.to_thread(write_whole, self._path, data)
        self._binding = replace(self._binding, file_sha256=state, state_sha256=state)
        self._save(self._binding)
        self._said = ""

    def _was_changed_by_others(self) -> bool:
        try:
            return fingerprint(self._path.read_bytes()) != self._binding.file_sha256
        except FileNotFoundError:
            return False  # moved or deleted: writing it anew overwrites nothing
        except OSError as exc:
            raise FailedError("unreadable-file", f"{self._path} cannot be read: {exc.strerror}") from exc

    def _say_once(self, line: str) -> None:
        if line != self._said:
            self._said = line
            self._say(line)
