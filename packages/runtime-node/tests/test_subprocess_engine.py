"""Cells in a real child process: its streams, its interrupts, its death and its end."""

import asyncio
import os
import random
import select
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime_core.errors import EngineDiedError, EngineStartError, InputUnavailableError
from runtime_core.ports import EngineSink
from runtime_node.subprocess_engine import SubprocessEngine
from runtime_schema.outputs import (
    ClearOutput,
    DisplayData,
    ErrorOutput,
    ExecuteReply,
    ExecuteResult,
    Output,
    StreamName,
    StreamText,
)

pytestmark = pytest.mark.slow


class Notebook(EngineSink):
    """A sink that keeps all outputs, and runs cells."""

    def __init__(self, engine: SubprocessEngine) -> None:
        self.engine = engine
        self.outputs: list[tuple[str, Output]] = []
        self.changed = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.ended: asyncio.Queue[str] = asyncio.Queue()
        self.answers: asyncio.Queue[str | None] = asyncio.Queue()
        self.asked: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self.count = 0

    def emit(self, execution_id: str, output: Output) -> None:
        self.outputs.append((execution_id, output))
        self.changed.set()

    async def ready(self) -> None:
        await self.open.wait()

    async def read_input(self, execution_id: str, prompt: str, password: bool) -> str:
        self.asked.put_nowait((prompt, password))
        answer = await self.answers.get()
        if answer is None:
            raise InputUnavailableError("nobody is looking")
        return answer

    def died(self, reason: str) -> None:
        self.ended.put_nowait(reason)

    def start(self, source: str, execution_id: str | None = None) -> asyncio.Task[ExecuteReply]:
        self.count += 1
        return asyncio.create_task(self.engine.execute(execution_id or f"e{self.count}", source, self.count))

    async def run(self, source: str) -> ExecuteReply:
        return await self.start(source)

    def of(self, execution_id: str) -> list[Output]:
        return [output for known, output in self.outputs if known == execution_id]

    def text(self, execution_id: str, stream: StreamName = "stdout") -> str:
        return "".join(o.text for o in self.of(execution_id) if isinstance(o, StreamText) and o.stream == stream)

    async def printed(self, source: str, stream: StreamName = "stdout") -> str:
        assert (await self.run(source)).status == "ok", self.outputs
        return self.text(f"e{self.count}", stream)

    async def until_text(self, execution_id: str, text: str, stream: StreamName = "stdout") -> None:
        while text not in self.text(execution_id, stream):
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def started(cwd: Path | None = None, env: Mapping[str, str] | None = None, grace_s: float = 2.0) -> AsyncGenerator[Notebook]:
    notebook = Notebook(SubprocessEngine(cwd=cwd, env=env, grace_s=grace_s))
    await notebook.engine.start(notebook)
    try:
        yield notebook
    finally:
        notebook.open.set()
        await notebook.engine.stop()


async def test_it_says_what_runs() -> None:
    async with started() as notebook:
        info = notebook.engine.info
        assert (info["language"], info["implementation"]) == ("python", "IPython")
        assert await notebook.printed("import os; print(os.getpid())") == info["pid"] + "\n"


async def test_outputs_keep_their_order_and_their_execution() -> None:
    async with started() as notebook:
        await notebook.run("import sys\nprint('a')\nprint('b', file=sys.stderr)\ndisplay(1)\nprint('c')\n2")
        assert joined(notebook.of("e1")) == [
            StreamText(stream="stdout", text="a\n"),
            StreamText(stream="stderr", text="b\n"),
            DisplayData(bundle={"text/plain": "1"}),
            StreamText(stream="stdout", text="c\n"),
            ExecuteResult(execution_count=1, bundle={"text/plain": "2"}),
        ]


