"""A runtime in the tab as people meet it: found from a waiting cell, followed while it starts, and told of when it fails or is replaced."""

import re

import pytest
from harness.notebook_server import NotebookServer
from harness.pages import NotebookPage, OpenNotebook, open_cells, shoot
from harness.processes import Processes
from playwright.async_api import Locator, Request, Route, expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

STARTED_MS = 60_000
DISTRIBUTION = re.compile(r"/pyodide/")


def chip(page: NotebookPage) -> Locator:
    return page.page.get_by_test_id("runtime-status")


async def test_waiting_cell_is_one_click_from_python_in_this_browser(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    _, page = await open_cells(shared_server, open_notebook, "6 * 7")
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.page.on("request", note)
    await page.select(0)
    await page.page.keyboard.press("Control+Enter")
    hint = page.cell(0).get_by_test_id("start-in-browser-hint")
    await expect(hint).to_have_text("Start in this browser")
    assert not [url for url in asked if "pyodide" in url or "runtime-frame" in url]

    await hint.click()
    await expect(page.cell(0)).to_be_focused()
    await expect(page.cell(0).get_by_test_id("output-result")).to_have_text("42", timeout=STARTED_MS)
    await expect(chip(page)).to_have_text("Ready")
    await chip(page).click()
    await expect(page.page.get_by_test_id("runtime-where")).to_have_text("In this browser")
    await expect(page.page.get_by_test_id("browser-runtime-not-isolated")).to_have_count(0)
    await shoot(page.page, "browser-ready")


async def test_start_can_be_cancelled_and_begun_again(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    _, page = await open_cells(shared_server, open_notebook, "'there'")

    async def hold(_: Route) -> None:
        """Answer nothing: the page gives the request up."""

    await page.page.route(DISTRIBUTION, hold)
    await chip(page).click()
    await shoot(page.page, "browser-off")
    await page.page.get_by_test_id("start-in-browser").click()
    await expect(page.page.get_by_test_id("browser-runtime-progress")).to_be_visible()
    await expect(chip(page)).to_contain_text("Starting…")
    await expect(page.page.get_by_test_id("runtime-panel")).to_be_focused()
    await shoot(page.page, "browser-loading")
    await page.page.get_by_test_id("browser-runtime-cancel").click()
    await expect(chip(page)).to_have_text("No runtime")

    await page.page.unroute(DISTRIBUTION)
    await page.page.get_by_test_id("start-in-browser").click()
    await expect(chip(page)).to_have_text("Ready", timeout=STARTED_MS)
    await page.page.keyboard.press("Escape")
    await expect(chip(page)).to_be_focused()
    await page.run(0)
    await expect(page.cell(0).get_by_test_id("output-result")).to_have_text("'there'")


async def test_failed_start_says_why_and_can_be_tried_again(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    _, page = await open_cells(shared_server, open_notebook, "1")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=503, body="away")

    await page.page.route(DISTRIBUTION, refuse)
    await page.run(0)
    await page.cell(0).get_by_test_id("start-in-browser-hint").click()
    await expect(page.cell(0).get_by_test_id("cell-note")).to_contain_text("The runtime in this browser failed", timeout=STARTED_MS)
    await page.cell(0).get_by_test_id("runtime-help").click()
    error = page.page.get_by_test_id("browser-runtime-error")
    await expect(error.get_by_role("alert")).to_contain_text("503")
    await shoot(page.page, "browser-failed")

    await page.page.unroute(DISTRIBUTION)
    await page.page.get_by_test_id("browser-runtime-retry").click()
    await page.status(0, "ok", within_s=STARTED_MS / 1000)
    await expect(error).to_have_count(0)


async def test_runtime_in_this_tab_is_stopped_from_the_panel(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    _, page = await open_cells(shared_server, open_notebook, "kept = 1", "kept")
    await page.run(0)
    await page.cell(0).get_by_test_id("start-in-browser-hint").click()
    await page.status(0, "ok", within_s=STARTED_MS / 1000)
    await page.page.get_by_test_id("restart").click()
    await page.page.get_by_test_id("confirm-action").click()
    await page.run(1)
    await page.status(1, "error", within_s=STARTED_MS / 1000)
    await expect(page.cell(1).locator(".error-name")).to_have_text("NameError")
    await chip(page).click()
    await page.page.get_by_test_id("runtime-stop").click()
    await page.page.get_by_test_id("confirm-action").click()
    await expect(chip(page)).to_have_attribute("data-status", "terminated")
    await expect(chip(page)).to_have_text("No runtime")
    await chip(page).click()
    await expect(page.page.get_by_test_id("start-in-browser")).to_be_visible()


async def test_second_tab_that_takes_over_is_told_in_the_first(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook, one = await open_cells(shared_server, open_notebook, "'ran'")
    await one.run(0)
    await one.cell(0).get_by_test_id("start-in-browser-hint").click()
    await one.status(0, "ok", within_s=STARTED_MS / 1000)

    other = await open_notebook(shared_server, notebook)
    await chip(other).click()
    await other.page.get_by_test_id("run-in-browser-instead").click()
    notice = one.page.get_by_test_id("notice")
    await expect(notice).to_contain_text("Another runtime took over", timeout=STARTED_MS)
    await expect(chip(other)).to_have_text("Ready", timeout=STARTED_MS)
    await chip(one).click()
    await expect(one.page.get_by_test_id("browser-runtime-ended")).to_contain_text("Its variables are gone.")
    await expect(one.page.get_by_test_id("runtime-where")).to_have_count(0)
    await shoot(one.page, "browser-displaced")

    await one.page.get_by_test_id("notice-action").click()
    await expect(other.page.get_by_test_id("notice")).to_contain_text("Another runtime took over", timeout=STARTED_MS)
    await expect(notice).to_have_count(0)


async def test_taking_over_from_work_that_runs_elsewhere_is_asked_about(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook, page = await open_cells(shared_server, open_notebook, "print('begun')\nwhile True: pass", "'here'")
    shared_server.start_agent(notebook, started)
    await page.run(0)
    await expect(page.stdout(0)).to_have_text("begun")
    await chip(page).click()
    await page.page.get_by_test_id("run-in-browser-instead").click()
    await shoot(page.page, "browser-take-over")
    await page.page.get_by_test_id("confirm-action").click()
    await page.status(0, "lost", within_s=STARTED_MS / 1000)
    await expect(page.cell(0).get_by_test_id("cell-note")).to_contain_text("Another runtime took over while this ran.")
    await page.run(1)
    await expect(page.cell(1).get_by_test_id("output-result")).to_have_text("'here'", timeout=STARTED_MS)
