"""Processes are killed in the middle of a cell: what was acknowledged stays, what runs goes on, and what is over is said to be over."""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from harness.gate import Gate
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.processes import Processes
from harness.waiting import until, until_rows

from runtime_schema.events import CellSourceSet, ExecutionRequested
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.queries import ACTIVE_SESSION, ALL_CHUNKS, CELLS, EXECUTIONS, ChunkRow, ExecutionRow
from runtime_store import Store

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.slow]

TICKS = "import time\nfor tick in range(16):\n    print(f'tick {tick}', flush=True)\n    time.sleep(0.5)\nprint('done')"
ALL_TICKS = "".join(f"tick {tick}\n" for tick in range(16)) + "done\n"


def request(store: Store, execution: str, cell: str, source: str) -> None:
    store.commit(ExecutionRequested(execution_id=ExecutionId(execution), cell_id=CellId(cell), source=source, requested_ms=0))


def text_of(rows: Sequence[ChunkRow]) -> str:
    return "".join(row.text for row in rows)


def ended(rows: Sequence[ExecutionRow], execution: str) -> bool:
    return any(row.id == execution and row.status in ("ok", "error", "cancelled", "lost") for row in rows)


async def open_file(started: Processes, folder: Path, *cells: str) -> tuple[NotebookServer, str, Path]:
    """Run `runt notebook FILE` and give the server, the notebook's id and the file."""
    file = folder / "work.ipynb"
    file.write_bytes(notebook_bytes(*cells))
    server = NotebookServer(started, folder / "data", ("notebook", str(file)))
    await server.start()
    (notebook,) = await server.notebook_ids()
    return server, notebook, file


def agent_pid(server: NotebookServer, notebook: str) -> int:
    """Give the pid of the agent that a server supervises."""
    note = json.loads((server.data / "agents" / f"{notebook}.json").read_text())
    return int(note["pid"])


async def test_cell_runs_on_while_its_server_is_killed_and_all_its_output_is_there_after_the_restart(
    started: Processes, tmp_path: Path
) -> None:
    server, notebook, file = await open_file(started, tmp_path, TICKS)
    store = await server.store(notebook)
    request(store, "x1", "c0", TICKS)
    await until_rows(store, ALL_CHUNKS, lambda rows: "tick 2" in text_of(rows), within_s=30, what="the first output")
    agent = agent_pid(server, notebook)
    server.kill9()
    assert psutil.pid_exists(agent)
    await server.start()

    await until_rows(store, EXECUTIONS, lambda rows: ended(rows, "x1"), within_s=60, what="the end of the cell")
    await store.close()
    fresh = await server.store(notebook)
    assert text_of(fresh.query(ALL_CHUNKS)) == ALL_TICKS
    assert [(row.status, row.reason) for row in fresh.query(EXECUTIONS)] == [("ok", None)]
    assert agent_pid(server, notebook) == agent
    request(fresh, "x2", "c0", "print(tick)")
    await until_rows(fresh, EXECUTIONS, lambda rows: ended(rows, "x2"), within_s=20, what="the next run")
    assert text_of(fresh.query(ALL_CHUNKS)).endswith("15\n")
    await fresh.close()
    assert await server.stop() == 0
    assert "15\\n" in file.read_text()
    assert started.kin() == []


async def test_cell_whose_agent_is_killed_is_lost_with_a_reason_and_the_next_run_works(started: Processes, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    server, notebook, _ = await open_file(started, tmp_path, "kept", "2 + 2")
    store = await server.store(notebook)
    request(store, "x1", "c0", f"print('heard', flush=True)\n{gate.source}")
    request(store, "x2", "c1", "2 + 2")
    await until_rows(store, ALL_CHUNKS, lambda rows: text_of(rows) == "heard\n", within_s=30, what="the first output")
    await store.commit(CellSourceSet(cell_id=CellId("c0"), source="edited while it ran"))
    (first,) = store.query(ACTIVE_SESSION)
    killed = agent_pid(server, notebook)
    engine = psutil.Process(killed).children(recursive=True)
    os.kill(killed, signal.SIGKILL)

    rows = await until_rows(store, EXECUTIONS, lambda rows: ended(rows, "x1"), within_s=20, what="the lost cell's end")
    assert [(row.status, row.reason) for row in rows if row.id == "x1"] == [("lost", "crashed")]
    await until_rows(store, EXECUTIONS, lambda rows: ended(rows, "x2"), within_s=30, what="the run that waited")
    assert {row.id: row.status for row in store.query(EXECUTIONS)} == {"x1": "lost", "x2": "ok"}
    (second,) = store.query(ACTIVE_SESSION)
    assert second.session_id != first.session_id
    assert text_of(store.query(ALL_CHUNKS)) == "heard\n"
    assert store.query(CELLS)[0].source == "edited while it ran"
    await until(lambda: not any(child.is_running() for child in engine), within_s=15, what="the end of the killed agent's engine")
    await store.close()
    assert await server.stop() == 0


async def test_cell_asked_of_a_runtime_that_waits_and_is_frozen_runs_when_it_goes_on_and_is_lost_when_it_is_killed(
    started: Processes, tmp_path: Path
) -> None:
    server, notebook, _ = await open_file(started, tmp_path, "1")
    store = await server.store(notebook)

    async def run(execution: str, *statuses: str) -> list[tuple[str, str | None]]:
        request(store, execution, "c0", "1")
        return await seen(execution, *statuses)

    async def seen(execution: str, *statuses: str) -> list[tuple[str, str | None]]:
        rows = await until_rows(
            store,
            EXECUTIONS,
            lambda rows: any(row.id == execution and row.status in statuses for row in rows),
            within_s=30,
            what=f"{execution} {statuses}",
        )
        return [(row.status, row.reason) for row in rows if row.id == execution]

    await run("x1", "ok")
    agent = agent_pid(server, notebook)
    os.kill(agent, signal.SIGSTOP)
    await run("x2", "running")  # it had offered to wait for this, and is not asked any more
    os.kill(agent, signal.SIGCONT)
    await seen("x2", "ok")
    os.kill(agent, signal.SIGSTOP)
    await run("x3", "running")
    os.kill(agent, signal.SIGKILL)
    assert await seen("x3", "lost") == [("lost", "crashed")]
    await run("x4", "ok")
    await store.close()
    assert await server.stop() == 0


async def test_cell_asked_after_its_waiting_runtime_was_killed_runs_in_the_next_one(started: Processes, tmp_path: Path) -> None:
    server, notebook, _ = await open_file(started, tmp_path, "1")
    store = await server.store(notebook)
    request(store, "x1", "c0", "1")
    await until_rows(store, EXECUTIONS, lambda rows: ended(rows, "x1"), within_s=30, what="the first run")
    agent = psutil.Process(agent_pid(server, notebook))
    agent.kill()
    agent.wait(10)
    request(store, "x2", "c0", "1")
    await until_rows(store, EXECUTIONS, lambda rows: ended(rows, "x2"), within_s=30, what="the run in the next runtime")
    assert [row.status for row in store.query(EXECUTIONS)] == ["ok", "ok"]
    await store.close()
    assert await server.stop() == 0


async def test_edits_acknowledged_before_a_kill_are_there_after_it(started: Processes, tmp_path: Path) -> None:
    server = NotebookServer(started, tmp_path / "data")
    await server.start()
    notebook = await server.import_notebook("edits", notebook_bytes("0"))
    store = await server.store(notebook)
    acknowledged = 0
    for round_ in range(3):
        receipts = [store.commit(CellSourceSet(cell_id=CellId("c0"), source=f"{round_} {n}")) for n in range(200)]
        await receipts[100]
        server.kill9()
        acknowledged = store.status.head
        await server.start()
        await until(lambda: store.status.connected and not store.status.pending, within_s=30, what="the sync after the kill")
        assert store.status.head >= acknowledged
    fresh = await server.store(notebook)
    assert fresh.dump() == store.dump()
    assert fresh.query(CELLS)[0].source == "2 199"
    await fresh.close()
    await store.close()
    assert await server.stop() == 0


async def test_server_that_stops_takes_its_agent_along(started: Processes, tmp_path: Path) -> None:
    server, notebook, _ = await open_file(started, tmp_path, "1")
    store = await server.store(notebook)
    await until_rows(store, ACTIVE_SESSION, lambda rows: bool(rows) and rows[0].status == "ready", within_s=30, what="the runtime")
    await store.close()
    assert await server.stop() == 0
    assert started.kin() == []
    assert "Traceback" not in (server.process.output if server.process else "")
