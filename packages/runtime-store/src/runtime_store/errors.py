"""Errors of the store. The authority's refusal of an event is `RejectedError` of `runtime_schema.store_types`.

RuntimeStoreError
├── DamagedImageError     an image of a state that cannot be begun from
├── FrameError            a frame that is not of the protocol
├── StoreClosedError      a call on a store that is closed, or a receipt that it can no longer settle
├── StoreFileError        a file that cannot be a store: not one, damaged, in use, of somebody else
└── UnsafeSqliteError     an SQLite on which an acknowledged event could be lost
"""

from dataclasses import dataclass


class RuntimeStoreError(Exception):
    """Root of everything this distribution raises on purpose."""


@dataclass
class DamagedImageError(RuntimeStoreError):
    """An image of a state that is none, or not the one it should be."""

    problem: str

    def __str__(self) -> str:
        """Say what is wrong with it."""
        return f"the image cannot be used: {self.problem}"


@dataclass
class FrameError(RuntimeStoreError):
    """A frame that is not of the protocol; `code` is a `bye` code for it."""

    problem: str
    code: str = "bad-frame"

    def __str__(self) -> str:
        """Say what does not fit, and where in the frame."""
        return f"not a frame of the sync protocol: {self.problem}"


@dataclass
class StoreClosedError(RuntimeStoreError):
    """The store is closed."""

    action: str

    def __str__(self) -> str:
        """Say what cannot be done any more."""
        return f"cannot {self.action}: the store is closed"


@dataclass
class StoreFileError(RuntimeStoreError):
    """A file that this store cannot use."""

    path: str
    problem: str

    def __str__(self) -> str:
        """Name the file and the problem."""
        return f"{self.path}: {self.problem}"


@dataclass
class UnsafeSqliteError(RuntimeStoreError):
    """An SQLite library, or a setting of it, under which confirmed events could be lost."""

    problem: str

    def __str__(self) -> str:
        """Say what is wrong with it."""
        return f"this SQLite is not safe for a store: {self.problem}"
