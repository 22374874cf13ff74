"""Commands that must fail, and how: a status, and one line for a person."""

from collections.abc import Mapping
from pathlib import Path

from .processes import run_to_end


def expect_one_line(words: list[str], folder: Path, status: int, *parts: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a command that must end with this status and one line on stderr that holds these parts."""
    ended, out, err = run_to_end(words, cwd=folder, environment=environment)
    assert out == ""
    assert err.count("\n") == 1, err
    for part in parts:
        assert part in err
    assert ended == status, err
