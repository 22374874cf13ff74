"""Bytes too large for an event: handed to the page before the event that names them, and it uploads them.

The last of them are kept here too, for whoever reads back what was just put.
"""

import hashlib
from typing import final

from runtime_core.errors import ArtifactUnavailableError
from runtime_core.ports import ArtifactStore

from .bridge import Bridge

KEPT_BYTES = 16 * 1024 * 1024


@final
class PortArtifacts(ArtifactStore):
    """Gives every content to the page once.

    Args:
        bridge: The way to the page.
        kept_bytes: How much to keep here; the oldest goes first.
    """

    def __init__(self, bridge: Bridge, kept_bytes: int = KEPT_BYTES) -> None:
        self._bridge = bridge
        self._room = kept_bytes
        self._given: set[str] = set()
        self._kept: dict[str, bytes] = {}

    def put(self, data: bytes, mime_type: str) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in self._given:
            self._bridge.post_artifact(sha256, mime_type, data)
            self._given.add(sha256)
            self._keep(sha256, data)
        return sha256

    async def get(self, sha256: str) -> bytes:
        if sha256 in self._kept:
            return self._kept[sha256]
        where = "it was given to the page and is no longer kept in the worker" if sha256 in self._given else "it was never put here"
        raise ArtifactUnavailableError(sha256, where)

    def _keep(self, sha256: str, data: bytes) -> None:
        self._kept[sha256] = data
        self._room -= len(data)
        while self._room < 0:
            oldest = next(iter(self._kept))
            self._room += len(self._kept.pop(oldest))
