"""`runt notebook` and `runt agent` as real processes around a real server: opened, killed, opened again, stopped."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, final

import pytest

from runtime_node import ExitCode, RandomIds, is_same_process, process_created_s, read_token
from runtime_schema.events import CellSourceSet, ExecutionRequested, RuntimeSessionTerminated
from runtime_schema.ids import CellId, ExecutionId, RuntimeSessionId, StoreSessionId
from runtime_schema.queries import ACTIVE_SESSION, CELLS, EXECUTION, LATEST_SESSION, OUTPUTS, Query
from runtime_store import Store, connect

pytestmark = pytest.mark.slow

RowT = TypeVar("RowT", bound=tuple[object, ...])
WITHIN_S = 30


def write(path: Path, *sources: str) -> Path:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{place}", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for place, source in enumerate(sources)
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


@final
class Desk:
    """A data folder, the commands that run on it, and clients of its notebooks."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = str(probe.getsockname()[1])
        self._commands: list[asyncio.subprocess.Process] = []
        self._stores: list[Store] = []

    async def start(self, *words: str | Path, said: str, **variables: str) -> asyncio.subprocess.Process:
        """Start a command and wait until it has said so much."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runt", *map(str, words)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "RUNT_DATA": str(self.data), **variables},
            start_new_session=True,
        )
        self._commands.append(process)
        await self.hears(process, said)
        return process

    async def hears(self, process: asyncio.subprocess.Process, said: str) -> str:
        """Read what a command writes up to some words."""
        assert process.stdout is not None
        text = ""
        async with asyncio.timeout(WITHIN_S):
            while said not in text:
                line = (await process.stdout.readline()).decode()
                assert line, f"ended with {text!r} instead of {said!r}"
                text += line
        return text

    async def notebook(self, *words: str | Path, runtime: str = "echo") -> asyncio.subprocess.Process:
        """Start `runt notebook` without a browser."""
        return await self.start("notebook", *words, "--no-browser", "--runtime", runtime, "--port", self.port, said="Press Ctrl-C")

    async def client(self, notebook: str | None = None) -> Store:
        """Connect to a notebook; by default to the one whose file is kept."""
        url = json.loads((self.data / "server.json").read_text())["url"]
        (bound, *_) = [path.stem for path in (self.data / "files").glob("*.json")] or [""]
        store = await connect(url, notebook or bound, token=read_token(self.data / "token"))
        self._stores.append(store)
        await asyncio.wait_for(store.synced(), WITHIN_S)
        return store

    @property
    def agent(self) -> int:
        """The pid of the agent that was started last."""
        (note,) = (self.data / "agents").glob("*.json")
        return int(json.loads(note.read_text())["pid"])

    async def end(self) -> None:
        """End everything that was started here."""
        for store in self._stores:
            await store.close(0)
        for process in self._commands:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        for note in (self.data / "agents").glob("*.json"):
            found: Any = json.loads(note.read_text())
            if is_same_process(found["pid"], found["created_s"]):
                os.kill(found["pid"], signal.SIGKILL)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    made = Desk(tmp_path)
    yield made
    await made.end()


async def sees(
    store: Store, query: Query[RowT], fits: Callable[[Sequence[RowT]], bool], params: dict[str, str | int] | None = None
) -> RowT:
    """Wait until a query's rows fit; gives the first."""
    seen: asyncio.Future[Sequence[RowT]] = asyncio.get_running_loop().create_future()

    def look(rows: Sequence[RowT]) -> None:
        if fits(rows) and not seen.done():
            seen.set_result(rows)

    unsubscribe = store.subscribe(query, look, params or {})
    try:
        return (await asyncio.wait_for(seen, WITHIN_S))[0]
    finally:
        unsubscribe()


async def ready(store: Store) -> RuntimeSessionId:
    row = await sees(store, ACTIVE_SESSION, lambda rows: bool(rows) and rows[0].status == "ready")
    return RuntimeSessionId(row.session_id)


async def run(store: Store, cell: str, source: str, status: str = "ok") -> str:
    execution_id = ExecutionId(RandomIds().new_id())
    await store.commit(ExecutionRequested(execution_id=execution_id, cell_id=CellId(cell), source=source, requested_ms=1))
    await sees(store, EXECUTION, lambda rows: bool(rows) and rows[0].status == status, {"executionId": execution_id})
    return execution_id


