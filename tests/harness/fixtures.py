"""Fixtures of the tests that start processes and browsers; a module asks for them with `pytest_plugins = ["harness.fixtures"]`.

Everything asynchronous of the browser tests is on one loop, which lives as long as the browser.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Error, async_playwright, expect

from .chromium import CHROMIUM_FLAGS, chromium_path
from .notebook_server import NotebookServer
from .page_worker import PageWorker, build_script, open_page_worker
from .pages import NewContext, NotebookPage, OpenNotebook, cookie_into
from .processes import Processes, processes

PATIENCE_MS = 20_000
"""How long a page may take to show what a test waits for: no test measures by it, and several browsers may share a core."""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Processes]:
    """Processes of one test."""
    with processes(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The one Chromium of the session, the system's own."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_context(browser: Browser) -> AsyncIterator[NewContext]:
    """Make browser contexts, each a person's own; a script of the page that fails, fails the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []
    said: list[str] = []

    async def make() -> BrowserContext:
        context = await browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        context.on("requestfailed", lambda request: said.append(f"failed: {request.method} {request.url} {request.failure}"))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        await context.close()
    print("--- the pages said:", *said, sep="\n")  # shown where a test failed
    assert problems == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NotebookServer]:
    """One `runt serve` for the tests that do not harm it; each makes a notebook of its own."""
    folder = tmp_path_factory.mktemp("shared")
    with processes(folder) as made:
        server = NotebookServer(made, folder / "data")
        await server.start()
        await server.sign_in()
        yield server
        assert await server.stop() == 0


@pytest.fixture
def open_notebook(new_context: NewContext) -> OpenNotebook:
    """Open a notebook of a signed-in server in a context of its own, or in another tab of one."""

    async def open_one(server: NotebookServer, notebook: str, *, context: BrowserContext | None = None, url: str = "") -> NotebookPage:
        if context is None:
            context = await new_context()
            await cookie_into(context, url or server.url, server.cookie)
        page = await context.new_page()
        try:
            await page.goto(f"{url or server.url}/nb/{notebook}")
        except Error as problem:
            raise AssertionError(f"{problem}\n{server.process.story() if server.process else ''}") from problem
        return NotebookPage(page)

    return open_one


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def page_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of a page that starts workers for tests, built."""
    folder = tmp_path_factory.mktemp("page")
    await build_script(folder)
    return folder


@pytest_asyncio.fixture(loop_scope="session")
async def worker(shared_server: NotebookServer, new_context: NewContext, page_script: Path) -> PageWorker:
    """A page that starts a worker with Python as a test wants it."""
    return await open_page_worker(shared_server, await new_context(), page_script)
