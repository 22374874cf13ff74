"""User code on the worker's own thread: the engine's checks with a page in between, and what only a worker has."""

import asyncio
import builtins
import re
import signal
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from runtime_browser import PackageLoadError, Port, StackSwitching, SystemClock, WorkerEngine
from runtime_browser.port import Message
from runtime_browser.testing import FakeBridge, SwitchedStack
from runtime_core.errors import EngineDiedError, QuestionError
from runtime_core.ports import Engine, EngineSink
from runtime_core.testing import EngineSamples, RecordingSink, check_engine, settle
from runtime_schema.live import CommMessage
from runtime_schema.outputs import DisplayData, ErrorOutput, ExecuteReply, ExecuteResult, StreamText

AWAITING = EngineSamples(forever="print('started', flush=True)\nimport asyncio\nawait asyncio.sleep(3600)")
"""Without a second thread only what awaits can be interrupted by a message."""


class Notebook:
    """An engine with a bridge under the test's control; cells find it under the name `page`."""

    def __init__(self, *, isolated: bool = True, load_imports: bool = True, switching: StackSwitching | None = None) -> None:
        self.bridge = FakeBridge(isolated=isolated)
        port = Port(self.bridge)
        port.open()
        self.session = "s1"
        self.sink = RecordingSink()
        self.engine = WorkerEngine(port, lambda: self.session, clock=SystemClock(), load_imports=load_imports, switching=switching)
        self.count = 0

    async def run(self, source: str) -> ExecuteReply:
        self.count += 1
        return await self.engine.execute(f"e{self.count}", source, self.count)

    def aim(self) -> None:
        """Do what the frame does first to interrupt what runs now."""
        self.bridge.aim(self.number)

    def press_stop(self) -> None:
        """Interrupt what runs now, by the signal."""
        self.aim()
        signal.raise_signal(signal.SIGINT)

    def tell_stop(self) -> None:
        """Interrupt what runs now, by the message."""
        self.bridge.tell("interrupt", number=self.number)

    @property
    def number(self) -> int:
        return self.bridge.said("busy")[-1]["number"]

    def written(self) -> str:
        return "".join(message["text"] for message in self.bridge.said("T"))

    def errors(self) -> list[str]:
        return [output.name for _, output in self.sink.outputs if isinstance(output, ErrorOutput)]


@asynccontextmanager
async def notebook(
    *, isolated: bool = True, load_imports: bool = True, switching: StackSwitching | None = None
) -> AsyncGenerator[Notebook, None]:
    made = Notebook(isolated=isolated, load_imports=load_imports, switching=switching)
    await made.engine.start(made.sink)
    builtins.page = made  # type: ignore[attr-defined]  # for cells
    try:
        yield made
    finally:
        del builtins.page  # type: ignore[attr-defined]  # as above
        await made.engine.stop()


class PagedEngine(Engine):
    """A worker's engine with a page around it: text and questions reach the sink, a restart is another engine."""

    def __init__(self) -> None:
        self._bridge = FakeBridge(isolated=True)
        self._place: Message = {}
        self._sink: EngineSink | None = None
        self._engine = self._make()
        self._running: asyncio.Future[ExecuteReply] | None = None

    @property
    def info(self) -> Mapping[str, str]:
        return self._engine.info

    async def start(self, sink: EngineSink) -> None:
        self._sink = sink
        await self._engine.start(sink)

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        self._running = asyncio.ensure_future(self._engine.execute(execution_id, source, execution_count))
        reply = await self._running
        await settle()
        return reply

    async def interrupt(self, execution_id: str) -> None:
        await self._engine.interrupt(execution_id)

    async def restart(self) -> None:
        assert self._sink is not None
        await self._engine.stop()
        if self._running is not None:
            await asyncio.wait([self._running])
        self._engine = self._make()
        await self._engine.start(self._sink)

    async def stop(self) -> None:
        await self._engine.stop()

    def _make(self) -> WorkerEngine:
        bridge = self._bridge = FakeBridge(isolated=True)
        bridge.on_post = self._hear
        bridge.while_blocked = self._answer
        port = Port(bridge)
        port.open()
        return WorkerEngine(port, lambda: "s1", clock=SystemClock())

    def _hear(self, text: str) -> None:
        assert self._sink is not None
        if text.startswith("T"):
            self._sink.emit(self._place["execution"], StreamText(stream=self._place["stream"], text=text[1:]))
        elif text.startswith('{"t":"place"'):
            self._place = self._bridge.said("place")[-1]

    def _answer(self, _: float) -> None:
        question = self._bridge.said("input")[-1]
        assert self._sink is not None
        reading = self._sink.read_input(question["execution"], question["prompt"], question["password"])
        try:
            reading.__await__().send(None)
        except StopIteration as done:
            self._bridge.reply(question["id"], done.value)


