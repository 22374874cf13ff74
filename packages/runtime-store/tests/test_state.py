"""The two views of the state, and what of them is rolled back when."""

from collections.abc import Sequence

import pytest

from runtime_schema.queries import METADATA
from runtime_schema.wire import LogEvent
from runtime_store import state as state_module
from runtime_store.reconcile import Confirmed, Entry
from runtime_store.state import State


class Touches:
    """A state that notes which events changed its views."""

    def __init__(self) -> None:
        self.confirmed: list[object] = []
        self.optimistic: list[object] = []
        self.state = State(
            lambda name, args: self.confirmed.append(args["value"]),
            lambda name, args: self.optimistic.append(args["value"]),
        )

    def values(self) -> Sequence[str]:
        return [row.value for row in self.state.read(METADATA, {})]


def entry(n: int, session: str = "me", name: str = "v1.NotebookMetadataSet") -> Entry:
    args = {"key": "k", "value": f"{n}"}
    return Entry(LogEvent(name, {**args}, "local", session, n), b"")


def test_own_events_confirmed_in_order_are_not_applied_again() -> None:
    touches, mine = Touches(), [entry(1), entry(2)]
    touches.state.raise_pending(mine)
    assert touches.optimistic == ["1", "2"]
    assert touches.state.confirm([Confirmed(1, mine[0], own=True)]) == [True]
    assert (touches.state.raised, touches.values()) == (1, ["2"])
    assert touches.state.confirm([Confirmed(2, mine[1], own=True)]) == [True]
    assert (touches.confirmed, touches.optimistic) == (["1", "2"], ["1", "2"])
    touches.state.lower()
    assert touches.values() == ["2"]


def test_anothers_event_goes_below_what_is_pending() -> None:
    touches, mine = Touches(), [entry(1), entry(2)]
    touches.state.raise_pending(mine)
    touches.state.confirm([Confirmed(1, mine[0], own=True), Confirmed(2, entry(7, "you"), own=False)])
    assert (touches.state.raised, touches.values()) == (0, ["7"])
    touches.state.raise_pending(mine[1:])
    assert touches.values() == ["2"]
    touches.state.lower()
    assert touches.values() == ["7"]


def test_an_own_event_that_was_never_read_is_applied_once_confirmed() -> None:
    touches = Touches()
    touches.state.confirm([Confirmed(1, entry(1), own=True)])
    assert (touches.values(), touches.confirmed, touches.optimistic) == (["1"], ["1"], ["1"])


def test_an_unknown_event_is_skipped_and_counted() -> None:
    touches = Touches()
    assert touches.state.confirm([Confirmed(1, entry(1, name="v9.Unheard"), own=False), Confirmed(2, entry(2), own=False)]) == [False, True]
    assert (touches.state.unknown_events, touches.values()) == (1, ["2"])


def test_confirmed_events_do_not_pile_up_above_the_savepoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "_COMPACT_AT", 2)
    touches, mine = Touches(), [entry(n) for n in (1, 2, 3)]
    touches.state.raise_pending(mine)
    touches.state.confirm([Confirmed(n, mine[n - 1], own=True) for n in (1, 2)])
    assert (touches.state.raised, touches.values()) == (0, ["2"])
    touches.state.raise_pending(mine[2:])
    assert touches.values() == ["3"]
