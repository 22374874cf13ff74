"""The keys that people's fingers know from Jupyter, pressed in a real page."""

import pytest
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NotebookPage, OpenNotebook, shoot
from harness.processes import Processes
from playwright.async_api import expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def expect_sources(page: NotebookPage, *sources: str) -> None:
    await page.opened(len(sources))
    for place, source in enumerate(sources):
        await expect(page.editor(place)).to_have_text(source)


async def test_shift_enter_runs_a_cell_and_goes_to_the_next_and_makes_one_at_the_end(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await shared_server.import_notebook("keys", notebook_bytes("x = 1", "x + 1"))
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.opened(2)
    await page.editor(0).click()
    await page.page.keyboard.press("Shift+Enter")
    await expect(page.cell(1)).to_have_attribute("aria-current", "true")
    await page.page.keyboard.press("Shift+Enter")
    await page.opened(3)
    await expect(page.cell(2)).to_have_attribute("aria-current", "true")
    await expect(page.cell(1).get_by_test_id("output-result")).to_have_text("2")
    await expect(page.editor(2)).to_be_focused()
    await page.page.keyboard.insert_text("x + 2")
    await page.page.keyboard.press("ControlOrMeta+Enter")
    await expect(page.cell(2).get_by_test_id("output-result")).to_have_text("3")
    await page.opened(3)


async def test_a_and_b_insert_and_dd_deletes_and_z_brings_back(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook = await shared_server.import_notebook("keys", notebook_bytes("middle"))
    page = await open_notebook(shared_server, notebook)
    keys = page.page.keyboard
    await page.opened(1)
    await page.select(0)
    await keys.press("b")
    await expect_sources(page, "middle", "")
    await expect(page.cell(1)).to_have_attribute("aria-current", "true")
    await keys.press("k")
    await keys.press("a")
    await expect_sources(page, "", "middle", "")
    await keys.press("j")
    await expect(page.cell(1)).to_have_attribute("aria-current", "true")
    await keys.press("d")
    await keys.press("d")
    await expect_sources(page, "", "")
    await keys.press("z")
    await expect_sources(page, "", "middle", "")
    await page.saved()
    assert [cell.source for cell in (await shared_server.export(notebook)).cells] == ["", "middle", ""]


async def test_m_and_y_turn_a_cell_into_markdown_and_back(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook = await shared_server.import_notebook("keys", notebook_bytes("# Heading"))
    page = await open_notebook(shared_server, notebook)
    await page.opened(1)
    await page.select(0)
    await page.page.keyboard.press("m")
    await expect(page.cell(0).get_by_test_id("markdown-rendered").locator("h1")).to_have_text("Heading")
    await page.page.keyboard.press("y")
    await expect(page.editor(0)).to_have_text("# Heading")
    await expect(page.cell(0)).to_have_attribute("data-cell-type", "code")


async def test_markdown_is_edited_by_enter_and_rendered_by_shift_enter(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    source = "# Title\n\n**bold** and $x^2$\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<script>window.stolen = 1</script>"
    notebook = await shared_server.import_notebook("markdown", notebook_bytes(("markdown", "old"), "1"))
    page = await open_notebook(shared_server, notebook)
    await page.opened(2)
    await page.select(0)
    await page.page.keyboard.press("Enter")
    await expect(page.editor(0)).to_be_focused()
    await page.page.keyboard.press("ControlOrMeta+a")
    await page.page.keyboard.insert_text(source)
    await page.page.keyboard.press("Shift+Enter")
    rendered = page.cell(0).get_by_test_id("markdown-rendered")
    await expect(rendered.locator("h1")).to_have_text("Title")
    await expect(rendered.locator("strong")).to_have_text("bold")
    await expect(rendered.locator("td").first).to_have_text("1")
    await expect(rendered.locator(".katex").first).to_be_visible()
    assert await page.page.evaluate("window.stolen") is None
    await shoot(page.page, "markdown")
    await page.saved()
    assert (await shared_server.export(notebook)).cells[0].source == source


async def test_h_shows_the_keys_and_escape_hides_them(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook = await shared_server.import_notebook("help", notebook_bytes("1"))
    page = await open_notebook(shared_server, notebook)
    await page.opened(1)
    await page.select(0)
    await page.page.keyboard.press("h")
    dialog = page.page.get_by_role("dialog", name="Keys")
    await expect(dialog).to_contain_text("Run the cell, go to the next")
    await shoot(page.page, "keys")
    await page.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_letters_typed_into_an_editor_are_text_and_not_commands(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook = await shared_server.import_notebook("typing", notebook_bytes(""))
    page = await open_notebook(shared_server, notebook)
    await page.opened(1)
    await page.editor(0).click()
    await page.page.keyboard.type("add = abs")
    await expect_sources(page, "add = abs")
    await page.page.keyboard.press("Escape")
    await page.page.keyboard.press("b")
    await expect_sources(page, "add = abs", "")