async def test_it_is_an_engine() -> None:
    async def make() -> PagedEngine:
        return PagedEngine()

    await check_engine(make, AWAITING)


async def test_it_says_what_runs() -> None:
    async with notebook() as book:
        info = book.engine.info
        assert (info["language"], info["version"], info["implementation"]) == ("python", sys.version.split()[0], "IPython")
    assert book.engine.info == {}
    assert book.bridge.said("progress")[0]["text"] == "starting Python"
    assert book.bridge.said("progress")[-1]["text"] == ""


async def test_what_is_not_up_runs_nothing() -> None:
    book = Notebook()
    with pytest.raises(EngineDiedError):
        await book.run("1")
    await book.engine.stop()


async def test_a_restart_asks_the_page_and_does_not_come_back() -> None:
    async with notebook() as book:
        restarting = asyncio.ensure_future(book.engine.restart())
        await settle()
        assert book.bridge.said("restart") == [{"t": "restart"}]
        assert not restarting.done()
        restarting.cancel()


async def test_the_world_is_given_back_when_it_stops() -> None:
    before = sys.stdout, time.sleep, builtins.input, signal.getsignal(signal.SIGINT)
    async with notebook() as book:
        await book.run("1")
    assert (sys.stdout, time.sleep, builtins.input, signal.getsignal(signal.SIGINT)) == before


# --- text and order


async def test_text_and_rich_outputs_are_posted_in_the_order_they_were_made() -> None:
    async with notebook() as book:

        def emit(execution_id: str, output: object) -> None:
            book.bridge.post(f'{{"t":"rich","kind":"{type(output).__name__}"}}')

        book.sink.emit = emit  # type: ignore[method-assign]  # in line with the text
        await book.run("import sys\nprint('a')\ndisplay('b')\nprint('c', file=sys.stderr)\nprint('d', end='')\n'e'")
        said = [message.get("text") or message.get("kind") or message["t"] for message in book.bridge.said()]
        begin = said.index("busy")
        assert "".join(word if word != "busy" else "" for word in said[begin:]).split("place") == [
            "",
            "a\nDisplayData",
            "c\n",
            "dExecuteResultidle",
        ]


async def test_an_execution_is_busy_then_idle_and_numbers_ascend() -> None:
    async with notebook() as book:
        await book.run("1")
        await book.run("1 / 0")
        said = [(message["t"], message["execution"], message.get("number")) for message in book.bridge.said("busy", "idle")]
    assert said == [("busy", "e1", 1), ("idle", "e1", None), ("busy", "e2", 2), ("idle", "e2", None)]


async def test_output_after_the_end_belongs_to_the_cell_that_made_it() -> None:
    async with notebook() as book:
        await book.run(
            "import asyncio\ngo = asyncio.Event()\n"
            "async def later():\n    await go.wait()\n    print('late')\n    display('later')\ntask = asyncio.ensure_future(later())"
        )
        book.session = "s2"
        await book.run("print('second')\ngo.set()")
        await settle()
        texts = [(message.get("execution"), message.get("session"), message.get("text")) for message in book.bridge.said("place", "T")]
        shown = [(owner, type(output)) for owner, output in book.sink.outputs]
    assert [text for text in texts if text[2] != "\n"] == [
        ("e2", "s2", None),
        (None, None, "second"),
        ("e1", "s1", None),
        (None, None, "late"),
    ]
    assert shown == [("e1", DisplayData)]


