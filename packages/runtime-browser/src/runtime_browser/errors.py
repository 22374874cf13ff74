"""Errors of the browser adapter.

RuntimeBrowserError
├── BrowserConfigError  settings that cannot work; every problem at once
└── PackageLoadError    packages of the distribution could not be loaded
"""

from dataclasses import dataclass


class RuntimeBrowserError(Exception):
    """Root of everything this distribution raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the settings: where it stands, what is wrong, what to do."""

    where: str
    problem: str
    hint: str

    def __str__(self) -> str:
        """Write it as one line."""
        return f"{self.where}: {self.problem} ({self.hint})"


@dataclass
class BrowserConfigError(RuntimeBrowserError):
    """The runtime cannot be configured."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        """One line a problem."""
        return "\n".join(map(str, self.problems))


@dataclass
class PackageLoadError(RuntimeBrowserError):
    """Packages that a cell imports could not be loaded; `problem` says which and why."""

    problem: str

    def __str__(self) -> str:
        """Say what happened; the cell's own import then says what it lacks."""
        return f"not all packages that this cell imports could be loaded: {self.problem}"
