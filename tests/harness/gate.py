"""A gate in a notebook's code that the test opens: what a cell shows before and behind it is known without any timing."""

from pathlib import Path
from typing import final


@final
class Gate:
    """Code waits at `source` until `open` is called."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self._file = folder / name

    @property
    def source(self) -> str:
        """Statements for a cell."""
        return f"import os, time\nwhile not os.path.exists({str(self._file)!r}):\n    time.sleep(0.02)"

    def open(self) -> None:
        """Let the code go on."""
        self._file.touch()