def joined(outputs: list[Output]) -> list[Output]:
    """Join neighbouring text of one stream: where it is cut depends on time."""
    result: list[Output] = []
    for output in outputs:
        last = result[-1] if result else None
        if isinstance(last, StreamText) and isinstance(output, StreamText) and last.stream == output.stream:
            result[-1] = StreamText(stream=last.stream, text=last.text + output.text)
        else:
            result.append(output)
    return result


async def test_warnings_are_on_stderr() -> None:
    async with started() as notebook:
        assert "UserWarning: careful" in await notebook.printed("import warnings\nwarnings.warn('careful')", "stderr")


async def test_every_kind_of_output_crosses() -> None:
    async with started() as notebook:
        source = "from IPython.display import clear_output\nh = display(1, display_id='d')\nh.update(2)\nclear_output(wait=True)\n1 / 0"
        assert (await notebook.run(source)).error_name == "ZeroDivisionError"
        kinds = [type(output).__name__ for output in notebook.of("e1")]
        assert kinds == ["DisplayData", "DisplayUpdate", "ClearOutput", "ErrorOutput"]
        assert notebook.of("e1")[2] == ClearOutput(wait=True)


async def test_c_code_and_subprocesses_are_seen_before_the_reply() -> None:
    async with started() as notebook:
        source = "import os, ctypes\nos.write(1, b'raw ')\nos.system('printf \"sub \"')\nctypes.CDLL(None).printf(b'c\\n')\nNone"
        assert await notebook.printed(source) == "raw sub c\n"
        assert await notebook.printed("os.system('echo oops >&2');", "stderr") == "oops\n"


