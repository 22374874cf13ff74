"""Puts something else in the place of a name, for as long as a block runs: how the simulator and planted bugs reach the product."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Substitution:
    """In `owner`, a module or class, `name` becomes `value`."""

    owner: object
    name: str
    value: object


@contextmanager
def substituted(*substitutions: Substitution) -> Generator[None]:
    """Make the substitutions, and take them back."""
    before = [(item, getattr(item.owner, item.name)) for item in substitutions]
    try:
        for item in substitutions:
            setattr(item.owner, item.name, item.value)
        yield
    finally:
        for item, value in reversed(before):
            setattr(item.owner, item.name, value)
