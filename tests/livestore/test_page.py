"""A real LiveStore store in a React page as the home of a runtime, in Chromium. The page is built by `make test-livestore`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from harness.clocked_server import ClockedServer
from harness.pages import NewContext, cookie_into
from harness.processes import Processes
from harness.waiting import until, until_rows
from playwright.async_api import Error, Page, expect
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

import runtime_server.app
from runtime_schema.events import ExecutionCancelRequested, ExecutionRequested
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.queries import ALL_CHUNKS, EXECUTIONS, LATEST_SESSION
from runtime_server.web_app import web_routes

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

_PAGE = Path(__file__).parents[2] / "ui" / "livestore" / "dist"
_READY_MS = 90_000

Open = Callable[[str, str], Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def server(started: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClockedServer]:
    """A server that serves the test's page besides its own, so that the page has its origin, headers and cookie."""
    own = web_routes
    page = Mount("/livestore-page", StaticFiles(directory=_PAGE, html=True))
    monkeypatch.setattr(runtime_server.app, "web_routes", lambda: [page, *own()])
    made = ClockedServer(started, tmp_path / "data")
    await made.start()
    await made.sign_in()
    yield made
    await made.stop()


@pytest.fixture
def open_page(new_context: NewContext, server: ClockedServer) -> Open:
    """Open the page for a notebook."""

    async def open_one(notebook: str, mode: str) -> Page:
        context = await new_context()
        await cookie_into(context, server.url, server.cookie)
        page = await context.new_page()
        await page.goto(f"{server.url}/livestore-page/?store={notebook}&mode={mode}")
        return page

    return open_one


async def run(page: Page, source: str) -> None:
    await page.get_by_label("Source").fill(source)
    await page.get_by_role("button", name="Run").click()


async def start(page: Page, kind: str) -> None:
    await page.get_by_role("button", name=f"Start {kind}").click()
    await expect(page.get_by_test_id("runtime")).to_have_text("ready", timeout=_READY_MS)


@pytest.mark.parametrize("mode", ["alone", "synced"])
async def test_echo_then_python_run_as_guests_of_a_livestore_store(server: ClockedServer, open_page: Open, mode: str) -> None:
    assert server.server is not None
    notebook = (await server.server.notebooks.create("N")).id
    page = await open_page(notebook, mode)
    await start(page, "echo")
    await run(page, "hello")
    await expect(page.get_by_test_id("execution")).to_have_text("ok")
    await expect(page.get_by_test_id("text")).to_have_text("Echo: hello")
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_test_id("runtime")).to_have_text("off")
    await start(page, "Python")
    await run(page, "for i in range(3): print(i * i)")
    await expect(page.get_by_test_id("execution")).to_have_text("ok", timeout=30_000)
    await expect(page.get_by_test_id("text")).to_have_text("0\n1\n4\n")
    await run(page, "while True: pass")
    await expect(page.get_by_test_id("execution")).to_have_text("running")
    await page.get_by_role("button", name="Interrupt").click()
    await expect(page.get_by_test_id("execution")).to_have_text("cancelled")


async def test_others_run_cells_on_it_and_see_what_they_print(server: ClockedServer, open_page: Open) -> None:
    assert server.server is not None
    notebook = (await server.server.notebooks.create("N")).id
    page = await open_page(notebook, "synced")
    await start(page, "Python")
    await run(page, "1")
    store = await server.store(notebook)
    await until_rows(store, EXECUTIONS, lambda rows: bool(rows) and rows[-1].status == "ok", within_s=30, what="the page's own execution")
    source = "for i in range(200): print(i)"
    store.commit(ExecutionRequested(execution_id=ExecutionId("x1"), cell_id=CellId("c1"), source=source, requested_ms=0))
    await until_rows(store, EXECUTIONS, lambda rows: rows[-1].status == "ok", within_s=30, what="the execution")
    chunks = store.query(ALL_CHUNKS)
    assert "".join(chunk.text for chunk in chunks) == "".join(f"{i}\n" for i in range(200))
    await expect(page.get_by_test_id("text")).to_have_text("".join(f"{i}\n" for i in range(200)), timeout=30_000)
    store.commit(ExecutionRequested(execution_id=ExecutionId("x2"), cell_id=CellId("c1"), source="while True: pass", requested_ms=0))
    await until_rows(store, EXECUTIONS, lambda rows: rows[-1].status == "running", within_s=30, what="the start")
    store.commit(ExecutionCancelRequested(execution_id=ExecutionId("x2"), reason="person"))
    await until_rows(store, EXECUTIONS, lambda rows: rows[-1].status == "cancelled", within_s=30, what="the cancel")
    await store.close()


async def test_the_side_connection_is_its_lease(server: ClockedServer, open_page: Open) -> None:
    assert server.server is not None
    notebook = (await server.server.notebooks.create("N")).id
    store = await server.store(notebook)
    page = await open_page(notebook, "synced")
    await start(page, "echo")
    await until_rows(store, LATEST_SESSION, lambda rows: rows[0].status == "ready" if rows else False, within_s=20, what="the session")
    server.put_ahead(40)
    await run(page, "still here")
    await expect(page.get_by_test_id("text")).to_have_text("Echo: still here")
    devtools = await page.context.new_cdp_session(page)
    async with page.expect_event("crash"):
        dying = asyncio.create_task(crash(devtools))
    before_s = server.ahead_s

    def is_gone() -> bool:
        server.put_ahead(1)
        return store.query(LATEST_SESSION)[0].status == "unreachable"

    await until(is_gone, within_s=20, what="its end", seen=lambda: store.query(LATEST_SESSION))
    assert 29 <= server.ahead_s - before_s < 60
    await store.close()
    await page.close()
    await dying


async def crash(devtools: Any) -> None:  # Any: what Playwright sends and gets has no types
    with contextlib.suppress(Error):
        await devtools.send("Page.crash")


async def test_without_a_side_connection_it_refuses_and_says_why(server: ClockedServer, open_page: Open) -> None:
    assert server.server is not None
    notebook = (await server.server.notebooks.create("N")).id
    page = await open_page(notebook, "without")
    await page.get_by_role("button", name="Start echo").click()
    await expect(page.get_by_test_id("runtime")).to_have_text("failed")
    await expect(page.get_by_test_id("problem")).to_contain_text("Give it a side connection to the notebook's server")