async def test_surrogates_of_user_code_never_reach_the_port() -> None:
    async with notebook() as book:
        await book.run(r"print('\ud83d\ude00 \ud800')")
    assert book.written() == "😀 \ufffd\n"


async def test_the_result_has_the_count_it_was_given() -> None:
    async with notebook() as book:
        await book.engine.execute("e", "6 * 7", 12)
    (output,) = [output for _, output in book.sink.outputs]
    assert output == ExecuteResult(execution_count=12, bundle={"text/plain": "42"})


# --- interrupts


async def test_a_signal_interrupts_what_computes() -> None:
    async with notebook() as book:
        reply = await book.run("while True:\n    page.press_stop()")
        assert (reply.status, book.errors()) == ("cancelled", ["KeyboardInterrupt"])
        assert (await book.run("1")).status == "ok"


async def test_a_message_interrupts_what_awaits() -> None:
    async with notebook(isolated=False) as book:
        reply = await book.run("import asyncio\npage.tell_stop()\nawait asyncio.sleep(3600)")
        assert (reply.status, book.errors()) == ("cancelled", ["KeyboardInterrupt"])


async def test_signal_message_and_agent_are_one_wish() -> None:
    async with notebook() as book:
        running = asyncio.ensure_future(
            book.run(
                "import asyncio\npage.tell_stop()\ntry:\n    page.press_stop()\nexcept KeyboardInterrupt:\n"
                "    for n in range(30):\n        await asyncio.sleep(0)\n    print('went on')"
            )
        )
        await settle(10)
        await book.engine.interrupt("e1")
        assert (await running).status == "ok"
        assert book.written() == "went on\n"


async def test_an_interrupt_never_hits_the_next_cell() -> None:
    async with notebook() as book:
        await book.run("1")
        book.tell_stop()
        book.aim()
        reply = await book.run("import asyncio, signal\nsignal.raise_signal(signal.SIGINT)\nawait asyncio.sleep(0)\npage.engine._look()")
        assert reply.status == "ok"
        signal.raise_signal(signal.SIGINT)
        await book.engine.interrupt("e1")
        assert (await book.run("1")).status == "ok"


async def test_a_wish_that_comes_before_the_code_runs_cancels_it() -> None:
    async with notebook() as book:
        loading = asyncio.Event()

        async def load(_: str) -> Sequence[str]:
            loading.set()
            await asyncio.get_running_loop().create_future()
            return ()

        book.bridge.package_source = load
        running = asyncio.ensure_future(book.run("import notthere\nprint('ran')"))
        await loading.wait()
        book.tell_stop()
        assert (await running).status == "cancelled"
        assert book.written() == ""
        assert book.errors() == ["KeyboardInterrupt"]


async def test_a_cell_that_takes_the_signal_has_it_only_for_itself() -> None:
    async with notebook() as book:
        assert (await book.run("import signal\n_ = signal.signal(signal.SIGINT, signal.SIG_IGN)\npage.press_stop()")).status == "ok"
        assert (await book.run("while True:\n    page.press_stop()")).status == "cancelled"


async def test_a_blocked_sleep_is_interrupted_without_waiting_for_pyodide_to_look() -> None:
    async with notebook() as book:
        book.bridge.while_blocked = lambda _: book.aim()
        reply = await book.run("import time\ntime.sleep(3600)")
        assert (reply.status, book.errors()) == ("cancelled", ["KeyboardInterrupt"])
        assert (await book.run("1")).status == "ok"


async def test_frames_of_the_worker_are_not_in_the_traceback() -> None:
    async with notebook() as book:
        book.bridge.while_blocked = lambda _: book.aim()
        await book.run("import time\ntime.sleep(3600)")
        (error,) = [output for _, output in book.sink.outputs if isinstance(output, ErrorOutput)]
        shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    assert "time.sleep(3600)" in shown
    assert "blocking.py" not in shown
    assert "worker_engine.py" not in shown


