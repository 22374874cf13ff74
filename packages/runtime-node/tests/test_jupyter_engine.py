"""Cells in real Jupyter kernels, Python's and bash's: their outputs, interrupts, death and end."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from runtime_core.errors import EngineDiedError, EngineStartError, InputUnavailableError, QuestionError
from runtime_core.ports import EngineSink
from runtime_core.testing import EngineSamples, RecordingSink, check_engine
from runtime_node import jupyter_engine, jupyter_kernel
from runtime_node.jupyter_engine import JupyterEngine
from runtime_schema.live import CommMessage
from runtime_schema.outputs import ClearOutput, DisplayData, DisplayUpdate, ErrorOutput, ExecuteResult, Output, StreamText

pytestmark = pytest.mark.slow

BASH = EngineSamples(
    hello="echo hello",
    fail="false",
    error_name="Error",
    forever="echo started; while true; do :; done",  # bash misses a Ctrl-C that comes while it forks, as for `sleep`
    ask=None,
    remember="kept=42",
    recall='test -n "$kept" && echo $kept',
)


@pytest.fixture(autouse=True)
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install kernels into a folder that only this test sees."""
    install(tmp_path, "ours", ["-m", "ipykernel_launcher", "-f", "{connection_file}"])
    install(tmp_path, "shell", ["-m", "bash_kernel", "-f", "{connection_file}"])
    install(tmp_path, "broken", ["-c", "import sys; sys.exit('no licence found')"])
    install(tmp_path, "by-message", ["-m", "ipykernel_launcher", "-f", "{connection_file}"], interrupt_mode="message")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path


def install(folder: Path, name: str, args: list[str], **more: str) -> None:
    place = folder / "kernels" / name
    place.mkdir(parents=True)
    env = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    spec = {"argv": [sys.executable, "-W", "ignore", *args], "display_name": name, "language": "any", "env": env, **more}
    (place / "kernel.json").write_text(json.dumps(spec))


