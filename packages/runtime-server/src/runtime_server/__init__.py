"""The sync backend: orders, keeps and serves events, artifacts and the app."""

from .accounts import Role
from .config import ServerConfig
from .errors import (
    ApiError,
    DistributionError,
    FolderInUseError,
    PortInUseError,
    RouteDeclarationError,
    RuntimeServerError,
    StorageFullError,
    UnsafeStorageError,
)
from .log import Batch, Decision, EventLog, OpenedStore, Outcome, PastEvent, Record, SessionHead
from .notebooks import Notebook, Notebooks
from .rooms import Rooms
from .server import Server

__all__ = [
    "ApiError",
    "Batch",
    "Decision",
    "DistributionError",
    "EventLog",
    "FolderInUseError",
    "Notebook",
    "Notebooks",
    "OpenedStore",
    "Outcome",
    "PastEvent",
    "PortInUseError",
    "Record",
    "Role",
    "Rooms",
    "RouteDeclarationError",
    "RuntimeServerError",
    "Server",
    "ServerConfig",
    "SessionHead",
    "StorageFullError",
    "UnsafeStorageError",
]