@asynccontextmanager
async def stopped(process: asyncio.subprocess.Process) -> AsyncGenerator[None]:
    """Stop a command as Ctrl-C does, and see that it ended well."""
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    rest = (await asyncio.wait_for(process.stdout.read(), WITHIN_S)).decode()
    assert await process.wait() == 0, rest
    yield


async def test_a_file_is_opened_run_and_saved(desk: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "a.ipynb", "first")
    command = await desk.notebook(file)
    store = await desk.client()
    await ready(store)
    await run(store, "c0", "hello")
    agent = desk.agent
    async with stopped(command):
        saved = json.loads(file.read_text())
        assert saved["cells"][0]["outputs"][0]["data"] == {"text/plain": ["Echo: hello"]}
        assert process_created_s(agent) is None
        assert json.loads((desk.data / "server.json").read_text())["pid"] is None


async def test_opening_a_file_does_not_rewrite_it(desk: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "a.ipynb", "first")
    before = file.read_bytes()
    async with stopped(await desk.notebook(file, runtime="none")):
        assert file.read_bytes() == before


async def test_a_file_that_is_missing_is_made(desk: Desk, tmp_path: Path) -> None:
    command = await desk.start(
        "notebook", tmp_path / "new.ipynb", "--no-browser", "--runtime", "none", "--port", desk.port, said="new.ipynb is new"
    )
    await desk.hears(command, "Press Ctrl-C")
    async with stopped(command):
        assert len(json.loads((tmp_path / "new.ipynb").read_text())["cells"]) == 1


async def test_changes_of_another_program_are_merged_when_the_file_is_opened_again(desk: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "a.ipynb", "first", "second")
    async with stopped(await desk.notebook(file, runtime="none")):
        write(file, "first", "changed", "added")
    await desk.notebook(file, runtime="none")
    store = await desk.client()
    assert [(cell.id, cell.source) for cell in store.query(CELLS)] == [("c0", "first"), ("c1", "changed"), ("c2", "added")]


async def test_when_both_changed_the_file_wins_and_the_notebook_is_kept_beside(desk: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "a.ipynb", "first")
    command = await desk.notebook(file, runtime="none")
    store = await desk.client()
    await store.commit(CellSourceSet(cell_id=CellId("c0"), source="ours"))
    command.kill()  # before it could write the file
    await command.wait()
    write(file, "theirs")
    command = await desk.start(
        "notebook", file, "--no-browser", "--runtime", "none", "--port", desk.port, said="a.ipynb was changed by another program"
    )
    await desk.hears(command, "Press Ctrl-C")
    assert [cell.source for cell in (await desk.client()).query(CELLS)] == ["theirs"]
    assert json.loads((tmp_path / "a.conflict.ipynb").read_text())["cells"][0]["source"] == ["ours"]


async def test_a_killed_server_loses_nothing_and_finds_its_agent_again(desk: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "a.ipynb", "first")
    command = await desk.notebook(file)
    store = await desk.client()
    session = await ready(store)
    agent = desk.agent
    command.kill()
    await command.wait()
    command = await desk.notebook(file)
    assert desk.agent == agent
    await run(store, "c0", "after")
    assert await ready(store) == session
    async with stopped(command):
        assert process_created_s(agent) is None


async def test_a_killed_agent_is_noticed_at_once_and_started_again(desk: Desk, tmp_path: Path) -> None:
    command = await desk.notebook(write(tmp_path / "a.ipynb", "first"), runtime="python")
    store = await desk.client()
    session = await ready(store)
    running = await run(store, "c0", "import time\nprint('began')\ntime.sleep(60)", status="running")
    await sees(store, OUTPUTS, lambda rows: len(rows) == 1, {"executionId": running})
    os.kill(desk.agent, signal.SIGKILL)
    lost = await sees(store, EXECUTION, lambda rows: rows[0].status == "lost", {"executionId": running})
    assert lost.reason == "crashed"
    assert len(store.query(OUTPUTS, {"executionId": running})) == 1
    assert await ready(store) != session
    await run(store, "c0", "1")
    assert "was killed by SIGKILL; it is started again" in await desk.hears(command, "started again")


async def test_an_evicted_agent_is_not_started_again(desk: Desk, tmp_path: Path) -> None:
    command = await desk.notebook(write(tmp_path / "a.ipynb", "first"))
    store = await desk.client()
    await store.commit(RuntimeSessionTerminated(session_id=await ready(store), reason="evicted"))
    assert "not started again: a person removed it" in await desk.hears(command, "not started again")
    assert store.query(ACTIVE_SESSION) == []