STARTS = {
    "run": "import subprocess; subprocess.run(['echo', 'raw'])",
    "a shell": "os.system('echo raw')",
    "a command of the cell": "get_ipython().system_raw('echo raw')",
    "posix_spawn": "os.waitpid(os.posix_spawn('/bin/echo', ['echo', 'raw'], os.environ), 0)",
    "fork": "pid = os.fork()\nif pid == 0:\n    os.write(1, b'raw\\n'); os._exit(0)\nos.waitpid(pid, 0)",
    "multiprocessing": "import multiprocessing\n"
    "process = multiprocessing.get_context('spawn').Process(target=os.write, args=(1, b'raw\\n'))\nprocess.start(); process.join()",
    "no process, after a flush": "sys.stderr.flush(); os.write(1, b'raw\\n')",
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
async def test_an_agent_that_reads_late_sees_raw_text_in_its_place(start: str, tmp_path: Path) -> None:
    source = f"import os, sys\nprint('out')\nprint('err', file=sys.stderr)\n{start}\nprint('later', file=sys.stderr, flush=True)"
    async with started() as notebook:
        assert await outputs_when_late(notebook, source, tmp_path) == [
            StreamText(stream="stdout", text="out\n"),
            StreamText(stream="stderr", text="err\n"),
            StreamText(stream="stdout", text="raw\n"),
            StreamText(stream="stderr", text="later\n"),
        ]


async def test_raw_and_flushed_text_in_turns_keep_their_order(tmp_path: Path) -> None:
    source = "import os\nfor i in range(100):\n    print(i, flush=True)\n    os.write(1, f'raw {i}\\n'.encode())"
    async with started() as notebook:
        text = "".join(f"{i}\nraw {i}\n" for i in range(100))
        assert await outputs_when_late(notebook, source, tmp_path) == [StreamText(stream="stdout", text=text)]


async def outputs_when_late(notebook: Notebook, source: str, folder: Path) -> list[Output]:
    """Run code while nothing of it is read: this event loop, the agent's, stands still until it has run."""
    begin, end = folder / "begin", folder / "end"
    os.mkfifo(begin)
    os.mkfifo(end)
    cell = notebook.start(f"display('go')\nopen({str(begin)!r}).close()\n{source}\nopen({str(end)!r}, 'w').close()")
    while not notebook.outputs:
        notebook.changed.clear()
        await notebook.changed.wait()
    stand_still(begin, end)
    assert (await cell).status == "ok", notebook.outputs
    return joined(notebook.of("e1")[1:])


def stand_still(begin: Path, end: Path) -> None:
    """Let code go on that reads one fifo, and return when it writes to the other."""
    begin.open("w").close()
    end.open().close()


async def test_what_starts_processes_can_be_sent_to_processes() -> None:
    async with started() as notebook:
        source = (
            "import multiprocessing, os\nwith multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(os.system, ['exit 0']))"
        )
        assert await notebook.printed(source) == "[0]\n"


async def test_a_busy_subprocess_and_prints_are_both_whole() -> None:
    async with started() as notebook:
        source = (
            "import subprocess, sys\n"
            "process = subprocess.Popen([sys.executable, '-c', 'import os\\nfor i in range(400): os.write(1, b\"x\" * 10_000)'])\n"
            "for i in range(2000): print('o', end='', flush=True)\n"
            "process.wait();"
        )
        text = await notebook.printed(source)
        assert (len(text), text.count("x"), text.count("o")) == (4_002_000, 4_000_000, 2000)


async def test_a_character_split_between_raw_writes_is_joined() -> None:
    async with started() as notebook:
        assert await notebook.printed("import os\nos.write(1, b'\\xc3')\nos.write(1, b'\\xa9')\nNone") == "é"


async def test_a_partial_line_is_seen_while_the_cell_runs() -> None:
    async with started() as notebook:
        cell = notebook.start("import time\nprint('first', end='')\nprint(' partial', end='')\ntime.sleep(3600)")
        await notebook.until_text("e1", "first partial")
        await notebook.engine.interrupt("e1")
        assert (await cell).status == "cancelled"


STUCK_IN_C = """
import os, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.write(1, b'stuck')
sum(range(10**12))
"""


async def test_raw_output_is_seen_while_the_interpreter_is_stuck() -> None:
    async with started(grace_s=0.2) as notebook:
        cell = notebook.start(STUCK_IN_C)
        await notebook.until_text("e1", "stuck")
        await notebook.engine.restart()
        with pytest.raises(EngineDiedError):
            await cell


async def test_one_hundred_thousand_lines_are_exact() -> None:
    async with started() as notebook:
        assert await notebook.printed("for i in range(100_000): print(i)") == "".join(f"{i}\n" for i in range(100_000))
        assert len(notebook.outputs) < 2000


async def test_ten_megabytes_arrive_whole() -> None:
    async with started() as notebook:
        assert await notebook.printed("print('é' * 5_000_000, end='')") == "é" * 5_000_000
        await notebook.run("'x' * 10_000_000")
        (result,) = notebook.of("e2")
        assert isinstance(result, ExecuteResult)
        assert len(result.bundle["text/plain"]) == 10_000_002


async def test_surrogates_and_nul_do_not_break_the_frames() -> None:
    async with started() as notebook:
        assert await notebook.printed("print('\\ud800\\0')") == "\ufffd\0\n"
        reply = await notebook.run("raise ValueError('\\udfff')")
        assert reply.error_value == "\ufffd"


async def test_a_thread_prints_into_the_cell_that_started_it() -> None:
    async with started() as notebook:
        await notebook.run(
            "import threading\ngo = threading.Event()\ndef work():\n    go.wait()\n    print('from the thread')\n"
            "thread = threading.Thread(target=work)\nthread.start()"
        )
        await notebook.run("go.set()\nthread.join()\nprint('from the cell')")
        assert (notebook.text("e1"), notebook.text("e2")) == ("from the thread\n", "from the cell\n")


async def test_a_task_prints_into_its_cell_after_the_cell_ended() -> None:
    async with started() as notebook:
        source = "import asyncio\nasync def work():\n    await asyncio.sleep(0.02)\n    print('later')\ntask = asyncio.create_task(work())"
        await notebook.run(source)
        await notebook.run("await task")
        assert notebook.text("e1") == "later\n"


async def test_a_forked_process_prints_and_its_copy_of_the_cell_ends() -> None:
    async with started() as notebook:
        source = "import os\npid = os.fork()\nif pid == 0:\n    print('child')\nelse:\n    os.waitpid(pid, 0)\n    print('parent')"
        text = await notebook.printed(source)
        assert sorted(text.split()) == ["child", "parent"]
        assert await notebook.printed("print('one')") == "one\n"


async def test_multiprocessing_works() -> None:
    async with started() as notebook:
        source = "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool:\n    print(pool.map(abs, [-1, -2]))"
        assert await notebook.printed(source) == "[1, 2]\n"


async def test_input_is_asked_and_answered() -> None:
    async with started() as notebook:
        notebook.answers.put_nowait("Ada")
        assert await notebook.printed("print('hello', input('name? '))") == "hello Ada\n"
        assert notebook.asked.get_nowait() == ("name? ", False)
        notebook.answers.put_nowait("s3")
        assert await notebook.printed("import getpass\nprint(len(getpass.getpass()))") == "2\n"
        assert notebook.asked.get_nowait() == ("Password: ", True)


async def test_input_that_nobody_can_answer_is_the_cells_error() -> None:
    async with started() as notebook:
        notebook.answers.put_nowait(None)
        reply = await notebook.run("input('name? ')")
        assert (reply.status, reply.error_name) == ("error", "StdinNotImplementedError")
        assert reply.error_value == "input is not available: nobody is looking"
        (error,) = notebook.of("e1")
        assert isinstance(error, ErrorOutput)
        assert "child.py" not in "".join(error.traceback)


async def test_a_question_can_be_interrupted_and_its_late_answer_is_dropped() -> None:
    async with started() as notebook:
        cell = notebook.start("input('first? ')")
        await notebook.asked.get()
        await notebook.engine.interrupt("e1")
        assert (await cell).status == "cancelled"
        second = notebook.start("print(input('second? '))")
        await notebook.asked.get()
        notebook.answers.put_nowait("answer to the second")
        await second
        assert notebook.text("e2") == "answer to the second\n"


async def test_standard_input_is_empty_for_subprocesses() -> None:
    async with started() as notebook:
        assert await notebook.printed("import subprocess\nprint(subprocess.run(['cat'], capture_output=True).stdout)") == "b''\n"


STUCK = {
    "a loop": "print('go')\nwhile True: pass",
    "a sleep": "import time\nprint('go')\ntime.sleep(3600)",
    "an await": "import asyncio\nprint('go')\nawait asyncio.sleep(3600)",
    "a command": "print('go')\n!sleep 3600",
    "a subprocess": "import subprocess\nprint('go')\nsubprocess.run(['sleep', '3600'])",
    "printing": "while True: print('go')",
}


@pytest.mark.parametrize("source", STUCK.values(), ids=STUCK.keys())
async def test_an_interrupt_cancels_what_runs(source: str) -> None:
    async with started() as notebook:
        for _ in range(3):
            cell = notebook.start(source)
            await notebook.until_text(f"e{notebook.count}", "go")
            await notebook.engine.interrupt(f"e{notebook.count}")
            reply = await cell
            assert (reply.status, reply.error_name) == ("cancelled", "KeyboardInterrupt")
            assert await notebook.printed("import asyncio\nawait asyncio.sleep(0)\nprint('fine')") == "fine\n"


async def test_an_interrupt_before_the_cell_began_is_not_lost() -> None:
    async with started() as notebook:
        for _ in range(20):
            cell = notebook.start("while True: pass")
            await asyncio.sleep(0)
            await notebook.engine.interrupt(f"e{notebook.count}")
            assert (await cell).status == "cancelled"


async def test_an_interrupt_for_another_execution_does_nothing() -> None:
    async with started() as notebook:
        cell = notebook.start("print('go')\nimport asyncio\nawait asyncio.sleep(0.05)\n1")
        await notebook.until_text("e1", "go")
        await notebook.engine.interrupt("e0")
        await notebook.engine.interrupt("unknown")
        assert (await cell).status == "ok"


async def test_interrupts_at_random_moments_never_hit_the_next_cell() -> None:
    moments = random.Random(7)
    async with started() as notebook:
        for _ in range(25):
            rounds = moments.randrange(0, 40)
            cell = notebook.start(f"for i in range({rounds} * 1000): print(i)")
            name = f"e{notebook.count}"
            for _ in range(moments.randrange(0, 60)):
                await asyncio.sleep(0)
            await notebook.engine.interrupt(name)
            await notebook.engine.interrupt(name)
            assert (await cell).status in ("ok", "cancelled")
            assert await notebook.printed("import asyncio\nawait asyncio.sleep(0)\nprint('fine')") == "fine\n"


async def test_a_signal_that_comes_while_another_is_counted_is_told_apart_from_user_code_s_own() -> None:
    second_signal_with_the_first = """
import gc, os, signal
(child,) = [found for found in gc.get_objects() if type(found).__name__ == "Child"]
def read():
    asked = type(child)._read_interrupts(child)
    if asked:
        os.kill(os.getpid(), signal.SIGINT)
    return asked * 2
child._read_interrupts = read
print("patched")
while True:
    pass
"""
    async with started() as notebook:
        cell = notebook.start(second_signal_with_the_first)
        await notebook.until_text("e1", "patched")
        await notebook.engine.interrupt("e1")
        assert (await cell).status == "cancelled"


async def test_a_signal_that_user_code_sends_itself_is_an_error() -> None:
    async with started() as notebook:
        reply = await notebook.run("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(3600)")
        assert (reply.status, reply.error_name) == ("error", "KeyboardInterrupt")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nos._exit(3)", "exited with status 3"),
        ("import ctypes\nctypes.string_at(0)", "was killed by SIGSEGV"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL, which the system sends when memory runs out"),
    ],
)
async def test_a_death_is_told_and_a_restart_works(source: str, reason: str) -> None:
    async with started() as notebook:
        cell = notebook.start("print('before', flush=True)\n" + source)
        with pytest.raises(EngineDiedError) as raised:
            await cell
        assert raised.value.reason == reason
        assert await notebook.ended.get() == reason
        assert notebook.text("e1") == "before\n"
        with pytest.raises(EngineDiedError):
            await notebook.run("1")
        await notebook.engine.restart()
        assert await notebook.printed("print('alive')") == "alive\n"


