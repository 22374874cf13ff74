"""What cells emit, on the engine in this process with a list as its host."""

import asyncio
import re
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from runtime_python import IPythonEngine
from runtime_schema.outputs import (
    ClearOutput,
    DisplayData,
    DisplayUpdate,
    ErrorOutput,
    ExecuteReply,
    ExecuteResult,
    Output,
    StreamName,
    StreamText,
)


class Notebook:
    """Runs cells and keeps what the last one emitted."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.outputs: list[Output] = []
        self.asked: list[tuple[str, bool]] = []
        self.answer = "an answer"
        self.count = 0

    @cached_property
    def engine(self) -> IPythonEngine:
        """Made at its first use, in the test itself: between fixture and test pytest changes sys.stdout."""
        return IPythonEngine(lambda output: self.outputs.append(output), self.read_input, hidden_files=[__file__], **self.options)

    def read_input(self, prompt: str, password: bool) -> str:
        self.asked.append((prompt, password))
        if not self.answer:
            raise EOFError("nobody is there")
        return self.answer

    async def run(self, source: str) -> ExecuteReply:
        self.outputs = []
        self.count += 1
        return await self.engine.execute(source, execution_count=self.count)

    async def shown(self, source: str) -> list[Output]:
        reply = await self.run(source)
        assert reply.status == "ok", (reply, self.outputs)
        return self.outputs

    async def text(self, source: str, stream: StreamName = "stdout") -> str:
        await self.run(source)
        return "".join(o.text for o in self.outputs if isinstance(o, StreamText) and o.stream == stream)

    async def error(self, source: str) -> ErrorOutput:
        reply = await self.run(source)
        assert reply.status == "error"
        (error,) = [o for o in self.outputs if isinstance(o, ErrorOutput)]
        assert (reply.error_name, reply.error_value) == (error.name, error.value)
        return error


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    try:
        yield notebook
    finally:
        notebook.engine.close()


def plain(lines: tuple[str, ...]) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))


def result(text: str, count: int = 1) -> ExecuteResult:
    return ExecuteResult(execution_count=count, bundle={"text/plain": text})


async def test_the_last_expression_is_the_result(notebook: Notebook) -> None:
    assert await notebook.shown("x = 20\nx + 1") == [result("21")]


async def test_a_semicolon_hides_the_result(notebook: Notebook) -> None:
    assert await notebook.shown("1;") == []


async def test_none_is_no_result(notebook: Notebook) -> None:
    assert await notebook.shown("None") == []


async def test_text_with_angle_brackets_is_text(notebook: Notebook) -> None:
    assert await notebook.shown("'a<b>c'") == [result("'a<b>c'")]


async def test_print_and_errors_keep_their_order(notebook: Notebook) -> None:
    outputs = await notebook.shown("import sys\nprint('a', end='')\nsys.stderr.write('b');\nprint('c', end='')")
    assert outputs == [StreamText(stream="stdout", text="a"), StreamText(stream="stderr", text="b"), StreamText(stream="stdout", text="c")]


async def test_lone_surrogates_are_replaced(notebook: Notebook) -> None:
    assert await notebook.text("print('\\ud800')") == "\ufffd\n"


async def test_a_result_with_lone_surrogates_is_replaced(notebook: Notebook) -> None:
    outputs = await notebook.shown("class S:\n    def __repr__(self): return 'x\\udc00'\nS()")
    assert outputs == [result("x\ufffd")]


async def test_nul_and_astral_characters_are_kept(notebook: Notebook) -> None:
    assert await notebook.text("print('a\\0b😀')") == "a\0b😀\n"


async def test_in_and_out_hold_what_ran(notebook: Notebook) -> None:
    await notebook.run("6 * 7")
    assert await notebook.shown("(In[1], Out[1], _)") == [result("('6 * 7', 42, 42)", 2)]


async def test_top_level_await(notebook: Notebook) -> None:
    assert await notebook.shown("import asyncio\nawait asyncio.sleep(0, 'slept')") == [result("'slept'")]


async def test_tasks_of_one_cell_run_on_in_the_next(notebook: Notebook) -> None:
    await notebook.run("import asyncio\nasync def later():\n    return 5\ntask = asyncio.create_task(later())")
    assert await notebook.shown("await task") == [result("5", 2)]


async def test_display_has_bundle_and_metadata(notebook: Notebook) -> None:
    outputs = await notebook.shown("display({'text/html': '<b>x</b>'}, raw=True, metadata={'text/html': {'isolated': True}})")
    assert outputs == [DisplayData(bundle={"text/html": "<b>x</b>"}, metadata='{"text/html": {"isolated": true}}')]


async def test_display_update_reaches_a_display_by_its_id(notebook: Notebook) -> None:
    assert await notebook.shown("h = display(1, display_id='d')") == [DisplayData(bundle={"text/plain": "1"}, display_id="d")]
    assert await notebook.shown("h.update(2)") == [DisplayUpdate(display_id="d", bundle={"text/plain": "2"})]


async def test_clear_output_says_whether_to_wait(notebook: Notebook) -> None:
    source = "from IPython.display import clear_output\nclear_output()\nclear_output(wait=True)"
    assert await notebook.shown(source) == [ClearOutput(), ClearOutput(wait=True)]


async def test_png_bytes_are_base64(notebook: Notebook) -> None:
    source = "class P:\n    def _repr_png_(self): return b'\\x89PNG'\n    def __repr__(self): return 'p'\nP()"
    (output,) = await notebook.shown(source)
    assert isinstance(output, ExecuteResult)
    assert output.bundle == {"text/plain": "p", "image/png": "iVBORw=="}


async def test_a_representation_that_raises_is_the_cells_error_and_others_are_shown(notebook: Notebook) -> None:
    source = "class B:\n    def _repr_html_(self): raise ValueError('no html')\n    def __repr__(self): return 'b'"
    await notebook.shown(source)
    error = await notebook.error("B()")
    assert (error.name, error.value) == ("ValueError", "no html")
    assert result("b", 2) in notebook.outputs
    assert await notebook.shown("'the next'") == [result("'the next'", 3)]


async def test_a_representation_that_raises_in_a_display_does_not_end_the_cell(notebook: Notebook) -> None:
    reply = await notebook.run("class B:\n    def __repr__(self): raise ValueError('no text')\ndisplay(B())\n'went on'")
    assert reply.status == "ok"
    assert [type(output) for output in notebook.outputs] == [ErrorOutput, ExecuteResult]


async def test_what_is_thrown_into_an_await_has_not_been_in_the_engine(notebook: Notebook) -> None:
    source = """import asyncio, traceback
asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
try:
    await asyncio.sleep(60)
except asyncio.CancelledError as error:
    asyncio.current_task().uncancel()
    print([frame.name for frame in traceback.extract_tb(error.__traceback__)])"""
    assert await notebook.text(source) == "['<module>', 'sleep']\n"


async def test_code_for_the_next_cell_is_shown(notebook: Notebook) -> None:
    assert await notebook.text("get_ipython().set_next_input('x = 1\\n')") == "# to be put into a cell:\nx = 1\n"


async def test_a_representation_that_is_not_json_does_not_break_the_cell(notebook: Notebook) -> None:
    outputs = await notebook.shown("class J:\n    def _repr_json_(self): return {'a': 1j}\n    def __repr__(self): return 'j'\nJ()")
    assert isinstance(outputs[0], ExecuteResult)
    assert outputs[0].bundle == {"text/plain": "j"}
    assert "application/json" in "".join(o.text for o in outputs if isinstance(o, StreamText) and o.stream == "stderr")


async def test_captured_output_is_not_shown(notebook: Notebook) -> None:
    assert await notebook.shown("%%capture kept\nprint('hidden')\ndisplay(1)") == []
    assert await notebook.text("print(kept.stdout, len(kept.outputs))") == "hidden\n 1\n"


async def test_an_exception_is_an_error_with_the_cells_frames_only(notebook: Notebook) -> None:
    error = await notebook.error("def f():\n    return 1 / 0\nf()")
    assert (error.name, error.value) == ("ZeroDivisionError", "division by zero")
    text = plain(error.traceback)
    assert "----> 2     return 1 / 0" in text
    assert "runtime_python" not in text
    assert "interactiveshell" not in text
    assert "\x1b[" in "".join(error.traceback)


async def test_a_syntax_error_is_an_error(notebook: Notebook) -> None:
    error = await notebook.error("x = (")
    assert error.name == "SyntaxError"
    assert error.value.startswith("'(' was never closed")
    assert "x = (" in plain(error.traceback)


async def test_an_exception_group_shows_its_members(notebook: Notebook) -> None:
    error = await notebook.error("raise ExceptionGroup('several', [ValueError('one'), TypeError('two')])")
    assert error.name == "ExceptionGroup"
    text = plain(error.traceback)
    assert "ValueError: one" in text
    assert "TypeError: two" in text
    assert "interactiveshell" not in text


async def test_an_exception_without_a_text_is_still_an_error(notebook: Notebook) -> None:
    error = await notebook.error("class E(Exception):\n    def __str__(self): raise RuntimeError('no text')\nraise E")
    assert (error.name, error.value) == ("E", "<its text cannot be shown: RuntimeError>")


async def test_an_exception_that_shows_itself_does(notebook: Notebook) -> None:
    error = await notebook.error("class E(Exception):\n    def _render_traceback_(self): return ['one', 'two']\nraise E('x')")
    assert error.traceback == ("one", "two")


async def test_a_traceback_that_cannot_be_formatted_is_shown_plainly(notebook: Notebook) -> None:
    error = await notebook.error("class E(Exception):\n    def _render_traceback_(self): raise RuntimeError\nraise E('x')")
    assert error.traceback[-1].endswith("E: x")
    assert "interactiveshell" not in plain(error.traceback)


async def test_sys_exit_is_an_error_and_no_end(notebook: Notebook) -> None:
    error = await notebook.error("import sys\nsys.exit(3)")
    assert (error.name, error.value) == ("SystemExit", "3")
    assert not [o for o in notebook.outputs if isinstance(o, StreamText)]
    assert await notebook.shown("1") == [result("1", 2)]


@pytest.mark.parametrize("source", ["exit()", "quit()", "exit(0)"])
async def test_exit_asks_the_host_for_the_end_and_the_cell_goes_on(source: str) -> None:
    asked: list[str] = []
    notebook = Notebook(ask_exit=lambda: asked.append("exit"))
    try:
        assert await notebook.text(f"{source}\nprint('and then')") == "and then\n"
        assert asked == ["exit"]
    finally:
        notebook.engine.close()


async def test_exit_that_is_only_named_says_what_it_does(notebook: Notebook) -> None:
    (output,) = await notebook.shown("exit")
    assert isinstance(output, ExecuteResult)
    assert output.bundle["text/plain"].startswith("exit() ends the runtime")


async def test_a_wrong_magic_is_one_line(notebook: Notebook) -> None:
    error = await notebook.error("%nosuch")
    assert error.traceback == ("UsageError: Line magic function `%nosuch` not found.",)


async def test_user_code_that_raises_keyboard_interrupt_is_an_error(notebook: Notebook) -> None:
    assert (await notebook.error("raise KeyboardInterrupt")).name == "KeyboardInterrupt"


async def test_user_code_that_cancels_itself_is_an_error(notebook: Notebook) -> None:
    source = "import asyncio\nasyncio.current_task().cancel()\nawait asyncio.sleep(3600)"
    assert (await notebook.error(source)).name == "CancelledError"
    assert await notebook.shown("await asyncio.sleep(0, 1)") == [result("1", 2)]


async def test_an_interrupted_await_is_cancelled(notebook: Notebook) -> None:
    asyncio.get_running_loop().call_later(0.01, notebook.engine.interrupt)
    reply = await notebook.run("import asyncio\nawait asyncio.sleep(3600)")
    assert (reply.status, reply.error_name) == ("cancelled", "KeyboardInterrupt")
    (error,) = notebook.outputs
    assert isinstance(error, ErrorOutput)
    assert re.search(r"Cell In\[1\], line 2\n\s+await asyncio.sleep\(3600\)", plain(error.traceback))
    assert "interrupts.py" not in plain(error.traceback)
    assert await notebook.shown("await asyncio.sleep(0, 1)") == [result("1", 2)]


async def test_a_cell_that_catches_its_interrupt_is_ok(notebook: Notebook) -> None:
    asyncio.get_running_loop().call_later(0.01, notebook.engine.interrupt)
    source = "import asyncio\ntry:\n    await asyncio.sleep(3600)\nexcept KeyboardInterrupt:\n    print('cleaned up')"
    assert await notebook.text(source) == "cleaned up\n"


async def test_an_interrupt_when_nothing_runs_does_nothing(notebook: Notebook) -> None:
    notebook.engine.interrupt()
    assert await notebook.shown("1") == [result("1")]


async def test_input_and_getpass_ask_the_host(notebook: Notebook) -> None:
    assert await notebook.shown("import getpass\n(input('name? '), getpass.getpass('secret? '))") == [result("('an answer', 'an answer')")]
    assert notebook.asked == [("name? ", False), ("secret? ", True)]


async def test_what_read_input_raises_is_the_cells_error_without_our_frames(notebook: Notebook) -> None:
    notebook.answer = ""
    error = await notebook.error("input('?')")
    assert (error.name, error.value) == ("EOFError", "nobody is there")
    assert "engine.py" not in plain(error.traceback)


@pytest.mark.host
async def test_shell_commands_print_in_order(notebook: Notebook) -> None:
    assert await notebook.text("print('a')\n!echo b; echo c >&2\nprint('d')") == "a\nb\nc\nd\n"


@pytest.mark.host
async def test_shell_commands_see_variables_and_leave_their_status(notebook: Notebook) -> None:
    assert await notebook.text("name = 'x y'\n!echo '{name}'; exit 3\nprint(_exit_code)") == "x y\n3\n"


@pytest.mark.host
async def test_shell_output_can_be_assigned(notebook: Notebook) -> None:
    assert await notebook.shown("lines = !printf 'a\\nb\\n'\nlist(lines)") == [result("['a', 'b']")]


@pytest.mark.parametrize("source", ["!echo a", "lines = !echo a", "!!echo a", "%%bash\necho a", "%%script sh\necho a", "%pip list"])
async def test_where_no_program_can_be_started_that_is_said_in_one_line(source: str) -> None:
    notebook = Notebook(programs=False)
    try:
        error = await notebook.error(source)
        assert len(error.traceback) == 1
        assert error.traceback[0].startswith("UsageError: no program can be started here")
    finally:
        notebook.engine.close()


async def test_help_is_shown_in_the_cell(notebook: Notebook) -> None:
    (output,) = await notebook.shown("len?")
    assert isinstance(output, DisplayData)
    assert "Return the number of items" in output.bundle["text/plain"]


async def test_magics_change_the_shell(notebook: Notebook, tmp_path: Path) -> None:
    before = Path.cwd()
    try:
        await notebook.run(f"%cd -q {tmp_path}")
        assert await notebook.text("%pwd\nimport os; print(os.getcwd())") == f"{tmp_path}\n"
    finally:
        await notebook.run(f"%cd -q {before}")


async def test_completion_knows_the_namespace(notebook: Notebook) -> None:
    await notebook.run("particular_name = 1")
    found = notebook.engine.complete("x = particular_n", 16)
    assert ("particular_name", "variable") in found.matches
    assert (found.start, found.end) == (4, 16)


async def test_inspection_describes_an_object(notebook: Notebook) -> None:
    bundle = notebook.engine.inspect("len(", 3)
    assert bundle is not None
    assert "Return the number of items" in bundle["text/plain"]
    assert notebook.engine.inspect("no_such_name", 3) is None


async def test_closing_gives_the_streams_back() -> None:
    before = (sys.stdin, sys.stdout, sys.stderr, __builtins__)
    Notebook().engine.close()
    assert (sys.stdin, sys.stdout, sys.stderr, __builtins__) == before


async def test_functions_of_a_cell_can_be_pickled(notebook: Notebook) -> None:
    assert await notebook.shown("import pickle\nclass C: pass\npickle.loads(pickle.dumps(C)) is C") == [result("True")]


async def test_one_hundred_thousand_lines_are_exact(notebook: Notebook) -> None:
    text = await notebook.text("for i in range(100_000): print(i)")
    assert text == "".join(f"{i}\n" for i in range(100_000))