async def test_printing_to_a_page_that_takes_nothing_is_interrupted() -> None:
    async with notebook() as book:
        book.bridge.while_blocked = lambda _: book.aim()
        reply = await book.run("while True:\n    print('x' * 100_000)")
        assert (reply.status, book.errors()) == ("cancelled", ["KeyboardInterrupt"])


async def test_stopping_cancels_what_runs() -> None:
    book = Notebook()
    await book.engine.start(book.sink)
    running = asyncio.ensure_future(book.run("import asyncio\nawait asyncio.sleep(3600)"))
    await settle()
    await book.engine.stop()
    assert (await running).status == "cancelled"


# --- input


async def test_input_blocks_until_the_page_replies() -> None:
    async with notebook() as book:
        book.bridge.while_blocked = lambda _: book.bridge.reply(len(book.bridge.said("input")), "Ada")
        await book.run("import getpass\nprint(input('name? '))\nprint(getpass.getpass('secret? '))")
        assert book.bridge.said("input") == [
            {"t": "input", "id": 1, "execution": "e1", "session": "s1", "prompt": "name? ", "password": False},
            {"t": "input", "id": 2, "execution": "e1", "session": "s1", "prompt": "secret? ", "password": True},
        ]
        assert book.written() == "Ada\nAda\n"


async def test_input_that_nobody_answers_says_why() -> None:
    async with notebook() as book:
        book.bridge.while_blocked = lambda _: book.bridge.reply(1, None, "nobody is looking")
        reply = await book.run("input()")
        assert (reply.error_name, reply.error_value) == ("StdinNotImplementedError", "nobody is looking")


async def test_an_interrupt_ends_input_and_a_late_reply_is_not_the_next_one_s() -> None:
    async with notebook() as book:
        book.bridge.while_blocked = lambda _: book.aim()
        assert (await book.run("input()")).status == "cancelled"
        book.bridge.reply(1, "late")
        book.bridge.while_blocked = lambda _: book.bridge.reply(2, "in time")
        await book.run("print(input())")
        assert book.written() == "in time\n"


async def test_where_nothing_can_wait_input_says_what_is_missing() -> None:
    async with notebook(isolated=False) as book:
        reply = await book.run("input()")
        assert reply.error_name == "StdinNotImplementedError"
        assert "cross-origin isolated" in (reply.error_value or "")


async def test_where_the_stack_can_be_switched_input_asks_through_the_agent() -> None:
    async with notebook(isolated=False, switching=SwitchedStack().switching) as book:
        book.sink = RecordingSink(["Ada"])
        await book.engine.stop()
        await book.engine.start(book.sink)
        await book.run("print(input('name? '))")
        assert book.written() == "Ada\n"
        assert book.sink.prompts == [("name? ", False)]
        reply = await book.run("input()")
        assert (reply.error_name, reply.error_value) == ("StdinNotImplementedError", "input is not available: the check has no answer")


async def test_an_interrupt_ends_input_on_a_switched_stack() -> None:
    async with notebook(isolated=False, switching=SwitchedStack().switching) as book:

        async def never(execution_id: str, prompt: str, password: bool) -> str:
            book.tell_stop()
            return await asyncio.get_running_loop().create_future()

        book.sink.read_input = never  # type: ignore[method-assign]  # nobody answers
        assert (await book.run("input()")).status == "cancelled"
        assert (await book.run("1")).status == "ok"


# --- packages


async def test_packages_are_loaded_before_the_code_runs_and_people_see_it() -> None:
    async with notebook() as book:
        sources: list[str] = []

        async def load(source: str) -> Sequence[str]:
            sources.append(source)
            return ("numpy",)

        book.bridge.package_source = load
        await book.run("%%time\nimport notthere, json\nfrom alsonot.deep import x")
        assert sources == ["import notthere\nimport alsonot"]
        told = [message["t"] if message["t"] != "progress" else message["text"] for message in book.bridge.said("busy", "progress", "idle")]
        assert told[-4:] == ["busy", "loading notthere, alsonot", "", "idle"]


