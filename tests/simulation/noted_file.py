"""A store's file that notes what was journaled: from then on nothing but a refusal may keep it out of the log."""

from typing import Any, final

from runtime_store.file import Write
from runtime_store.reconcile import Entry


@final
class NotedFile:
    """A file, with everything but `write` as it is."""

    def __init__(self, file: Any, journaled: list[Entry]) -> None:  # Any: a StoreFile or what has its methods
        self._file = file
        self._journaled = journaled

    def write(self, write: Write) -> None:
        """Write, and note what is pending."""
        self._file.write(write)
        self._journaled += write.pending

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)
