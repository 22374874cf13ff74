"""What goes wrong in a command, as one line for people and a code for programs.

RuntError            `code`, `message`, and the status that the process ends with
├── UsageError       the command line itself cannot work (status 2)
└── FailedError      everything else (status 1)
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass
class RuntError(Exception):
    """Root of what a command ends with."""

    status: ClassVar[int] = 1
    code: str
    message: str

    def __str__(self) -> str:
        """Give the line."""
        return self.message


class UsageError(RuntError):
    """The command cannot be understood."""

    status: ClassVar[int] = 2


class FailedError(RuntError):
    """The command was understood and could not be carried out."""