async def test_a_package_that_cannot_be_loaded_is_named_and_the_import_raises() -> None:
    async with notebook() as book:

        async def load(_: str) -> Sequence[str]:
            raise PackageLoadError("notthere-1.0.whl could not be fetched: the server cannot be reached")

        book.bridge.package_source = load
        reply = await book.run("import notthere")
        assert reply.error_name == "ModuleNotFoundError"
        assert [message["text"] for message in book.bridge.said("T")] == [
            "[not all packages that this cell imports could be loaded: "
            "notthere-1.0.whl could not be fetched: the server cannot be reached]\n"
        ]


async def test_a_package_that_the_distribution_does_not_know_is_looked_for_elsewhere() -> None:
    async with notebook() as book:

        async def load(_: str) -> Sequence[str]:
            return []

        book.bridge.package_source = load
        await book.run("import notthere")
        (told,) = (message["text"] for message in book.bridge.said("T"))
        assert told.startswith("[notthere is not in this Python distribution;")
        assert "await micropip.install('notthere')" in told


async def test_an_import_that_the_cell_expects_to_fail_says_nothing() -> None:
    async with notebook() as book:

        async def load(_: str) -> Sequence[str]:
            return ()

        book.bridge.package_source = load
        await book.run("try:\n    import notthere\nexcept ImportError:\n    pass")
        assert book.written() == ""


async def test_loading_can_be_switched_off() -> None:
    async with notebook(load_imports=False) as book:
        reply = await book.run("import notthere")
        assert reply.error_name == "ModuleNotFoundError"
        assert book.written() == ""


# --- a real signal, which the sources of a page are too


@pytest.mark.host
@pytest.mark.parametrize("source", ["while True: pass", "while True: print('x')", "import time\nwhile True: time.sleep(0.001)"])
async def test_a_signal_from_outside_interrupts(source: str) -> None:
    plain_sleep = time.sleep
    async with notebook() as book:
        book.bridge.while_blocked = lambda ms: plain_sleep(ms / 1000)

        def press(_signal: int, _frame: object) -> None:
            book.press_stop()

        previous = signal.signal(signal.SIGALRM, press)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            assert (await book.run(source)).status == "cancelled"
        finally:
            signal.signal(signal.SIGALRM, previous)
        assert (await book.run("1")).status == "ok"


COUNTER = """
import comm
counter = comm.create_comm(target_name="counter", data={"state": {"n": 0}})

@counter.on_msg
def count(message):
    print("told", message["content"]["data"])
    counter.send({"method": "update", "state": {"n": 1}})
"""


async def test_widgets_speak_for_the_cell_that_opened_them() -> None:
    async with notebook() as book:
        await book.run(COUNTER)
        await book.run("1")
        (_, opened), *_rest = book.sink.comms
        assert (opened.kind, opened.target_name, opened.data) == ("open", "counter", {"state": {"n": 0}})
        await book.engine.comm(CommMessage(kind="msg", comm_id=opened.comm_id, data={"n": 5}))
        await book.engine.comm(CommMessage(kind="msg", comm_id="unknown", data={"n": 5}))
        assert [owner for owner, _ in book.sink.comms] == ["e1", "e1"]
        assert book.bridge.said("place")[-1]["execution"] == "e1"
        assert book.written() == "told {'n': 5}\n"


async def test_questions_are_answered_between_cells() -> None:
    async with notebook() as book:
        await book.run("answer = 42")
        found = await book.engine.ask("complete", {"code": "answ", "cursor": 4})
        assert "answer" in str(found["matches"])
        with pytest.raises(QuestionError):
            await book.engine.ask("resources", {})
    with pytest.raises(QuestionError):
        await book.engine.ask("complete", {"code": "answ", "cursor": 4})


async def test_code_can_ask_for_the_end() -> None:
    async with notebook() as book:
        await book.run("exit()")
        assert book.sink.exits == 1
