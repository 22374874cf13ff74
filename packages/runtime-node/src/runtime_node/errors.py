"""Errors of the host adapter.

RuntimeNodeError
├── ConfigError             flags, environment or configuration file that cannot work; every problem at once
├── CredentialError         a token file that must not be used
├── ServerUnreachableError  no answer from the server
├── UnauthorizedError       the server does not take the token
├── NotebookUnknownError    the server has no such notebook
└── ServerAnswerError       an answer that is not what was asked for
"""

from dataclasses import dataclass
from pathlib import Path


class RuntimeNodeError(Exception):
    """Root of everything this distribution raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the configuration: where it stands, what is wrong, what to do."""

    where: str
    problem: str
    hint: str

    def __str__(self) -> str:
        """Write it as one line."""
        return f"{self.where}: {self.problem} ({self.hint})"


@dataclass
class ConfigError(RuntimeNodeError):
    """The agent cannot be configured."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        """One line a problem."""
        return "\n".join(map(str, self.problems))


@dataclass
class CredentialError(RuntimeNodeError):
    """A token file that is missing, unreadable, empty or open to others."""

    path: Path
    problem: str
    hint: str

    def __str__(self) -> str:
        """Name the file and the way out."""
        return f"{self.path}: {self.problem} ({self.hint})"


@dataclass
class ServerUnreachableError(RuntimeNodeError):
    """Nobody answers there."""

    server: str
    problem: str

    def __str__(self) -> str:
        """Name the server."""
        return f"cannot reach {self.server}: {self.problem} (is the server running?)"


@dataclass
class UnauthorizedError(RuntimeNodeError):
    """The server refuses the token, or the token may not do this."""

    server: str

    def __str__(self) -> str:
        """Say how to get a token."""
        return f"{self.server} does not accept this token (make one there with `runt token`)"


@dataclass
class NotebookUnknownError(RuntimeNodeError):
    """The server has no such notebook."""

    server: str
    notebook: str

    def __str__(self) -> str:
        """Name both."""
        return f"{self.server} has no notebook {self.notebook!r}"


@dataclass
class ServerAnswerError(RuntimeNodeError):
    """The server answered with an error, or with something unexpected."""

    server: str
    request: str
    problem: str

    def __str__(self) -> str:
        """Name the request and the server's words."""
        return f"{self.server} answered {self.request} with: {self.problem}"
