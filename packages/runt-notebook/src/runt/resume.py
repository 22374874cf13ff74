"""Where the log of a run is kept while it runs, so that one that was killed can go on; and what then is run."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from shutil import rmtree

SETUP_TAG = "setup"
"""Cells with this tag are run again when a run goes on: the variables of the killed one are gone."""


def log_folder(runs: Path, file: Path, content: bytes, told: str) -> Path:
    """Name the folder of a run: of this file with this content and what else was told."""
    key = hashlib.sha256(b"\0".join((str(file.resolve()).encode(), content, told.encode()))).hexdigest()
    return runs / key[:32]


def remove_log(folder: Path) -> None:
    """Remove a log that nobody needs any more."""
    rmtree(folder, ignore_errors=True)


def cells_to_run(cells: Iterable[str], tags: Mapping[str, frozenset[str]], finished: frozenset[str]) -> list[str]:
    """Choose among a notebook's cells, by id and in order: what has not ended well, behind what is tagged `setup`."""
    left = [cell for cell in cells if cell not in finished or SETUP_TAG in tags.get(cell, frozenset())]
    return left if any(cell not in finished for cell in left) else []