@asynccontextmanager
async def started(kernel: str = "ours", *, answers: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> AsyncGenerator["Kernel"]:
    kernel_ = Kernel(JupyterEngine(kernel, env=env), RecordingSink(answers))
    await kernel_.engine.start(kernel_.sink)
    try:
        yield kernel_
    finally:
        await kernel_.engine.stop()


class Kernel:
    """An engine, its sink, and numbers for its executions."""

    def __init__(self, engine: JupyterEngine, sink: RecordingSink) -> None:
        self.engine, self.sink, self.count = engine, sink, 0

    async def run(self, source: str) -> list[object]:
        """Run a cell and give its outputs and its reply's status and error."""
        self.count += 1
        name = f"e{self.count}"
        reply = await self.engine.execute(name, source, self.count)
        return [*(output for owner, output in self.sink.outputs if owner == name), (reply.status, reply.error_name)]


async def test_ipykernel_passes_the_kit() -> None:
    async def make() -> JupyterEngine:
        return JupyterEngine("ours")

    await check_engine(make)


async def test_bash_passes_the_kit() -> None:
    async def make() -> JupyterEngine:
        return JupyterEngine("shell")

    await check_engine(make, BASH)


async def test_every_kind_of_output_crosses(tmp_path: Path) -> None:
    async with started(env={"GREETING": "hé 🐍"}) as kernel:
        info = kernel.engine.info
        assert (info["language"], info["implementation"]) == ("python", "ipython")

        source = (
            "import os, sys\nprint(os.environ['GREETING'])\nsys.stdout.flush()\nprint('b', file=sys.stderr)\nsys.stderr.flush()\n{'x': 1}"
        )
        assert await kernel.run(source) == [
            StreamText(stream="stdout", text="hé 🐍\n"),
            StreamText(stream="stderr", text="b\n"),
            ExecuteResult(execution_count=1, bundle={"text/plain": "{'x': 1}"}),
            ("ok", None),
        ]
        source = "h = display(1, display_id='d')\nh.update(2)\nfrom IPython.display import clear_output\nclear_output(wait=True)"
        assert await kernel.run(source) == [
            DisplayData(bundle={"text/plain": "1"}, display_id="d"),
            DisplayUpdate(display_id="d", bundle={"text/plain": "2"}),
            ClearOutput(wait=True),
            ("ok", None),
        ]
        source = "display({'application/json': {'a': [1, float('nan')]}, 'image/png': b'png', 'text/plain': 'x'}, raw=True)"
        shown, _ = await kernel.run(source)
        assert isinstance(shown, DisplayData)
        assert shown.bundle == {"application/json": '{"a": [1, null]}', "image/png": "cG5n", "text/plain": "x"}
        error, reply = await kernel.run("def f(): raise KeyError('k')\nf()")
        assert isinstance(error, ErrorOutput)
        assert (error.name, reply) == ("KeyError", ("error", "KeyError"))
        assert len(error.traceback) > 1

        await kernel.run("for n in range(10_000): print(n)")
        assert kernel.sink.text("e5") == "".join(f"{n}\n" for n in range(10_000))
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        late = f"def late():\n    open({str(fifo)!r}).close()\n    print('late', flush=True)"
        source = f"import threading\n{late}\nthreading.Thread(target=late).start()"
        await kernel.run(source)
        await asyncio.to_thread(lambda: fifo.open("w").close())
        await kernel.sink.wait_for_text("e6", "late")

        assert StreamText(stream="stdout", text="x = 1\n") in await kernel.run("get_ipython().set_next_input('x = 1')")
        assert kernel.sink.exits == 0
        await kernel.run("exit")
        assert kernel.sink.exits == 1


async def test_pages_ask_and_widgets_talk() -> None:
    async with started() as kernel:
        source = (
            "from comm import create_comm\nc = create_comm(target_name='t', data={'state': {}}, buffers=[b'\\x01\\x02'])\n"
            "c.on_msg(lambda m: (print('heard', m['content']['data']['n'], bytes(m['buffers'][0])), c.send({'back': 1})))"
        )
        await kernel.run(source)
        ((owner, opened),) = kernel.sink.comms
        assert (owner, opened.kind, opened.target_name, opened.buffers) == ("e1", "open", "t", ("AQI=",))
        await kernel.engine.comm(CommMessage(kind="msg", comm_id=opened.comm_id, data={"n": 7}, buffers=("/w==",)))
        await kernel.sink.wait_for_text("e1", "heard 7 b'\\xff'")
        await kernel.run("None")
        assert [(owner, message.data) for owner, message in kernel.sink.comms[1:]] == [("e1", {"back": 1})]

        code = "'🐍'; opened_file = 1"
        await kernel.run(code)
        answer = await kernel.engine.ask("complete", {"code": "'🐍'; opened_f", "cursor": 13})
        assert (answer["start"], answer["end"]) == (5, 13)
        assert "opened_file" in str(answer["matches"])
        running = asyncio.create_task(kernel.run("print('on', flush=True)\nwhile True: pass"))
        await kernel.sink.wait_for_text("e4", "on")
        bundle = (await kernel.engine.ask("inspect", {"code": "len", "cursor": 3}))["bundle"]
        assert "number of items" in str(bundle)
        assert (await kernel.engine.ask("inspect", {"code": "nothing_here", "cursor": 3}))["bundle"] is None
        resources = await kernel.engine.ask("resources", {})
        assert isinstance(resources["rssBytes"], int)
        assert resources["rssBytes"] > 10_000_000
        with pytest.raises(QuestionError, match="does not list its variables"):
            await kernel.engine.ask("variables", {})
        await kernel.engine.interrupt("e4")
        assert (await running)[-1] == ("cancelled", None)


async def test_input_that_nobody_answers_says_so() -> None:
    async with started(answers=("secret",)) as kernel:
        assert StreamText(stream="stdout", text="SECRET\n") in await kernel.run("import getpass\nprint(getpass.getpass('pw? ').upper())")
        assert kernel.sink.prompts == [("pw? ", True)]
        error, reply = await kernel.run("input('who? ')")
        assert isinstance(error, ErrorOutput)
        assert error.value == "input is not available: the check has no answer"
        assert reply == ("error", "InputUnavailableError")
        assert (await kernel.run("1"))[-1] == ("ok", None)


@pytest.mark.parametrize("kernel_name", ["ours", "by-message"])
async def test_an_interrupt_hits_a_cell_however_early_it_comes(kernel_name: str) -> None:
    async with started(kernel_name) as kernel:
        running = asyncio.create_task(kernel.run("import time\ntime.sleep(1000)"))
        await asyncio.sleep(0)  # it has been given, and the kernel may not have begun
        await kernel.engine.interrupt("e1")
        assert (await running)[-1] == ("cancelled", None)
        assert (await kernel.run("1"))[-1] == ("ok", None)


async def test_an_interrupt_that_code_before_the_cell_swallows_comes_again() -> None:
    async with started() as kernel:
        await kernel.run("import time\nget_ipython().events.register('pre_run_cell', lambda info: time.sleep(1000))")
        running = asyncio.create_task(kernel.run("time.sleep(1000)"))
        await asyncio.sleep(0)
        await kernel.engine.interrupt("e2")
        assert (await running)[-1] == ("cancelled", None)


async def test_a_kernel_that_is_killed_is_told_and_comes_back() -> None:
    async with started() as kernel:
        running = asyncio.create_task(kernel.run("print('on', flush=True)\nwhile True: pass"))
        await kernel.sink.wait_for_text("e1", "on")
        os.kill(int(kernel.engine.info["pid"]), signal.SIGKILL)
        with pytest.raises(EngineDiedError, match="was killed by SIGKILL"):
            await running
        assert kernel.sink.deaths == ["was killed by SIGKILL"]
        with pytest.raises(EngineDiedError):
            await kernel.run("1")
        await kernel.engine.restart()
        assert (await kernel.run("1"))[-1] == ("ok", None)


STUCK = {
    "ours": "print('on', flush=True)\nimport subprocess\nsubprocess.Popen(['sleep', '1000'])\nwhile True: pass",
    "shell": "echo on; sleep 1000 & sleep 1000",
}


@pytest.mark.parametrize("kernel_name", STUCK)
async def test_stop_leaves_nothing(kernel_name: str, kernels: Path) -> None:
    before = (len(os.listdir("/dev/fd")), threads())
    async with started(kernel_name) as kernel:
        running = asyncio.create_task(kernel.run(STUCK[kernel_name]))
        await kernel.sink.wait_for_text("e1", "on")
        pid = int(kernel.engine.info["pid"])
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        await kernel.engine.stop()
        await asyncio.wait([running])
        assert isinstance(running.exception(), EngineDiedError) or running.result()[-1] == ("cancelled", None)
        assert psutil.wait_procs(family, timeout=5)[1] == []
    assert list((kernels / "runtime").glob("kernel-*.json")) == []
    assert (len(os.listdir("/dev/fd")), threads()) == before
    assert kernel.sink.deaths == []


async def test_output_that_the_kernel_dropped_is_missed_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jupyter_kernel, "MOST_UNREAD", 10)
    sink, fifo = HesitantSink(), tmp_path / "fifo"
    os.mkfifo(fifo)
    engine = JupyterEngine("ours")
    await engine.start(sink)
    try:
        source = f"for n in range(3_000): display({{'text/plain': 'x' * 20_000}}, raw=True)\nopen({str(fifo)!r}, 'w').close()"
        running = asyncio.create_task(engine.execute("e1", source, 1))
        await asyncio.to_thread(lambda: fifo.open().close())
        sink.open.set()
        assert (await running).status == "ok"
        assert len(sink.outputs) < 3_000
        assert sink.outputs[-1] == StreamText(stream="stderr", text=jupyter_engine.LOST)
        assert (await engine.execute("e2", "print('on')", 2)).status == "ok"
        assert sink.outputs[-1] == StreamText(stream="stdout", text="on\n")
    finally:
        await engine.stop()


class HesitantSink(EngineSink):
    """Is not ready until it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.outputs: list[Output] = []

    def emit(self, execution_id: str, output: Output) -> None:
        self.outputs.append(output)

    async def ready(self) -> None:
        await self.open.wait()

    async def read_input(self, execution_id: str, prompt: str, password: bool) -> str:
        raise InputUnavailableError("nobody is there")

    def died(self, reason: str) -> None:
        raise AssertionError(reason)


def threads() -> int:
    return psutil.Process().num_threads()


async def test_what_cannot_start_says_why() -> None:
    with pytest.raises(EngineStartError) as unknown:
        await JupyterEngine("our").start(RecordingSink())
    assert "did you mean 'ours'?" in str(unknown.value)
    assert "shell" in str(unknown.value)
    with pytest.raises(EngineStartError, match="exited with status 1: no licence found"):
        await JupyterEngine("broken").start(RecordingSink())
    with pytest.raises(EngineStartError, match="No such file"):
        await JupyterEngine("ours", cwd="/nowhere").start(RecordingSink())
