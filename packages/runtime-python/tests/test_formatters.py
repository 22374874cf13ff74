"""The quick formatter gives what IPython's gives, also when somebody has registered something for a built-in type."""

# IPython is typed in part only:
# pyright: reportUnknownMemberType=false

from collections.abc import Callable
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

from runtime_python.formatters import QuickFormatter

VALUES: list[Any] = [True, 1, 1.5, 2j, "a'b", b"x", bytearray(b"y"), [1, [2]], (1,), {"a": 1}, {1}, frozenset(), range(3), [object]]


class Rich:
    def _repr_html_(self) -> str:
        return "<b>rich</b>"

    def __repr__(self) -> str:
        return "Rich()"


class Number(int):
    def _repr_html_(self) -> str:
        return f"<b>{int(self)}</b>"


@pytest.mark.parametrize("value", [*VALUES, Rich(), [Rich()], Number(3)], ids=repr)
def test_every_value_is_shown_as_ipython_shows_it(value: Any) -> None:
    assert QuickFormatter().format(value) == DisplayFormatter().format(value)


def _italic(value: object) -> str:
    return f"<i>{value}</i>"


def _italic_bundle(value: object) -> dict[str, str]:
    return {"text/html": _italic(value)}


def _show_in_brackets(number: int, printer: Any, _cycle: bool) -> None:
    printer.text(f"<{number}>")


Register = Callable[[Any], object]
REGISTERED: dict[str, Register] = {
    "a type": lambda made: made.formatters["text/html"].for_type(int, _italic),
    "a base": lambda made: made.formatters["text/html"].for_type(object, _italic),
    "a name": lambda made: made.formatters["text/html"].for_type_by_name("builtins", "int", _italic),
    "a bundle": lambda made: made.mimebundle_formatter.for_type(int, _italic_bundle),
    "text": lambda made: made.formatters["text/plain"].for_type(int, _show_in_brackets),
    "no text": lambda made: setattr(made.formatters["text/plain"], "enabled", False),
}


@pytest.mark.parametrize("register", REGISTERED.values(), ids=REGISTERED)
@pytest.mark.parametrize("value", [7, True])
def test_what_is_registered_for_a_built_in_type_is_used(register: Register, value: int) -> None:
    quick, slow = QuickFormatter(), DisplayFormatter()
    register(quick)
    register(slow)
    assert quick.format(value) == slow.format(value)


def test_what_is_asked_for_or_left_out_is_ipython_s_to_choose() -> None:
    assert QuickFormatter().format(7, include=["text/html"]) == ({}, {})
    assert QuickFormatter().format(7, exclude=["text/plain"]) == ({}, {})
