"""A person's .ipynb on disk: read with a clear error, written whole or not at all, and never over somebody else's change."""

import hashlib
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runtime_schema.errors import InvalidNotebookError
from runtime_schema.ipynb import FileCell, NotebookFile, read_notebook, write_notebook

from .errors import FailedError, UsageError

_NEW_MODE = 0o666  # the process's umask takes from it
_KERNEL = {
    "kernelspec": '{"display_name": "Python 3", "language": "python", "name": "python3"}',
    "language_info": '{"name": "python"}',
}


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file, and the notebook that they are."""

    data: bytes
    notebook: NotebookFile

    @property
    def sha256(self) -> str:
        """What tells this content from another."""
        return fingerprint(self.data)


def fingerprint(data: bytes) -> str:
    """Name a content."""
    return hashlib.sha256(data).hexdigest()


def read_file(path: Path) -> Content:
    """Read an .ipynb.

    Raises:
        UsageError: There is no such file.
        FailedError: It cannot be read, or is no notebook; says where.
    """
    data = read_bytes(path)
    try:
        return Content(data, read_notebook(data))
    except InvalidNotebookError as exc:
        raise FailedError("invalid-notebook", f"{path} is not a notebook that can be read: {exc}") from None


def read_bytes(path: Path) -> bytes:
    """Read a file.

    Raises:
        UsageError: There is no such file.
        FailedError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError("no-file", f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise UsageError("no-file", f"{path} is a folder; name an .ipynb file in it") from None
    except OSError as exc:
        raise FailedError("unreadable-file", f"{path} cannot be read: {exc.strerror}") from exc


def make_empty(path: Path) -> None:
    """Make a notebook with one empty code cell.

    Raises:
        FailedError: The folder does not take it.
    """
    empty = NotebookFile(cells=(FileCell(id=secrets.token_hex(4), cell_type="code", source=""),), metadata=_KERNEL)
    write_whole(path, write_notebook(empty))


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file at once, with its permissions kept: a reader sees the old content or the new one, also after a power cut.

    Raises:
        FailedError: It cannot be written; the old content stands.
    """
    path = Path(os.path.realpath(path))  # a link stays one; unlike resolve, a loop of links is an error of the open below
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        before = path.stat() if path.exists() else None
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _NEW_MODE)
        with open(descriptor, "wb") as file:
            if before is not None:
                os.fchmod(descriptor, before.st_mode & 0o7777)
                with suppress(PermissionError):
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except OSError as exc:
        with suppress(OSError):
            temporary.unlink()
        raise FailedError("unwritable-file", f"{path} cannot be written: {exc.strerror}") from exc
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system lets folders be synced
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def conflict_path(path: Path) -> Path:
    """Name the file that stands beside one that somebody else has changed."""
    return path.with_name(f"{path.stem}.conflict{path.suffix}")
