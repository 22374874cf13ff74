"""Bytes by their sha256, a folder for each notebook, through obstore.

A body is streamed to a temporary name, hashed on the way, synced and renamed: a name that exists has all its bytes on disk.
"""

import asyncio
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

import obstore
from obstore.store import LocalStore

from .errors import ApiError

_RASTER = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"))
_CHUNK = 1024 * 1024


class ArtifactFolder:
    """All artifacts of one server. Store ids and hashes come checked: they are names in the file system."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._store = LocalStore(folder)
        self._max_bytes = max_bytes

    def has(self, store_id: str, sha256: str) -> bool:
        """Tell whether the bytes are here."""
        return (self._folder / store_id / sha256).is_file()

    def size(self, store_id: str, sha256: str) -> int | None:
        """Give the number of bytes, or None when they are not here."""
        path = self._folder / store_id / sha256
        return path.stat().st_size if path.is_file() else None

    def read(self, store_id: str, sha256: str) -> bytes:
        """Give all bytes at once."""
        return (self._folder / store_id / sha256).read_bytes()

    def media_type(self, store_id: str, sha256: str) -> str | None:
        """Name the raster image type that the first bytes prove; None for all else."""
        with (self._folder / store_id / sha256).open("rb") as file:
            head = file.read(16)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return "image/webp"
        return next((media_type for magic, media_type in _RASTER if head.startswith(magic)), None)

    async def stream(self, store_id: str, sha256: str) -> AsyncIterator[bytes]:
        """Give the bytes piece by piece."""
        found = await obstore.get_async(self._store, f"{store_id}/{sha256}")
        async for piece in found.stream(min_chunk_size=_CHUNK):
            yield bytes(piece)

    async def put(self, store_id: str, sha256: str, body: bytes | AsyncIterable[bytes]) -> None:
        """Keep bytes under their hash.

        Raises:
            ApiError: They are too many, or their hash is another.
        """
        if self.has(store_id, sha256):
            return
        temporary = f"{store_id}/tmp-{secrets.token_hex(8)}"
        digest = hashlib.sha256()
        size = 0
        try:
            async with obstore.open_writer_async(self._store, temporary, max_concurrency=1) as writer:
                async for piece in _pieces(body):
                    size += len(piece)
                    if size > self._max_bytes:
                        raise ApiError(413, "too-large", f"an artifact may have {self._max_bytes} bytes")
                    digest.update(piece)
                    await writer.write(piece)
            if digest.hexdigest() != sha256:
                raise ApiError(422, "hash-mismatch", f"the body's sha256 is {digest.hexdigest()}, not {sha256}")
            await asyncio.to_thread(self._keep, temporary, f"{store_id}/{sha256}")
        except BaseException:
            (self._folder / temporary).unlink(missing_ok=True)
            raise

    async def delete_all(self, store_id: str) -> None:
        """Remove the artifacts of a notebook."""
        await asyncio.to_thread(shutil.rmtree, self._folder / store_id, ignore_errors=True)

    def _keep(self, temporary: str, name: str) -> None:
        _sync(self._folder / temporary)
        obstore.rename(self._store, temporary, name)
        _sync((self._folder / name).parent)
        _sync(self._folder)


async def _pieces(body: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        if piece:
            yield piece


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
