"""What an engine's child does beside running cells: answers questions, carries widgets, measures itself, waits warm, keeps to limits."""

import asyncio
import os
import subprocess
import sys
import sysconfig
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from runtime_core.errors import EngineStartError, QuestionError
from runtime_core.testing import RecordingSink, check_engine
from runtime_node import ConfigError, SubprocessEngine
from runtime_node.interpreters import interpreter_command
from runtime_schema.json_text import Json
from runtime_schema.live import CommMessage
from runtime_schema.outputs import ErrorOutput

OPEN = (
    "import comm\ncounter = comm.create_comm(target_name='counter', data={'state': {'n': 0}})\n"
    "@counter.on_msg\ndef told(message):\n    print('told', message['content']['data'])\n    counter.send({'heard': True})"
)


@asynccontextmanager
async def started(**options: Any) -> AsyncGenerator[tuple[SubprocessEngine, RecordingSink]]:
    engine, sink = SubprocessEngine(**options), RecordingSink()
    await engine.start(sink)
    try:
        yield engine, sink
    finally:
        await engine.stop()


def pid_of(engine: SubprocessEngine) -> int:
    return int(engine.info["pid"])


async def test_questions_are_answered_while_a_cell_computes() -> None:
    async with started() as (engine, sink):
        running = asyncio.ensure_future(engine.execute("e1", "particular = 1\nprint('on', flush=True)\nwhile True: pass", 1))
        await sink.wait_for_text("e1", "on")
        found = await engine.ask("complete", {"code": "partic", "cursor": 6})
        assert found["matches"] == [{"text": "particular", "type": "variable"}]
        assert (await engine.ask("inspect", {"code": "unheard_of", "cursor": 2}))["bundle"] is None
        (variable,) = [one for one in listed((await engine.ask("variables", {}))["variables"]) if one["name"] == "particular"]
        assert variable == {"name": "particular", "type": "int", "summary": "1"}
        with pytest.raises(QuestionError, match="needs code and a cursor"):
            await engine.ask("complete", {})
        await engine.interrupt("e1")
        assert (await running).status == "cancelled"
    with pytest.raises(QuestionError, match="not running"):
        await engine.ask("variables", {})


def listed(value: Json) -> list[Any]:
    assert isinstance(value, list)
    return value


async def test_resources_are_those_of_all_its_processes() -> None:
    async with started(memory_bytes=4 << 30) as (engine, _):
        alone = await engine.ask("resources", {})
        await engine.execute("e1", "import subprocess\nchild = subprocess.Popen(['sleep', '60'])\nfilled = bytearray(80_000_000)", 1)
        more = await engine.ask("resources", {})
        assert isinstance(alone["rssBytes"], int)
        assert isinstance(more["rssBytes"], int)
        assert more["rssBytes"] > alone["rssBytes"] + 70_000_000
        assert isinstance(more["cpuPercent"], float)
        assert more["limitBytes"] == 4 << 30


async def test_widgets_speak_and_hear_between_cells_and_while_one_awaits() -> None:
    async with started() as (engine, sink):
        await engine.execute("e1", OPEN, 1)
        ((owner, opened),) = sink.comms
        assert (owner, opened.kind, opened.target_name, opened.data) == ("e1", "open", "counter", {"state": {"n": 0}})
        told = CommMessage(kind="msg", comm_id=opened.comm_id, data={"n": 1})
        await engine.comm(told)
        await sink.wait_for_text("e1", "told {'n': 1}\n")
        waiting = asyncio.ensure_future(engine.execute("e2", "import asyncio\nprint('on', flush=True)\nawait asyncio.sleep(3600)", 2))
        await sink.wait_for_text("e2", "on")
        await engine.comm(told)
        await sink.wait_for_text("e1", "told {'n': 1}\ntold {'n': 1}\n")
        await engine.interrupt("e2")
        assert (await waiting).status == "cancelled"
        assert sink.text("e2") == "on\n", "what a widget prints belongs to the cell that opened it"
        await engine.execute("e3", "1", 3)
        assert [(name, message.data) for name, message in sink.comms[1:]] == [("e1", {"heard": True})] * 2


async def test_a_callback_that_raises_is_shown_where_the_widget_was_made() -> None:
    async with started() as (engine, sink):
        await engine.execute("e1", OPEN.replace("print('told', message['content']['data'])", "1 / 0"), 1)
        await engine.comm(CommMessage(kind="msg", comm_id=sink.comms[0][1].comm_id))
        await engine.execute("e2", "1", 2)
        assert [(owner, output.name) for owner, output in sink.outputs if isinstance(output, ErrorOutput)] == [("e1", "ZeroDivisionError")]