async def test_a_runtime_that_cannot_start_says_why_and_is_not_tried_for_ever(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "IPython.py").write_text("raise ImportError('no IPython today')")
    file = write(tmp_path / "a.ipynb", "a")
    command = await desk.start("notebook", file, "--no-browser", "--port", desk.port, said="Press Ctrl-C", PYTHONPATH=str(tmp_path))
    said = await desk.hears(command, "its log:")
    assert "the runtime is not started again: what runs the code could not start: " in said


async def test_a_runtime_that_a_person_stops_stays_stopped(desk: Desk, tmp_path: Path) -> None:
    command = await desk.notebook(write(tmp_path / "a.ipynb", "a"))
    store = await desk.client()
    session = await ready(store)
    (row,) = store.query(ACTIVE_SESSION)
    await store.send_live("runtime.stop", {"sessionId": session}, to=StoreSessionId(row.store_session_id))
    assert "the runtime was stopped; `runt agent --notebook " in await desk.hears(command, "starts one again")


async def test_a_second_notebook_uses_the_server_that_runs(desk: Desk, tmp_path: Path) -> None:
    await desk.notebook(write(tmp_path / "a.ipynb", "a"), runtime="none")
    second = await desk.start("notebook", write(tmp_path / "b.ipynb", "b"), "--no-browser", "--runtime", "none", said="Press Ctrl-C")
    assert len(list((desk.data / "files").glob("*.json"))) == 2
    again = await desk.start("notebook", tmp_path / "a.ipynb", "--no-browser", said="is open already")
    assert await again.wait() == 0
    link = await desk.start("notebook", tmp_path / "a.ipynb", "--no-browser", said="#t=")
    assert await link.wait() == 0
    token = await desk.start("token", said="runt_")
    assert await token.wait() == 0
    async with stopped(second):
        pass


async def agent_process(desk: Desk, *words: str) -> asyncio.subprocess.Process:
    return await desk.start("agent", "--runtime", "echo", *words, said="ready runtime=")


async def test_an_agent_finds_server_and_token_by_itself_and_ends_politely(desk: Desk, tmp_path: Path) -> None:
    await desk.notebook(write(tmp_path / "a.ipynb", "a"), runtime="none")
    store = await desk.client()
    (notebook,) = [path.stem for path in (desk.data / "files").glob("*.json")]
    agent = await agent_process(desk, "--notebook", notebook)
    await run(store, "c0", "hello")
    agent.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(agent.wait(), WITHIN_S) == ExitCode.OK
    row = await sees(store, LATEST_SESSION, lambda rows: rows[0].status == "terminated")
    assert row.ended_reason == "shutdown"


async def test_two_agents_end_with_the_status_of_their_fate(desk: Desk, tmp_path: Path) -> None:
    await desk.notebook(write(tmp_path / "a.ipynb", "a"), runtime="none")
    (notebook,) = [path.stem for path in (desk.data / "files").glob("*.json")]
    first = await agent_process(desk, "--notebook", notebook, "--runtime-id", "one")
    refused = await desk.start("agent", "--notebook", notebook, "--runtime-id", "two", "--runtime", "echo", said="was refused: runtime one")
    assert await asyncio.wait_for(refused.wait(), WITHIN_S) == ExitCode.REFUSED
    second = await agent_process(desk, "--notebook", notebook, "--runtime-id", "two", "--take-over")
    await desk.hears(first, "another runtime took over")
    assert await asyncio.wait_for(first.wait(), WITHIN_S) == ExitCode.DISPLACED
    second.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(second.wait(), WITHIN_S) == ExitCode.OK


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--notebook", "nope"], ExitCode.FAILED, "has no notebook 'nope'"),
        (["--client-id", "bob"], ExitCode.USAGE, "--client-id: the token is of user 'local', not 'bob'"),
        (["--token-file", "wrong"], ExitCode.UNAUTHORIZED, "does not accept this token"),
    ],
)
async def test_an_agent_that_the_server_does_not_take_says_why(
    words: list[str], status: ExitCode, said: str, desk: Desk, tmp_path: Path
) -> None:
    await desk.notebook(write(tmp_path / "a.ipynb", "a"), runtime="none")
    (notebook,) = [path.stem for path in (desk.data / "files").glob("*.json")]
    wrong = tmp_path / "wrong"
    wrong.write_text("runt_wrong")
    wrong.chmod(0o600)
    told = [str(wrong) if word == "wrong" else word for word in words]
    agent = await desk.start("agent", "--notebook", notebook, *told, said=said)
    assert await asyncio.wait_for(agent.wait(), WITHIN_S) == status
