"""The state of one notebook on the server, made only when somebody asks for it and off the append path."""

import asyncio
import logging
from typing import final

import msgspec

from runtime_schema.ipynb_events import NotebookState
from runtime_schema.wire import LogEvent
from runtime_store import StateAt
from runtime_store.errors import DamagedImageError
from runtime_store.sqlite import open_image

from .images import Image, ImageFolder
from .log import EventLog

_LOG = logging.getLogger("runtime_server.replica")
_PAGE_EVENTS, _PAGE_BYTES = 2_000, 4 * 1024 * 1024


@final
class Replica:
    """Begins from the newest image there is, and replays the log from there."""

    def __init__(self, store_id: str, log: EventLog, images: ImageFolder) -> None:
        self._store_id = store_id
        self._log = log
        self._images = images
        self._kept: StateAt | None = None
        self._lock = asyncio.Lock()

    async def state(self, seq: int | None = None) -> NotebookState:
        """Give the rows of the state as of now, which the next call continues from; or of the state after event `seq`."""
        async with self._lock:
            if seq is not None:
                state = await self._begin(seq)
                try:
                    await self._replay(state, seq)
                    return await asyncio.to_thread(_read, state)
                finally:
                    state.close()
            if self._kept is None:
                self._kept = await self._begin(None)
            await self._replay(self._kept, None)
            return await asyncio.to_thread(_read, self._kept)

    async def make_image(self) -> Image:
        """Keep an image of the state as of now."""
        async with self._lock:
            state = self._kept or await self._begin(None)
            try:
                await self._replay(state, None)
                return await asyncio.to_thread(lambda: self._images.put(self._store_id, state.seq, state.image))
            finally:
                if state is not self._kept:
                    state.close()

    async def _begin(self, seq: int | None) -> StateAt:
        for image in await asyncio.to_thread(self._images.all, self._store_id):
            if seq is not None and image.seq > seq:
                continue
            data = await asyncio.to_thread(self._images.read, self._store_id, image)
            if data is None:
                problem = "its bytes are not those of its hash"
            else:
                try:
                    return StateAt(image.seq, open_image(data))
                except DamagedImageError as exc:
                    problem = str(exc)
            _LOG.warning("image %s of notebook %s at %d is left out: %s", image.sha256, self._store_id, image.seq, problem)
            await asyncio.to_thread(self._images.discard, self._store_id, image)
        return StateAt()

    async def _replay(self, state: StateAt, seq: int | None) -> None:
        while seq is None or state.seq < seq:
            most = _PAGE_EVENTS if seq is None else min(_PAGE_EVENTS, seq - state.seq)
            bodies = await self._log.read(self._store_id, state.seq, most, _PAGE_BYTES)
            if not bodies:
                return
            await asyncio.to_thread(_apply, state, bodies)


def _apply(state: StateAt, bodies: list[bytes]) -> None:
    state.apply(LogEvent(*msgspec.json.decode(body)) for body in bodies)


def _read(state: StateAt) -> NotebookState:
    return NotebookState.read(state.query)