async def test_a_segfault_shows_where_it_was() -> None:
    async with started() as notebook:
        with pytest.raises(EngineDiedError):
            await notebook.run("import ctypes\nctypes.string_at(0)")
        assert "Segmentation fault" in notebook.text("e1", "stderr")


async def test_a_death_between_cells_is_told() -> None:
    async with started() as notebook:
        os.kill(int(notebook.engine.info["pid"]), signal.SIGKILL)
        assert (await notebook.ended.get()).startswith("was killed by SIGKILL")


async def test_a_restart_empties_the_namespace_and_leaves_nothing_behind() -> None:
    async with started() as notebook:
        await notebook.run("import subprocess\nx = 1\nprint(subprocess.Popen(['sleep', '3600']).pid)")
        left, first = int(notebook.text("e1")), int(notebook.engine.info["pid"])
        await notebook.engine.restart()
        assert (await notebook.run("x")).error_name == "NameError"
        assert notebook.ended.empty()
        assert gone(first)
        assert gone(left)


STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        print('go')
        time.sleep(3600)
    except KeyboardInterrupt:
        print('no')
"""


async def test_a_stubborn_cell_is_ended_by_force() -> None:
    async with started(grace_s=0.2) as notebook:
        cell = notebook.start(STUBBORN)
        await notebook.until_text("e1", "go")
        await notebook.engine.stop()
        with pytest.raises(EngineDiedError):
            await cell
        assert "no\n" in notebook.text("e1")
        assert gone(int(notebook.engine.info["pid"]))


async def test_stopping_twice_and_without_a_start_is_fine() -> None:
    await SubprocessEngine().stop()
    async with started() as notebook:
        await notebook.engine.stop()
        with pytest.raises(EngineDiedError):
            await notebook.engine.execute("e1", "1", 1)


async def test_user_code_blocks_while_the_sink_is_not_ready() -> None:
    async with started() as notebook:
        notebook.open.clear()
        cell = notebook.start("for i in range(200_000): print('x' * 100)")
        await notebook.until_text("e1", "x")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(cell), 0.2)
        held = sum(len(o.text) for _, o in notebook.outputs if isinstance(o, StreamText))
        assert held < 2_000_000
        notebook.open.set()
        assert (await cell).status == "ok"
        assert notebook.text("e1") == ("x" * 100 + "\n") * 200_000


async def test_a_cell_that_is_blocked_by_the_sink_can_be_interrupted() -> None:
    async with started() as notebook:
        notebook.open.clear()
        cell = notebook.start("while True: print('x' * 1000)")
        await notebook.until_text("e1", "x")
        await notebook.engine.interrupt("e1")
        notebook.open.set()
        assert (await cell).status == "cancelled"


async def test_working_folder_and_environment_are_the_cells(tmp_path: Path) -> None:
    async with started(cwd=tmp_path, env={"GREETING": "hi"}) as notebook:
        (tmp_path / "beside.py").write_text("value = 5")
        assert await notebook.printed("import os, beside\nprint(os.getcwd(), os.environ['GREETING'], beside.value)") == f"{tmp_path} hi 5\n"


async def test_the_agents_modules_are_not_loaded() -> None:
    async with started() as notebook:
        source = "import sys\nprint([name for name in ('runtime_core', 'runtime_node', 'runtime_store', 'apsw') if name in sys.modules])"
        assert await notebook.printed(source) == "[]\n"


@pytest.mark.parametrize("engine", [SubprocessEngine(python=["/no/such/python"]), SubprocessEngine(cwd="/no/such/folder")])
async def test_what_cannot_start_says_why(engine: SubprocessEngine) -> None:
    with pytest.raises(EngineStartError) as raised:
        await engine.start(Notebook(engine))
    assert "/no/such" in str(raised.value)


async def test_an_interpreter_that_fails_shows_what_it_said() -> None:
    engine = SubprocessEngine(python=[sys.executable, "-S"])  # without site-packages
    with pytest.raises(EngineStartError) as raised:
        await engine.start(Notebook(engine))
    assert "ModuleNotFoundError" in str(raised.value)


AGENT = """
import asyncio, sys
from runtime_node.subprocess_engine import SubprocessEngine

class Sink:
    def emit(self, execution_id, output): print(output.text, flush=True)
    async def ready(self): pass
    async def read_input(self, execution_id, prompt, password): return ""
    def died(self, reason): pass

async def main():
    engine = SubprocessEngine()
    await engine.start(Sink())
    await engine.execute("e1", "import os\\nos.write(1, str(os.getpid()).encode())\\nwhile True: pass", 1)

asyncio.run(main())
"""


async def test_the_child_dies_with_an_agent_that_is_killed() -> None:
    agent = await asyncio.create_subprocess_exec(sys.executable, "-c", AGENT, stdout=asyncio.subprocess.PIPE)
    assert agent.stdout is not None
    pid = int(await agent.stdout.readline())
    agent.kill()
    await agent.wait()
    await asyncio.wait_for(asyncio.to_thread(wait_for_end, pid), 10)


def wait_for_end(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([pidfd], [], [])
    finally:
        os.close(pidfd)


def gone(pid: int) -> bool:
    """Whether no such process exists, not even a zombie of ours."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():  # a zombie that init has yet to collect is not ours
        fields = stat.read_text().rpartition(")")[2].split()
        return fields[0] == "Z" and int(fields[1]) != os.getpid()
    return False
