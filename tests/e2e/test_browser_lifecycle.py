"""A runtime lives as long as its tab: left, hidden, reloaded, duplicated, crashed, and started and stopped again and again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from harness.chromium import window_with_tabs
from harness.clocked_server import ClockedServer
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NotebookPage, OpenNotebook, cookie_into, open_cells
from harness.processes import Processes
from harness.waiting import until, until_rows
from playwright.async_api import Error, Request, WebSocket, expect

from runtime_schema.events import ExecutionRequested
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.queries import ACTIVE_SESSION, ALL_CHUNKS, EXECUTIONS, LATEST_SESSION, ChunkRow
from runtime_schema.wire import Limits
from runtime_store import Store

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

AT_ONCE_S = 10  # a lease is 30 s
STARTS = 50
STARTED_S = 60
HEAP_GROWTH_BYTES = 5 * 1024 * 1024
ENDLESS = "print('begun')\nwhile True: pass"
TICKS = "import time\nfor tick in range(40):\n    print(tick)\n    time.sleep(0.1)"


@pytest_asyncio.fixture(loop_scope="session")
async def clocked(started: Processes, tmp_path: Path) -> AsyncIterator[ClockedServer]:
    """A server whose clock the test moves, and which lets one person have few connections."""
    server = ClockedServer(started, tmp_path / "data", limits=Limits(connections_per_user=4))
    await server.start()
    await server.sign_in()
    yield server
    await server.stop()


def text_of(rows: Sequence[ChunkRow]) -> str:
    return "".join(row.text for row in rows)


def request(store: Store, execution: str, cell: str, source: str) -> None:
    store.commit(ExecutionRequested(execution_id=ExecutionId(execution), cell_id=CellId(cell), source=source, requested_ms=0))


async def active_session(store: Store) -> str:
    rows = await until_rows(store, ACTIVE_SESSION, lambda rows: len(rows) == 1 and rows[0].status == "ready", within_s=20, what="a runtime")
    return rows[0].session_id


async def open_devtools(page: NotebookPage) -> Any:  # Any: Playwright does not type what it answers
    return await page.page.context.new_cdp_session(page.page)


async def crash(devtools: Any) -> None:
    """Let a tab's process die; then nobody is left to answer."""
    with suppress(Error):
        await devtools.send("Page.crash")


@pytest.mark.parametrize("way", ["goes-elsewhere", "closed", "list"])
async def test_tab_that_is_left_ends_its_runtime_at_once(shared_server: NotebookServer, open_notebook: OpenNotebook, way: str) -> None:
    notebook, page = await open_cells(shared_server, open_notebook, ENDLESS)
    await page.start_in_browser()
    await page.run(0)
    store = await shared_server.store(notebook)
    await until_rows(store, ALL_CHUNKS, lambda rows: text_of(rows) == "begun\n", within_s=20, what="the output")
    session = await active_session(store)

    if way == "goes-elsewhere":
        await page.page.goto("about:blank")
    elif way == "closed":
        await page.page.close(run_before_unload=True)
    else:
        await page.page.locator("header a[href='/']").click()
    rows = await until_rows(
        store, LATEST_SESSION, lambda rows: rows[0].status == "terminated", within_s=AT_ONCE_S, what="the end of the session"
    )
    assert [(row.session_id, row.ended_reason) for row in rows] == [(session, "shutdown")]
    assert [row.status for row in store.query(EXECUTIONS)] == ["cancelled"]
    assert text_of(store.query(ALL_CHUNKS)) == "begun\n"
    await store.close()


async def test_hidden_tab_runs_on(shared_server: NotebookServer, started: Processes, tmp_path: Path, open_notebook: OpenNotebook) -> None:
    async with window_with_tabs(started, tmp_path) as context:
        await cookie_into(context, shared_server.url, shared_server.cookie)
        notebook = await shared_server.import_notebook("hidden", notebook_bytes(TICKS, "tick"))
        page = await open_notebook(shared_server, notebook, context=context)
        await page.opened(2)
        await page.start_in_browser()
        await page.run(0)
        await expect(page.stdout(0)).to_contain_text("0")
        await (await context.new_page()).bring_to_front()
        assert await page.page.evaluate("document.visibilityState") == "hidden"

        store = await shared_server.store(notebook)
        session = await active_session(store)
        rows = await until_rows(
            store, EXECUTIONS, lambda rows: rows[0].status != "running", within_s=30, what="the end of the cell in the hidden tab"
        )
        assert [row.status for row in rows] == ["ok"]
        assert text_of(store.query(ALL_CHUNKS)) == "".join(f"{tick}\n" for tick in range(40))
        request(store, "x2", "c1", "tick")
        await until_rows(store, EXECUTIONS, lambda rows: rows[-1].status == "ok", within_s=20, what="a run that others asked for")
        assert await active_session(store) == session
        assert await page.page.evaluate("document.visibilityState") == "hidden"
        await store.close()


