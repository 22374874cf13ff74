import threading
from collections.abc import Callable

import pytest

from runtime_python import BufferedOutput
from runtime_python.interrupts import Interrupts
from runtime_python.streams import InputStream, TextStream
from runtime_schema.outputs import ClearOutput, Output, StreamText


class Host:
    """Collects what is delivered; `now` is the flush policy and `origin` who writes."""

    def __init__(self, *, now: bool = False) -> None:
        self.delivered: list[tuple[str, Output]] = []
        self.now = now
        self.origin = "one"
        self.buffer = BufferedOutput(lambda origin, output: self.delivered.append((origin, output)), lambda: self.origin, self.policy)

    def policy(self, waiting: int) -> bool:
        return self.now or waiting >= 10


def out(text: str) -> StreamText:
    return StreamText(stream="stdout", text=text)


def test_text_waits_until_the_policy_says_now() -> None:
    host = Host()
    host.buffer.write("stdout", "12345")
    assert host.delivered == []
    host.buffer.write("stdout", "67890")
    assert host.delivered == [("one", out("1234567890"))]


def test_order_between_streams_is_kept() -> None:
    host = Host()
    host.buffer.write("stdout", "a")
    host.buffer.write("stderr", "b")
    host.buffer.write("stdout", "c")
    host.buffer.flush()
    assert host.delivered == [("one", out("a")), ("one", StreamText(stream="stderr", text="b")), ("one", out("c"))]


def test_other_outputs_come_after_the_text_before_them() -> None:
    host = Host()
    host.buffer.write("stdout", "a")
    host.buffer.emit(ClearOutput())
    assert host.delivered == [("one", out("a")), ("one", ClearOutput())]


def test_text_keeps_the_origin_it_was_written_under() -> None:
    host = Host()
    host.buffer.write("stdout", "a")
    host.origin = "two"
    host.buffer.write("stdout", "b")
    host.buffer.flush()
    assert host.delivered == [("one", out("a")), ("two", out("b"))]


CALLS: dict[str, Callable[[BufferedOutput], None]] = {
    "write": lambda buffer: buffer.write("stdout", "b"),
    "emit": lambda buffer: buffer.emit(ClearOutput()),
    "flush": lambda buffer: buffer.flush(),
}


@pytest.mark.host
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_who_waits_for_another_threads_delivery_can_be_interrupted(call: Callable[[BufferedOutput], None]) -> None:
    delivering, free = threading.Event(), threading.Event()
    delivered: list[Output] = []

    def deliver(_origin: str, output: Output) -> None:
        delivering.set()
        free.wait()
        delivered.append(output)

    def interrupt() -> None:
        raise KeyboardInterrupt

    buffer = BufferedOutput(deliver, lambda: "one", lambda _waiting: True, interrupt)
    other = threading.Thread(target=buffer.write, args=("stdout", "a"))
    other.start()
    delivering.wait()
    try:
        with pytest.raises(KeyboardInterrupt):
            call(buffer)
    finally:
        free.set()
        other.join()
    call(buffer)
    assert delivered[0] == out("a")


def test_a_flush_of_nothing_delivers_nothing() -> None:
    host = Host()
    host.buffer.flush()
    assert host.delivered == []


def stream(written: list[str]) -> TextStream:
    return TextStream("stdout", lambda _, text: written.append(text), lambda: written.append("<flush>"), Interrupts())


def test_bytes_split_inside_a_character_are_joined() -> None:
    written: list[str] = []
    binary = stream(written).buffer
    binary.write("é".encode()[:1])
    binary.write("é".encode()[1:])
    assert "".join(written) == "é"


def test_empty_writes_are_not_passed_on() -> None:
    written: list[str] = []
    assert stream(written).write("") == 0
    assert written == []


def test_closing_a_stream_does_not_silence_it() -> None:
    written: list[str] = []
    target = stream(written)
    target.close()
    target.write("still here")
    assert written == ["<flush>", "still here"]


def test_stdin_asks_a_line_at_a_time() -> None:
    answers = iter(["first", "second"])
    source = InputStream(lambda prompt, password: next(answers))
    assert source.readline() == "first\n"
    assert source.read() == "second\n"