async def test_code_asks_for_the_end_once() -> None:
    async with started() as (engine, sink):
        assert (await engine.execute("e1", "exit()\nprint('after')", 1)).status == "ok"
        assert (sink.exits, sink.text("e1")) == (1, "after\n")


async def test_a_fork_says_nothing_in_its_parents_name() -> None:
    async with started() as (engine, sink):
        source = OPEN + "\nimport os\nif os.fork() == 0:\n    counter.send({'from': 'the child'})\n    exit()\n    os._exit(0)\nos.wait();"
        assert (await engine.execute("e1", source, 1)).status == "ok"
        assert [message.kind for _, message in sink.comms] == ["open"]
        assert sink.exits == 0


async def test_memory_beyond_the_limit_is_a_memory_error() -> None:
    async with started(memory_bytes=512 << 20) as (engine, sink):
        reply = await engine.execute("e1", "filled = bytearray(1 << 30)", 1)
        assert (reply.status, reply.error_name) == ("error", "MemoryError")
        assert (await engine.execute("e2", "print('lives')", 2)).status == "ok"
        assert sink.text("e2") == "lives\n"


async def test_a_warm_spare_is_the_engine_after_a_restart() -> None:
    async with started(prewarm=True) as (engine, sink):
        before = pid_of(engine)
        await engine.execute("e1", "kept = 1", 1)
        await engine.restart()
        assert pid_of(engine) != before
        assert (await engine.execute("e2", "kept", 2)).error_name == "NameError"
        await engine.restart()
        assert (await engine.execute("e3", "print('third')", 3)).status == "ok"
        assert sink.text("e3") == "third\n"
        children = psutil.Process().children(recursive=True)
    assert not any(child.is_running() for child in children), "spares end with their engine"
    assert sink.deaths == []


async def test_a_spare_that_died_is_not_used() -> None:
    async with started(prewarm=True) as (engine, _):
        spares: set[int] = set()
        while not spares:
            spares = {child.pid for child in psutil.Process().children()} - {pid_of(engine)}
            await engine.execute("e1", "1", 1)
        for pid in spares:
            psutil.Process(pid).kill()
        await engine.restart()
        assert pid_of(engine) not in spares
        assert (await engine.execute("e2", "1", 2)).status == "ok"


async def test_an_engine_with_a_spare_is_an_engine() -> None:
    async def make() -> SubprocessEngine:
        return SubprocessEngine(prewarm=True)

    await check_engine(make)


def bare_environment(folder: Path) -> Path:
    """Make an environment that has nothing; gives its folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def all_but_ours(folder: Path) -> Path:
    """Make a folder with what is installed here, without our packages; gives it back."""
    folder.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(("runtime_", "__editable__", "_runtime", "runt")) and entry.suffix != ".pth":
            (folder / entry.name).symlink_to(entry)
    return folder


async def test_another_interpreter_needs_ipython_and_nothing_of_ours(tmp_path: Path) -> None:
    folder = bare_environment(tmp_path / "venv")
    (command,) = interpreter_command(venv=folder)
    with pytest.raises(EngineStartError, match="pip install ipython"):
        await SubprocessEngine(python=[command]).start(RecordingSink())
    async with started(python=[command], env={"PYTHONPATH": str(all_but_ours(tmp_path / "theirs"))}) as (engine, sink):
        await engine.execute("e1", "import sys; print(sys.prefix)", 1)
        assert sink.text("e1") == f"{folder}\n"


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert interpreter_command() == (sys.executable,)
    assert interpreter_command(python=Path(sys.executable)) == (sys.executable,)
    with pytest.raises(ConfigError, match="is not an interpreter"):
        interpreter_command(python=tmp_path / "python")
    with pytest.raises(ConfigError, match="is not a virtual environment"):
        interpreter_command(venv=tmp_path)
    with pytest.raises(ConfigError, match="has no pyproject"):
        interpreter_command(project=tmp_path)


def test_a_uv_project_runs_by_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreter_command(project=tmp_path) == (str(uv), "run", "--project", str(tmp_path), "--with", "ipython", "python")
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ConfigError, match="uv is not on the PATH"):
        interpreter_command(project=tmp_path)
