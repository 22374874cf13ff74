"""Errors of the schema.

RuntimeSchemaError
├── InvalidEventError      args that do not fit their event definition
├── InvalidJsonError       bytes that the strict decoder refuses
├── InvalidNotebookError   a file that is not a readable .ipynb
└── InvalidPositionError   a fractional index that is malformed or out of order
"""

from dataclasses import dataclass


class RuntimeSchemaError(Exception):
    """Root of everything this distribution raises on purpose."""


@dataclass
class InvalidEventError(RuntimeSchemaError):
    """The args of an event do not fit its definition; `field` is a wire path such as `items[2].cellId`."""

    event: str
    field: str
    problem: str

    def __str__(self) -> str:
        """Say which event, which field, and what is wrong with it."""
        where = f"{self.event}.{self.field}" if self.field else self.event
        return f"{where}: {self.problem}"


@dataclass
class InvalidJsonError(RuntimeSchemaError):
    """Text that is not JSON as this project accepts it (no NaN, no duplicate keys, bounded depth and integers)."""

    problem: str

    def __str__(self) -> str:
        """Say what the decoder refused."""
        return f"not acceptable JSON: {self.problem}"


@dataclass
class InvalidNotebookError(RuntimeSchemaError):
    """Bytes that are not an .ipynb this version can read; `where` is a path such as `cells[3].source`."""

    where: str
    problem: str

    def __str__(self) -> str:
        """Say where in the file the problem is."""
        return f"{self.where}: {self.problem}" if self.where else self.problem


@dataclass
class InvalidPositionError(RuntimeSchemaError):
    """A position that is malformed, or two positions that are not in ascending order."""

    problem: str

    def __str__(self) -> str:
        """Name the position."""
        return self.problem
