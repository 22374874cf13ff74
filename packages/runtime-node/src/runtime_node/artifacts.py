"""Bytes too large for an event: kept in a folder at once, and given to the server before their event is pushed."""

import asyncio
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import final

from runtime_core.errors import ArtifactUnavailableError
from runtime_core.ports import ArtifactStore
from runtime_schema.media import is_sha256
from runtime_store import ArtifactUploader

from .errors import RuntimeNodeError
from .server_api import ServerApi


@final
class FolderArtifacts(ArtifactStore):
    """Keeps bytes in a folder, by hash. What `put` has returned survives the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, data: bytes, mime_type: str) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.has(sha256):
            self._write(sha256 + ".type", mime_type.encode())
            self._write(sha256, data)
        return sha256

    async def get(self, sha256: str) -> bytes:
        data = self.read(sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ArtifactUnavailableError(sha256, f"the bytes in {self._folder} are damaged")
        return data

    def has(self, sha256: str) -> bool:
        """Tell whether the bytes are here."""
        return (self._folder / sha256).exists()

    def read(self, sha256: str) -> bytes:
        """Give the bytes.

        Raises:
            ArtifactUnavailableError: They are not here.
        """
        try:
            return (self._folder / sha256).read_bytes() if is_sha256(sha256) else b""
        except OSError as exc:
            raise ArtifactUnavailableError(sha256, f"not in {self._folder}") from exc

    def mime_type(self, sha256: str) -> str:
        """Give the MIME type that the bytes were kept with."""
        try:
            return (self._folder / f"{sha256}.type").read_text()
        except OSError:
            return "application/octet-stream"

    def forget(self, sha256: str) -> None:
        """Remove the bytes."""
        for name in (sha256, sha256 + ".type"):
            with suppress(FileNotFoundError):
                (self._folder / name).unlink()

    def _write(self, name: str, data: bytes) -> None:
        temporary = self._folder / f".{name}.{os.getpid()}"
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._folder / name)


@final
class HttpArtifacts(ArtifactStore, ArtifactUploader):
    """Keeps bytes here until the server has them.

    Args:
        api: The server.
        notebook: For which notebook.
        folder: Where bytes wait; one for each notebook.
    """

    def __init__(self, api: ServerApi, notebook: str, folder: FolderArtifacts) -> None:
        self._api = api
        self._notebook = notebook
        self._folder = folder
        self._uploaded: set[str] = set()
        self._uploading: dict[str, asyncio.Task[None]] = {}

    def put(self, data: bytes, mime_type: str) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in self._uploaded:
            self._folder.put(data, mime_type)
        return sha256

    async def get(self, sha256: str) -> bytes:
        if self._folder.has(sha256):
            return await self._folder.get(sha256)
        try:
            data = await self._api.get_artifact(self._notebook, sha256)
        except RuntimeNodeError as exc:
            raise ArtifactUnavailableError(sha256, str(exc)) from exc
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ArtifactUnavailableError(sha256, f"{self._api.server} gave other bytes")
        return data

    async def ensure_uploaded(self, sha256s: frozenset[str]) -> None:
        """Return when the server has these bytes, or when they are not here either: then the server refuses their event.

        Raises:
            ConnectionError: The server could not be asked, or did not take them; ask again later.
        """
        wanted = [sha256 for sha256 in sorted(sha256s) if sha256 not in self._uploaded]
        try:
            await asyncio.gather(*(asyncio.shield(self._upload_once(sha256)) for sha256 in wanted))
        except RuntimeNodeError as exc:
            raise ConnectionError(str(exc)) from exc

    def _upload_once(self, sha256: str) -> asyncio.Task[None]:
        task = self._uploading.get(sha256)
        if task is None:
            task = asyncio.ensure_future(self._upload(sha256))
            self._uploading[sha256] = task
            task.add_done_callback(lambda _: self._uploading.pop(sha256, None))
        return task

    async def _upload(self, sha256: str) -> None:
        if not self._folder.has(sha256):
            return
        if not await self._api.has_artifact(self._notebook, sha256):
            data = self._folder.read(sha256)
            await self._api.put_artifact(self._notebook, sha256, data, self._folder.mime_type(sha256))
        self._uploaded.add(sha256)
        self._folder.forget(sha256)
