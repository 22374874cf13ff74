"""Which file a notebook mirrors, and what both held when they were last equal: that tells whose change is whose.

One small JSON file a notebook in the data folder; a lock beside it says which process keeps the file up to date.
"""

import fcntl
import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from runtime_node import write_private

from .files import fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A notebook and its file. The hashes are of the file's bytes, and of the notebook written as a file, when both said the same."""

    notebook: str
    path: str
    file_sha256: str
    state_sha256: str


Reunion = Literal["equal", "write-file", "merge-file", "both-changed"]
"""What opening a known file again finds: nothing new, a newer notebook, a newer file, or both."""


def compare(binding: Binding, file_sha256: str, state_sha256: str) -> Reunion:
    """Tell who changed since notebook and file were equal."""
    match (file_sha256 != binding.file_sha256, state_sha256 != binding.state_sha256):
        case (False, False):
            return "equal"
        case (False, True):
            return "write-file"
        case (True, False):
            return "merge-file"
        case (True, True):
            return "equal" if file_sha256 == state_sha256 else "both-changed"


def real_path(path: Path) -> str:
    """Name a file so that every way to it gives the same name."""
    return str(path.resolve())


class Bindings:
    """All bindings of one data folder."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "files"

    def find(self, path: Path) -> Binding | None:
        """Find the notebook that mirrors a file."""
        wanted = real_path(path)
        return next((binding for binding in self._all() if binding.path == wanted), None)

    def save(self, binding: Binding) -> None:
        """Remember."""
        write_private(self._folder / f"{binding.notebook}.json", json.dumps(asdict(binding)))

    @contextmanager
    def keep(self, path: Path) -> Generator[bool]:
        """Be the one process that keeps a file up to date; gives False where another one is. Ends with the process, however it ends."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = fingerprint(real_path(path).encode())[:32]
        descriptor = os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def _all(self) -> Iterator[Binding]:
        for file in sorted(self._folder.glob("*.json")):
            try:
                found: Any = json.loads(file.read_text(encoding="utf-8"))  # Any: checked by the constructor's names
                yield Binding(**cast("dict[str, str]", found))
            except (OSError, ValueError, TypeError):
                continue  # damaged: the file is imported anew, which loses nothing
