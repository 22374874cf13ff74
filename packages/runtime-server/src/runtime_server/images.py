"""Images of notebooks' states: SQLite databases as files, for clients and for this server to begin from.

An image can be made again from the log, so nothing here waits for the disk: one that a crash left torn does not have its hash.
"""

import hashlib
import os
import re
import secrets
import shutil
from pathlib import Path
from typing import NamedTuple, final

from runtime_schema.hashes import RULES_HASH

_NAME = re.compile(r"([0-9a-f]{16})-([0-9]{1,16})-([0-9a-f]{64})\.sqlite3")
KEPT = 2
"""So many of the newest stay: a client may just have been told of the one before."""


class Image(NamedTuple):
    """The state after event `seq`, by the rules of this version; `sha256` is its name."""

    seq: int
    sha256: str
    size_bytes: int


@final
class ImageFolder:
    """Images by notebook. `rules` is the hash of the rules that made them: other versions' images are not ours to use."""

    def __init__(self, folder: Path, rules: str = RULES_HASH) -> None:
        self._folder = folder
        self._rules = rules

    def all(self, store_id: str) -> list[Image]:
        """Give the images of a notebook by these rules, the newest first."""
        return [image for image, _ in self._found(store_id)]

    def path(self, store_id: str, sha256: str) -> Path | None:
        """Find the file of an image."""
        return next((path for image, path in self._found(store_id) if image.sha256 == sha256), None)

    def read(self, store_id: str, image: Image) -> bytes | None:
        """Give the bytes of an image; None when it is gone, or is not what its name says."""
        path = self.path(store_id, image.sha256)
        if path is None:
            return None
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        return data if hashlib.sha256(data).hexdigest() == image.sha256 else None

    def put(self, store_id: str, seq: int, data: bytes) -> Image:
        """Keep an image; older ones go, also those that other versions made of what is older."""
        image = Image(seq, hashlib.sha256(data).hexdigest(), len(data))
        folder = self._folder / store_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = folder / f"tmp-{secrets.token_hex(8)}"
        try:
            temporary.write_bytes(data)
            temporary.replace(folder / f"{self._rules}-{seq}-{image.sha256}.sqlite3")
        finally:
            temporary.unlink(missing_ok=True)
        for _, path in self._found(store_id)[KEPT:]:
            path.unlink(missing_ok=True)
        for name in os.listdir(folder):
            match = _NAME.fullmatch(name)
            if match is not None and match[1] != self._rules and int(match[2]) < seq:
                (folder / name).unlink(missing_ok=True)
        return image

    def discard(self, store_id: str, image: Image) -> None:
        """Remove an image that turned out to be damaged."""
        if (path := self.path(store_id, image.sha256)) is not None:
            path.unlink(missing_ok=True)

    def delete_all(self, store_id: str) -> None:
        """Remove the images of a notebook."""
        shutil.rmtree(self._folder / store_id, ignore_errors=True)

    def _found(self, store_id: str) -> list[tuple[Image, Path]]:
        folder = self._folder / store_id
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return []
        found: list[tuple[Image, Path]] = []
        for name in names:
            match = _NAME.fullmatch(name)
            if match is not None and match[1] == self._rules:
                path = folder / name
                found.append((Image(int(match[2]), match[3], path.stat().st_size), path))
        return sorted(found, key=lambda item: -item[0].seq)
