"""Text of user code on its way to the page: its place, its order, and what happens when the page does not keep up."""

import pytest

from runtime_browser.port import Port
from runtime_browser.testing import FakeBridge
from runtime_browser.text_port import AHEAD_UNITS, PIECE_CHARACTERS, STRETCH_UNITS, Place, TextPort
from runtime_core.testing import settle

HERE, THERE = Place("e1", "s1"), Place("e2", "s1")
MIB = 1024 * 1024


class Writer:
    """Writes from a place that the test chooses."""

    def __init__(self, *, isolated: bool = False) -> None:
        self.bridge = FakeBridge(isolated=isolated)
        self.place: Place | None = HERE
        self.interrupt_after: int | None = None
        self.waits = 0
        self.text = TextPort(Port(self.bridge), lambda: self.place, self._look)
        self.bridge.while_blocked = self._take_a_quarter

    def sent_units(self) -> int:
        return sum(len(message["text"].encode("utf-16-le")) // 2 for message in self.bridge.said("T"))

    def _take_a_quarter(self, _: float) -> None:
        self.waits += 1
        self.bridge.taken_units += MIB // 4

    def _look(self) -> None:
        if self.waits == self.interrupt_after:
            raise KeyboardInterrupt


async def test_every_write_is_a_message_and_its_place_is_told_only_when_it_changes() -> None:
    writer = Writer()
    writer.text.write("stdout", "a")
    writer.text.write("stdout", "T\n")
    writer.text.write("stderr", "b")
    writer.place = THERE
    writer.text.write("stderr", "c")
    writer.place = Place("e2", "s2")
    writer.text.write("stderr", "d")
    writer.text.write("stderr", "{}")
    assert writer.bridge.posted == [
        '{"t":"place","execution":"e1","session":"s1","stream":"stdout"}',
        "Ta",
        "TT\n",
        '{"t":"place","execution":"e1","session":"s1","stream":"stderr"}',
        "Tb",
        '{"t":"place","execution":"e2","session":"s1","stream":"stderr"}',
        "Tc",
        '{"t":"place","execution":"e2","session":"s2","stream":"stderr"}',
        "Td",
        "T{}",
    ]


async def test_text_before_the_first_execution_goes_to_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer()
    writer.place = None
    monkeypatch.setattr("sys.__stderr__", None)
    writer.text.write("stderr", "an import warns")
    assert writer.bridge.posted == []


async def test_a_long_write_goes_in_pieces() -> None:
    writer = Writer(isolated=True)
    writer.text.write("stdout", "x" * (PIECE_CHARACTERS + 1))
    assert [len(message["text"]) for message in writer.bridge.said("T")] == [PIECE_CHARACTERS, 1]


@pytest.mark.parametrize("character", ["x", "ä", "😀"])
async def test_the_thread_waits_while_the_page_is_behind(character: str) -> None:
    writer = Writer(isolated=True)
    units = len(character.encode("utf-16-le")) // 2
    writer.text.write("stdout", character * (AHEAD_UNITS // units))
    assert writer.waits == 0
    writer.text.write("stdout", character)
    assert writer.waits == 1
    writer.text.write("stdout", character * (4 * AHEAD_UNITS // units))
    assert writer.sent_units() - writer.bridge.taken_units <= AHEAD_UNITS
    assert writer.waits == 16 + 1


async def test_the_count_goes_round() -> None:
    writer = Writer(isolated=True)
    writer.bridge.taken_units = 2**31 - 5  # the same as 5 less than nothing
    writer.text.write("stdout", "x" * (AHEAD_UNITS - 5))
    assert writer.waits == 0
    writer.text.write("stdout", "x")
    assert writer.waits == 1


async def test_a_page_that_took_text_which_user_code_posted_itself_is_not_waited_for() -> None:
    writer = Writer(isolated=True)
    writer.interrupt_after = 0
    writer.bridge.taken_units = 11
    writer.text.write("stdout", "x")
    assert writer.waits == 0


async def test_an_interrupt_ends_the_wait_and_what_was_sent_stays_counted() -> None:
    writer = Writer(isolated=True)
    writer.interrupt_after = 2
    with pytest.raises(KeyboardInterrupt):
        writer.text.write("stdout", "x" * (3 * AHEAD_UNITS))
    assert writer.sent_units() == AHEAD_UNITS + 2 * PIECE_CHARACTERS
    writer.text.write("stdout", "y")
    assert writer.sent_units() - writer.bridge.taken_units <= AHEAD_UNITS


async def test_without_a_buffer_too_much_at_once_is_dropped_and_a_note_says_how_much() -> None:
    writer = Writer()
    for _ in range(20):
        writer.text.write("stdout", "x" * MIB)
    assert writer.sent_units() == STRETCH_UNITS
    writer.place = THERE
    await settle()
    writer.text.write("stdout", "on again")
    note, text = writer.bridge.said("T")[-2:]
    assert note["text"] == "\n[4,194,304 characters of text were dropped here: the notebook could not take them in time]\n"
    assert text["text"] == "on again"
    places = [(place["execution"], place["stream"]) for place in writer.bridge.said("place")]
    assert places == [("e1", "stdout"), ("e1", "stderr"), ("e2", "stdout")]


async def test_a_loop_that_runs_in_between_takes_any_amount() -> None:
    writer = Writer()
    for _ in range(20):
        writer.text.write("stdout", "x" * MIB)
        await settle(1)
    assert writer.sent_units() == 20 * MIB


async def test_the_end_of_a_cell_says_at_once_what_was_dropped() -> None:
    writer = Writer()
    for _ in range(17):
        writer.text.write("stderr", "x" * MIB)
    writer.text.finish_stretch()
    writer.text.finish_stretch()
    assert [message["text"][:12] for message in writer.bridge.said("T")[-2:]] == ["x" * 12, "\n[1,048,576 "]