async def test_reload_starts_anew_by_itself_and_keeps_every_output(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook, page = await open_cells(shared_server, open_notebook, "x = 20\nprint('set')", "x + 1", "'fresh'")
    await page.start_in_browser()
    await page.run(0)
    await page.run(1)
    await page.status(1, "ok")
    await expect(page.cell(1).get_by_test_id("output-result")).to_have_text("21")
    store = await shared_server.store(notebook)
    before = await active_session(store)

    await page.page.reload()
    await expect(page.stdout(0)).to_have_text("set")
    await expect(page.cell(1).get_by_test_id("output-result")).to_have_text("21")
    await expect(page.runtime).to_have_attribute("data-browser", "ready", timeout=STARTED_S * 1000)
    await shared_server.catch_up(store, notebook)
    assert await active_session(store) != before
    await page.run(2)
    await expect(page.cell(2).get_by_test_id("output-result")).to_have_text("'fresh'")
    await page.run(1)
    await expect(page.cell(1).locator(".error-name")).to_have_text("NameError")
    await expect(page.stdout(0)).to_have_text("set")
    await page.status(1, "error")
    await page.saved()
    await shared_server.catch_up(store, notebook)
    assert [row.status for row in store.query(EXECUTIONS)] == ["ok", "ok", "ok", "error"]
    await store.close()


async def test_other_tabs_start_nothing_by_themselves(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook, page = await open_cells(shared_server, open_notebook, "'here'")
    await page.start_in_browser()
    store = await shared_server.store(notebook)
    session = await active_session(store)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    async with page.page.context.expect_page() as opening:  # with a copy of this tab's storage, as a duplicate has
        await page.page.evaluate("void window.open(location.href)")
    duplicate = NotebookPage(await opening.value)
    duplicate.page.on("request", note)
    await duplicate.opened(1)
    visit = await open_notebook(shared_server, notebook)
    visit.page.on("request", note)
    for other in (duplicate, visit):
        for _ in ("opened", "reloaded"):
            await other.opened(1)
            await other.saved()
            await expect(other.runtime).to_have_text("Ready")
            await expect(other.runtime).to_have_attribute("data-browser", "off")
            await other.page.reload()
    assert not [url for url in asked if "pyodide" in url or "runtime-frame" in url]
    assert await active_session(store) == session
    await expect(page.runtime).to_have_attribute("data-browser", "ready")
    await store.close()


async def test_tab_that_dies_without_a_word_is_given_up_and_the_queue_is_taken_by_the_next_runtime(
    clocked: ClockedServer, open_notebook: OpenNotebook
) -> None:
    notebook, page = await open_cells(clocked, open_notebook, ENDLESS, "1 + 1")
    await page.start_in_browser()
    await page.run(0)
    store = await clocked.store(notebook)
    await until_rows(store, ALL_CHUNKS, lambda rows: text_of(rows) == "begun\n", within_s=20, what="the output")
    session = await active_session(store)
    request(store, "x2", "c1", "1 + 1")

    async def becomes(status: str) -> float:
        """Move the clock until the session is in a state; gives how far."""
        began_s = clocked.ahead_s

        def look() -> bool:
            clocked.put_ahead(1)
            return store.query(LATEST_SESSION)[0].status == status

        await until(look, within_s=20, what=f"a session that is {status}", seen=lambda: store.query(LATEST_SESSION))
        return clocked.ahead_s - began_s

    devtools = await open_devtools(page)
    async with page.page.expect_event("crash"):
        dying = asyncio.create_task(crash(devtools))
    lease_s = await becomes("unreachable")
    assert 29 <= lease_s < 60
    assert [row.status for row in store.query(EXECUTIONS)] == ["running", "queued"]
    assert 85 <= lease_s + await becomes("terminated") < 130
    assert [(row.session_id, row.ended_reason) for row in store.query(LATEST_SESSION)] == [(session, "lost")]
    assert [(row.status, row.reason) for row in store.query(EXECUTIONS)] == [("lost", "lost"), ("queued", None)]
    assert text_of(store.query(ALL_CHUNKS)) == "begun\n"

    other = await open_notebook(clocked, notebook)
    await expect(other.cell(0).get_by_test_id("cell-note")).to_contain_text("The runtime was out of reach for too long while this ran.")
    await other.cell(1).get_by_test_id("start-in-browser-hint").click()
    await expect(other.cell(1).get_by_test_id("output-result")).to_have_text("2", timeout=STARTED_S * 1000)
    await until_rows(store, EXECUTIONS, lambda rows: [row.status for row in rows] == ["lost", "ok"], within_s=20, what="its end")
    await store.close()
    await page.page.close()
    await dying


async def counted(devtools: Any) -> tuple[int, int]:
    """Give bytes and listeners of a page, garbage aside."""
    await devtools.send("HeapProfiler.collectGarbage")
    heap = await devtools.send("Runtime.getHeapUsage")
    return int(heap["usedSize"] + heap["backingStorageSize"]), int((await devtools.send("Memory.getDOMCounters"))["jsEventListeners"])


async def settled(devtools: Any, listeners: int) -> tuple[int, int]:
    """Count again while there are more listeners than that: the browser lets go of a worker's port a little after the worker."""
    counts = await counted(devtools)
    for _ in range(100):
        if counts[1] <= listeners:
            break
        counts = await counted(devtools)
    return counts


async def start_and_stop(page: NotebookPage, sockets: Sequence[WebSocket]) -> None:
    before = len(sockets)
    await page.start_in_browser()
    assert (await page.page.locator("iframe").count(), len(page.page.workers), len(sockets) - before) == (1, 1, 1)
    await page.runtime.click()
    await page.page.get_by_test_id("runtime-stop").click()
    await page.page.get_by_test_id("confirm-action").click()


async def start_and_give_up(page: NotebookPage, sockets: Sequence[WebSocket]) -> None:
    """Stop while Python boots."""
    await page.runtime.click()
    async with page.page.expect_event("worker", timeout=STARTED_S * 1000):
        await page.page.get_by_test_id("start-in-browser").click()
    await page.page.get_by_test_id("browser-runtime-cancel").click()


@pytest.mark.timeout(900)  # about 70 s on a machine that does nothing else
async def test_starting_and_stopping_fifty_times_leaves_nothing_behind(clocked: ClockedServer, open_notebook: OpenNotebook) -> None:
    """The server's own bound on connections would refuse the fifth that is left open."""
    _, page = await open_cells(clocked, open_notebook, "'works'")
    sockets: list[WebSocket] = []

    def note(socket: WebSocket) -> None:
        sockets.append(socket)

    def freed() -> bool:
        return not page.page.workers and all(socket.is_closed() for socket in sockets)

    page.page.on("websocket", note)
    devtools = await open_devtools(page)
    first_bytes, first_listeners = 0, 0
    for turn in range(STARTS):
        await (start_and_give_up if turn % 2 else start_and_stop)(page, sockets)
        await expect(page.runtime).to_have_text("No runtime")
        await page.page.keyboard.press("Escape")
        await expect(page.page.locator("iframe")).to_have_count(0)
        await until(freed, within_s=20, what="the end of worker and socket")
        if turn == 0:
            first_bytes, first_listeners = await counted(devtools)
    last_bytes, last_listeners = await settled(devtools, first_listeners)
    print(f"heap {first_bytes} to {last_bytes} bytes, listeners {first_listeners} to {last_listeners}")
    assert len(sockets) == STARTS
    assert last_bytes - first_bytes <= HEAP_GROWTH_BYTES
    assert last_listeners <= first_listeners
    await page.start_in_browser()
    await page.run(0)
    await expect(page.cell(0).get_by_test_id("output-result")).to_have_text("'works'")
