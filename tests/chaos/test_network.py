"""The network between a runtime, a page and their server fails for a minute: nothing that runs is ended, nothing written is lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import OpenNotebook
from harness.processes import Processes
from harness.tcp_proxy import TcpProxy
from harness.waiting import until, until_rows
from playwright.async_api import expect

from runtime_schema.events import CellSourceSet, ExecutionRequested
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.queries import ALL_CHUNKS, CELLS, EXECUTIONS, LATEST_SESSION

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

OUTAGE_S = 60
LINES = 2 * OUTAGE_S + 10
TICKS = f"import time\nfor tick in range({LINES}):\n    print(tick, flush=True)\n    time.sleep(0.5)"


@asynccontextmanager
async def proxy_to(server: NotebookServer) -> AsyncGenerator[TcpProxy]:
    proxy = TcpProxy(server.port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


@pytest.mark.browser
@pytest.mark.timeout(180)
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
        await expect(page.editor(1)).to_have_text("written in the tunnel")
        await expect(page.editor(2)).to_have_text("written outside")
        assert "".join(row.text for row in watcher.query(ALL_CHUNKS)) == "".join(f"{tick}\n" for tick in range(LINES))
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
        await until_rows(near, CELLS, lambda rows: rows[0].source == "7.49", within_s=10, what="the last edit")
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
        store.commit(
            ExecutionRequested(execution_id=ExecutionId("x1"), cell_id=CellId("c0"), source="print('through treacle')", requested_ms=0)
        )
        await until_rows(store, EXECUTIONS, lambda rows: rows[0].status == "ok", within_s=40, what="the end of the cell")
        await until_rows(
            store, ALL_CHUNKS, lambda rows: "".join(row.text for row in rows) == "through treacle\n", within_s=10, what="its output"
        )
        await store.close()
