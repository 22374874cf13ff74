"""A page that was closed opens again without its server: the last state, edits, and all of it on the server when that is back."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NewContext, NotebookPage, OpenNotebook, cookie_into, shoot
from harness.processes import Processes
from playwright.async_api import BrowserContext, Page, expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

WITHIN_MS = 20_000
# What the page keeps it keeps in a quiet moment; this asks for it, as the browser does when a tab is hidden.
HIDE = "document.dispatchEvent(new Event('visibilitychange'))"
# What a frame of an output can reach; it runs scripts, and nothing but them.
PROBE = """async () => {
  const attempt = async (work) => { try { return String(await work()); } catch (error) { return error.name; } };
  return {
    origin: self.origin,
    "service worker": await attempt(() => navigator.serviceWorker.register("/service-worker.js")),
    storage: await attempt(() => localStorage.length),
    evaluates: await attempt(() => eval("1 + 1")),
    fetch: await attempt(() => fetch("/icon.svg")),
  };
}"""
HEADERS = """async path => {
  const { ok, headers } = await fetch(path);
  return ok && Object.fromEntries([...headers].filter(([name]) => name !== "date"));
}"""


async def shell_kept(page: Page) -> None:
    """Wait until the browser has the app itself."""
    assert await page.evaluate("navigator.serviceWorker.ready.then(({ active }) => active !== null)")
    await page.wait_for_function("navigator.serviceWorker.controller !== null")


async def pending(page: NotebookPage, count: int) -> None:
    """Wait until so many changes wait."""
    await expect(page.connection()).to_have_attribute("data-pending", str(count), timeout=WITHIN_MS)


async def served(started: Processes, folder: Path) -> NotebookServer:
    """Start a server and sign in."""
    server = NotebookServer(started, folder / "data")
    await server.start()
    await server.sign_in()
    return server


async def reopened(context: BrowserContext, server: NotebookServer, path: str) -> NotebookPage:
    """Open a page in a new tab of the same browser."""
    page = await context.new_page()
    await page.goto(server.url + path)
    return NotebookPage(page)


async def test_page_opens_without_a_server_and_its_edits_are_there_once_when_the_server_is_back(
    started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    server = await served(started, tmp_path)
    notebook = await server.import_notebook("train", notebook_bytes("print('on the server')", "second"))
    server.start_agent(notebook)
    page = await open_notebook(server, notebook)
    await page.opened(2)
    await page.run(0)
    await expect(page.stdout(0)).to_have_text("on the server", timeout=WITHIN_MS)
    await page.status(0, "ok")
    await page.write(1, "edited before")
    await page.select(1)
    await page.saved()
    await shell_kept(page.page)
    context = page.page.context
    server.kill9()
    await page.page.evaluate(HIDE)
    await page.page.close()

    page = await reopened(context, server, f"/nb/{notebook}")
    await page.opened(2)
    await expect(page.stdout(0)).to_have_text("on the server")
    await expect(page.editor(1)).to_have_text("edited before")
    await expect(page.connection()).to_contain_text("Offline", timeout=WITHIN_MS)
    assert await page.page.evaluate("crossOriginIsolated")
    await page.write(0, "written on the train")
    await page.select(1)
    await page.page.keyboard.press("b")
    await page.opened(3)
    await pending(page, 2)
    banner = page.page.get_by_test_id("connection-problem")
    await expect(banner).to_have_text("The server does not answer: 2 changes are kept in this browser and sent when it is back.")
    await shoot(page.page, "reopened-offline")
    await page.page.close()

    page = await reopened(context, server, f"/nb/{notebook}")
    await page.opened(3)
    await expect(page.editor(0)).to_have_text("written on the train")
    await pending(page, 2)
    await page.page.close()

    await server.start()
    page = await reopened(context, server, f"/nb/{notebook}")
    await page.opened(3)
    await page.saved(within_s=30)
    cells = (await server.export(notebook)).cells
    assert [cell.source for cell in cells] == ["written on the train", "edited before", ""]
    assert cells[0].outputs[0].text == "on the server\n"


async def test_tabs_without_a_server_keep_to_their_own_edits_and_all_are_sent_once(
    started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    server = await served(started, tmp_path)
    notebook = await server.import_notebook("tabs", notebook_bytes("first", "second"))
    page = await open_notebook(server, notebook)
    await page.opened(2)
    await page.saved()
    await shell_kept(page.page)
    context = page.page.context
    server.kill9()
    await page.write(0, "of the one")
    await pending(page, 1)
    await page.page.evaluate(HIDE)
    other = await reopened(context, server, f"/nb/{notebook}")
    await other.opened(2)
    await expect(other.editor(0)).to_have_text("first")
    await other.write(1, "of the other")
    await pending(other, 1)
    await page.page.close()
    # The tab that is left has what the other one left.
    await pending(other, 2)
    await expect(other.editor(0)).to_have_text("of the one")
    await server.start()
    await other.saved(within_s=30)
    assert [cell.source for cell in (await server.export(notebook)).cells] == ["of the one", "of the other"]


async def test_list_without_a_server_shows_what_can_be_opened_and_other_notebooks_say_that_they_need_it_once(
    started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    server = await served(started, tmp_path)
    known = await server.import_notebook("known", notebook_bytes("first"))
    unknown = await server.import_notebook("unknown", notebook_bytes("first"))
    page = await open_notebook(server, known)
    await page.opened(1)
    await shell_kept(page.page)
    await page.page.evaluate(HIDE)
    server.kill9()
    tab = (await reopened(page.page.context, server, "/")).page
    await expect(tab.get_by_test_id("list-offline")).to_contain_text("can be opened from this browser")
    rows = tab.get_by_test_id("notebook-row")
    await expect(rows).to_have_count(1)
    await expect(rows.nth(0)).to_contain_text("known")
    await shoot(tab, "list-offline")
    await rows.nth(0).get_by_role("link").click()
    offline = NotebookPage(tab)
    await offline.opened(1)
    await expect(offline.connection()).to_contain_text("Offline", timeout=WITHIN_MS)
    await offline.runtime.click()
    await expect(tab.get_by_test_id("start-needs-server")).to_contain_text("once the server answers")

    other = await reopened(page.page.context, server, f"/nb/{unknown}")
    await expect(other.page.get_by_role("alert")).to_contain_text("was not opened in this browser before", timeout=WITHIN_MS)
    await server.start()
    await other.opened(1)


async def test_page_without_a_server_shows_html_in_a_frame_that_is_as_isolated_as_ever(
    started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    server = await served(started, tmp_path)
    notebook = await server.import_notebook("html", notebook_bytes("from IPython.display import HTML\nHTML('<b>bold</b>')"))
    server.start_agent(notebook)
    page = await open_notebook(server, notebook)
    await page.opened(1)
    await page.run(0)
    frame = page.cell(0).get_by_test_id("output-html").content_frame
    await expect(frame.locator("b")).to_have_text("bold", timeout=WITHIN_MS)
    await shell_kept(page.page)
    before = await page.page.evaluate(HEADERS, "/icon.svg")
    server.kill9()
    await page.page.evaluate(HIDE)
    page = await reopened(page.page.context, server, f"/nb/{notebook}")
    frame = page.cell(0).get_by_test_id("output-html").content_frame
    await expect(frame.locator("b")).to_have_text("bold", timeout=WITHIN_MS)
    told = await frame.locator("b").evaluate(PROBE)
    assert told == {"origin": "null", "service worker": "SecurityError", "storage": "SecurityError", "evaluates": "2", "fetch": "TypeError"}
    assert await page.page.evaluate("crossOriginIsolated")
    assert await page.page.evaluate(HEADERS, "/icon.svg") == before
    assert before["cross-origin-resource-policy"] == "same-origin"
    assert await page.page.evaluate("fetch('/api/me').then(() => 'answered', () => 'failed')") == "failed"


async def test_page_that_is_no_longer_let_in_says_so_and_goes_on_when_it_is(
    started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    server = await served(started, tmp_path)
    notebook = await server.import_notebook("refused", notebook_bytes("first"))
    page = await open_notebook(server, notebook)
    await page.opened(1)
    await page.saved()
    server.kill9()
    await page.page.context.clear_cookies()
    await page.write(0, "kept")
    await server.start()
    await expect(page.page.get_by_test_id("connection-problem")).to_contain_text("no longer lets this browser in", timeout=40_000)
    await cookie_into(page.page.context, server.url, server.cookie)
    await page.saved(within_s=40)
    assert [cell.source for cell in (await server.export(notebook)).cells] == ["kept"]


async def test_page_is_the_servers_as_soon_as_the_server_answers(started: Processes, tmp_path: Path, new_context: NewContext) -> None:
    server = await served(started, tmp_path)
    context = await new_context()
    await cookie_into(context, server.url, server.cookie)
    page = (await reopened(context, server, "/")).page
    await expect(page.get_by_test_id("notebook-list")).to_be_visible()
    await shell_kept(page)
    server.kill9()
    await page.reload()
    await expect(page.get_by_test_id("notebook-list")).to_be_visible()
    async with another_version(server.port):
        await page.reload()
        await expect(page.locator("body")).to_have_text("another version")


@asynccontextmanager
async def another_version(port: int) -> AsyncGenerator[None]:
    """Answer every request at a port with another page."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<!doctype html><title>other</title><body>another version"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield
