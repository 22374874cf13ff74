"""The network between a runtime, a page and their server fails for a minute: nothing that runs is ended, nothing written is lost."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness.gate import Gate
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import OpenNotebook
from harness.processes import Processes
from harness.tcp_proxy import TcpProxy
from harness.waiting import until, until_rows
from playwright.async_api import expect

from runtime_node import ExitCode
from runtime_schema.events import CellSourceSet, ExecutionRequested
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.queries import ALL_CHUNKS, CELLS, EXECUTIONS, LATEST_SESSION, ChunkRow
from runtime_store import Store

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

OUTAGE_S = 60
LINES = 2 * OUTAGE_S + 10
TICKS = f"import time\nfor tick in range({LINES}):\n    print(tick, flush=True)\n    time.sleep(0.5)"


def request(store: Store, execution: str, cell: str, source: str) -> None:
    store.commit(ExecutionRequested(execution_id=ExecutionId(execution), cell_id=CellId(cell), source=source, requested_ms=0))


def text_of(rows: Sequence[ChunkRow]) -> str:
    return "".join(row.text for row in rows)


@asynccontextmanager
async def proxy_to(server: NotebookServer) -> AsyncGenerator[TcpProxy]:
    proxy = TcpProxy(server.port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


@pytest.mark.browser
@pytest.mark.timeout(600)
async def test_a_minute_without_network_ends_and_loses_nothing(started: Processes, tmp_path: Path, open_notebook: OpenNotebook) -> None:
    """The runtime's connections are refused; the page's cable is pulled, which nobody tells it."""
    server = NotebookServer(started, tmp_path / "data")
    await server.start()
    await server.sign_in()
    notebook = await server.import_notebook("tunnel", notebook_bytes(TICKS, "page", "third"))
    async with proxy_to(server) as to_agent, proxy_to(server) as to_page:
        server.start_agent(notebook, url=to_agent.url)
        page = await open_notebook(server, notebook, url=to_page.url)
        await page.run(0)
        await expect(page.stdout(0)).to_contain_text("0\n1", timeout=30_000)
        watcher = await server.store(notebook)

        to_agent.cut()
        to_page.silence()
        outage = asyncio.gather(to_agent.heal_after(OUTAGE_S), to_page.heal_after(OUTAGE_S))
        await page.write(1, "written in the tunnel")
        await watcher.commit(CellSourceSet(cell_id=CellId("c2"), source="written outside"))
        await expect(page.connection()).to_contain_text("Offline", timeout=(OUTAGE_S - 10) * 1000)
        await until_rows(
            watcher, LATEST_SESSION, lambda rows: rows[0].status == "unreachable", within_s=OUTAGE_S - 5, what="the runtime out of reach"
        )
        assert [row.status for row in watcher.query(EXECUTIONS)] == ["running"]
        await outage

        await page.saved(within_s=40)
        await page.status(0, "ok", within_s=40)
        await server.catch_up(watcher, notebook)
        await expect(page.editor(1)).to_have_text("written in the tunnel")
        await expect(page.editor(2)).to_have_text("written outside")
        assert text_of(watcher.query(ALL_CHUNKS)) == "".join(f"{tick}\n" for tick in range(LINES))
        assert [cell.source for cell in watcher.query(CELLS)] == [TICKS, "written in the tunnel", "written outside"]
        assert [(row.status, row.reason) for row in watcher.query(EXECUTIONS)] == [("ok", None)]
        assert [row.status for row in watcher.query(LATEST_SESSION)] == ["ready"]
        await watcher.close()


async def test_connection_torn_again_and_again_delivers_every_edit_once_and_in_order(started: Processes, tmp_path: Path) -> None:
    server = NotebookServer(started, tmp_path / "data")
    await server.start()
    notebook = await server.import_notebook("torn", notebook_bytes(""))
    async with proxy_to(server) as proxy:
        far, near = await server.store(notebook, proxy.url), await server.store(notebook)
        for round_ in range(8):
            for n in range(50):
                far.commit(CellSourceSet(cell_id=CellId("c0"), source=f"{round_}.{n}"))
            if round_ % 2:
                proxy.cut()
                proxy.heal()
            await asyncio.sleep(0)
        await until(lambda: not far.status.pending, within_s=30, what="all edits to arrive", seen=lambda: far.status)
        expected = near.status.head
        await until_rows(near, CELLS, lambda rows: rows[0].source == "7.49", within_s=20, what="the last edit")
        assert far.dump() == near.dump()
        assert near.status.head >= expected
        await far.close()
        await near.close()


async def test_slow_network_delays_and_changes_nothing(started: Processes, tmp_path: Path) -> None:
    server = NotebookServer(started, tmp_path / "data")
    await server.start()
    notebook = await server.import_notebook("slow", notebook_bytes("print('through treacle')"))
    async with proxy_to(server) as proxy:
        proxy.delay_s = 0.15
        server.start_agent(notebook, url=proxy.url)
        store = await server.store(notebook, proxy.url)
        request(store, "x1", "c0", "print('through treacle')")
        await until_rows(store, EXECUTIONS, lambda rows: rows[0].status == "ok", within_s=40, what="the end of the cell")
        await until_rows(store, ALL_CHUNKS, lambda rows: text_of(rows) == "through treacle\n", within_s=20, what="its output")
        await store.close()


async def test_runtime_that_was_replaced_while_its_network_was_gone_sees_it_and_says_so(started: Processes, tmp_path: Path) -> None:
    server = NotebookServer(started, tmp_path / "data")
    await server.start()
    gate = Gate(tmp_path)
    notebook = await server.import_notebook("replaced", notebook_bytes(gate.source, "2"))
    store = await server.store(notebook)
    async with proxy_to(server) as proxy:
        first = server.start_agent(notebook, url=proxy.url)
        request(store, "x1", "c0", f"print('begun', flush=True)\n{gate.source}\nprint('too late')")
        await until_rows(store, ALL_CHUNKS, lambda rows: text_of(rows) == "begun\n", within_s=30, what="the first output")
        proxy.cut()
        second = server.start_agent(notebook, take_over=True, runtime_id="second")
        await until_rows(store, EXECUTIONS, lambda rows: rows[0].status == "lost", within_s=30, what="the end of what the first one ran")
        request(store, "x2", "c1", "print('by the second')")
        await until_rows(store, EXECUTIONS, lambda rows: rows[-1].status == "ok", within_s=30, what="the next run")
        gate.open()
        proxy.heal()
        assert await first.ended(30) == ExitCode.DISPLACED
        assert "another runtime" in first.output
        assert text_of(store.query(ALL_CHUNKS)) == "begun\nby the second\n", "what comes from behind the fence is nobody's"
        assert await second.stop() == 0
    await store.close()
