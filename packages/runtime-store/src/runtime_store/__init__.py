"""The Python store of a notebook: log and state in SQLite, reconciliation, reactive queries, sync with a backend."""

from .address import Address
from .errors import (
    FrameError,
    RuntimeStoreError,
    StoreClosedError,
    StoreFileError,
    UnsafeSqliteError,
)
from .opening import connect, open_local
from .past import StateAt
from .receipt import Receipt
from .store import ArtifactUploader, Store

__all__ = [
    "Address",
    "ArtifactUploader",
    "FrameError",
    "Receipt",
    "RuntimeStoreError",
    "StateAt",
    "Store",
    "StoreClosedError",
    "StoreFileError",
    "UnsafeSqliteError",
    "connect",
    "open_local",
]
