"""What a running runtime tells people beside outputs: completions, descriptions, variables, its memory, and where an error came from."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NotebookPage, OpenNotebook, shoot
from harness.processes import processes
from playwright.async_api import Locator, expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SETUP = """\
class Probe:
    '''Measures how deep the water is.'''
    depth = 11
    density = 1.0
probe = Probe()
lonely_whale = [1, 2, 3]
def sink():
    raise ValueError("too deep")"""
SETTLED_MS = 20_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def notebook(shared_server: NotebookServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The one notebook of these tests, with a runtime."""
    made = await shared_server.import_notebook("live", notebook_bytes(SETUP, "sink()", ""))
    with processes(tmp_path_factory.mktemp("live")) as started:
        shared_server.start_agent(made, started)
        yield made


async def opened(server: NotebookServer, notebook: str, open_notebook: OpenNotebook) -> NotebookPage:
    """Open it, run what the tests are about, and go into the last cell, which is empty."""
    page = await open_notebook(server, notebook)
    await page.opened(3)
    await expect(page.runtime).to_have_text("Ready", timeout=SETTLED_MS)
    if await page.cell(0).get_attribute("data-status") != "ok":
        await page.run(0)
        await page.status(0, "ok")
    await page.write(2, "")
    return page


def completions(page: NotebookPage) -> Locator:
    return page.page.get_by_role("listbox")


async def test_completions_open_while_people_type_and_tab_takes_one(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await opened(shared_server, notebook, open_notebook)
    keys = page.page.keyboard
    await keys.type("'🐳'; probe.de")
    await expect(completions(page).get_by_role("option")).to_have_count(2, timeout=SETTLED_MS)
    await expect(completions(page).get_by_role("option").first).to_contain_text("density")
    await shoot(page.page, "completions")
    depth = completions(page).get_by_role("option", selected=True).filter(has_text="depth")
    async with asyncio.timeout(20):
        while await depth.count() == 0:
            if await completions(page).count() == 0:  # one that had just opened takes no keys yet, and an arrow closes it
                await keys.press("Control+Space")
                await expect(completions(page)).to_be_visible()
            await keys.press("ArrowDown")
    await keys.press("Tab")
    await expect(page.editor(2)).to_have_text("'🐳'; probe.depth")


async def test_tab_writes_the_only_completion_and_escape_closes_a_list(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await opened(shared_server, notebook, open_notebook)
    keys = page.page.keyboard
    await keys.press("Tab")
    await keys.insert_text("lonely_w")
    await keys.press("Tab")
    await expect(page.editor(2)).to_have_text("    lonely_whale", timeout=SETTLED_MS)
    await keys.insert_text(".")
    await keys.press("Tab")
    await expect(completions(page)).to_be_visible(timeout=SETTLED_MS)
    await keys.press("Escape")
    await expect(completions(page)).to_have_count(0)
    await expect(page.editor(2)).to_be_focused()


async def test_shift_tab_describes_what_is_at_the_caret(shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook) -> None:
    page = await opened(shared_server, notebook, open_notebook)
    keys = page.page.keyboard
    await keys.insert_text("probe")
    await keys.press("Shift+Tab")
    description = page.page.get_by_test_id("inspection")
    await expect(description).to_contain_text("Measures how deep the water is.", timeout=SETTLED_MS)
    await shoot(page.page, "inspection")
    await keys.press("Shift+Tab")
    await expect(description.get_by_role("region")).to_be_focused()
    await keys.press("Escape")
    await expect(description).to_have_count(0)
    await expect(page.editor(2)).to_be_focused()


async def test_panel_lists_variables_and_memory_as_cells_run(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await opened(shared_server, notebook, open_notebook)
    await page.page.keyboard.insert_text("late_arrival = 7")
    await page.runtime.click()
    variables = page.page.get_by_test_id("variable")
    await expect(variables.filter(has_text="lonely_whale")).to_contain_text("list")
    await expect(page.page.get_by_test_id("runtime-memory")).to_contain_text("MB")
    await expect(page.page.get_by_test_id("runtime-cpu")).to_contain_text("%")
    await shoot(page.page, "variables")
    await page.editor(2).focus()
    await page.page.keyboard.press("ControlOrMeta+Enter")
    await expect(variables.filter(has_text="late_arrival")).to_contain_text("7")


async def test_traceback_leads_to_the_cell_that_it_names_until_that_ran_again(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await opened(shared_server, notebook, open_notebook)
    await page.run(0)
    await page.status(0, "ok")
    await page.run(1)
    await page.status(1, "error")
    links = page.cell(1).get_by_test_id("output-error").get_by_role("button")
    await expect(links).to_have_count(2)
    await shoot(page.page, "cell-links")
    await links.last.click()
    await expect(page.cell(0)).to_be_focused()
    await page.run(0)
    await expect(links).to_have_count(1)
