"""How bugs are planted: a function of the product is replaced by its own text with one place changed, or a rule by one less.

A text that is no longer there is an error, so a planted bug cannot go stale unseen.
"""

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from runtime_schema.materialize import materialize
from runtime_schema.materializers import MATERIALIZERS, Materializer, build
from runtime_server import lease
from runtime_store import state

from . import invariants
from .substitution import Substitution


def edit(owner: object, name: str, *changes: tuple[str, str]) -> Substitution:
    """Replace a function of a module or class by itself with texts changed.

    Raises:
        LookupError: A text is not in it.
    """
    function: Any = inspect.getattr_static(owner, name)  # Any: a function, maybe of a property
    text = textwrap.dedent(inspect.getsource(function))
    for before, after in changes:
        if before not in text:
            raise LookupError(f"{name} no longer contains {before!r}")
        text = text.replace(before, after)
    made: dict[str, Any] = {}
    exec(compile(text, f"<planted in {name}>", "exec"), function.__globals__, made)
    return Substitution(owner, name, made[name])


def without_conditions(*names: str) -> tuple[Substitution, ...]:
    """Leave conditions out of the rules, everywhere."""
    return _rules(build(without=names))


def without_statements(beginning: str) -> tuple[Substitution, ...]:
    """Leave the statements that begin so out of the rules, everywhere."""

    def cut(rule: Materializer) -> Materializer:
        return replace(rule, statements=tuple(text for text in rule.statements if not text.startswith(beginning)))

    rules = {name: cut(rule) for name, rule in MATERIALIZERS.items()}
    assert rules != MATERIALIZERS, f"no statement begins with {beginning!r}"
    return _rules(rules)


def _rules(rules: Mapping[str, Materializer]) -> tuple[Substitution, ...]:
    planted: Callable[..., object] = partial(materialize, rules=rules)
    return tuple(Substitution(module, "materialize", planted) for module in (state, lease, invariants))
