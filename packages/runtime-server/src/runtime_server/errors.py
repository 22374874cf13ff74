"""Errors of the server.

RuntimeServerError
├── FolderInUseError       another server works on this data folder
├── PortInUseError         another process listens there
├── UnsafeStorageError     SQLite or its settings cannot keep what the server promises
├── StorageFullError       the disk is full; nothing was recorded, and asking again later helps
├── DistributionError      the Python chosen for pages cannot be served
├── RouteDeclarationError  a route that does not say who may use it
└── ApiError               an answer with a status, a code for programs and a sentence for people
"""

from dataclasses import dataclass
from pathlib import Path


class RuntimeServerError(Exception):
    """Root of everything this distribution raises on purpose."""


@dataclass
class FolderInUseError(RuntimeServerError):
    """Two servers on one folder would make two logs."""

    folder: Path

    def __str__(self) -> str:
        """Name the folder and the way out."""
        return f"another server is using {self.folder}; stop it, or choose another folder with --data"


@dataclass
class PortInUseError(RuntimeServerError):
    """The address is taken."""

    host: str
    port: int

    def __str__(self) -> str:
        """Name the address and the way out."""
        return f"port {self.port} on {self.host} is in use; choose another with --port, or --port 0 for any free one"


@dataclass
class UnsafeStorageError(RuntimeServerError):
    """Acknowledged events could be lost here, so the server does not start."""

    problem: str

    def __str__(self) -> str:
        """Say what is unsafe."""
        return f"the event log would not be safe: {self.problem}"


class StorageFullError(RuntimeServerError):
    """The disk is full."""

    def __str__(self) -> str:
        """Say what to do."""
        return "the server's disk is full; nothing was recorded, free some space and try again"


@dataclass
class DistributionError(RuntimeServerError):
    """What was chosen is no Pyodide distribution."""

    place: str
    problem: str

    def __str__(self) -> str:
        """Name the place and what would be one."""
        return (
            f"{self.place} is no Pyodide distribution: {self.problem} (give --pyodide a folder with a release of Pyodide,"
            " such as `runt pyodide mirror` makes, or the https:// address of one)"
        )


@dataclass
class RouteDeclarationError(RuntimeServerError):
    """A route without a permission never starts."""

    route: str

    def __str__(self) -> str:
        """Name the route."""
        return f"route {self.route} declares no permission; say who may use it"


@dataclass
class ApiError(RuntimeServerError):
    """What a request is answered with when it cannot be carried out."""

    status: int
    code: str
    message: str

    def __str__(self) -> str:
        """Give the sentence."""
        return self.message
