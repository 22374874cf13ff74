"""The list of notebooks, and files in and out through the browser."""

import base64
import re
from pathlib import Path

import pytest
from harness.notebook_server import NotebookServer, judge, make, notebook_bytes
from harness.pages import NewContext, NotebookPage, cookie_into, shoot
from playwright.async_api import Page, expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

DOT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


async def open_list(server: NotebookServer, new_context: NewContext) -> Page:
    context = await new_context()
    await cookie_into(context, server.url, server.cookie)
    page = await context.new_page()
    await page.goto(server.url)
    await expect(page.get_by_test_id("notebook-list")).to_be_visible()
    return page


async def test_notebook_is_made_renamed_in_the_list_and_deleted(shared_server: NotebookServer, new_context: NewContext) -> None:
    page = await open_list(shared_server, new_context)
    await page.get_by_test_id("new-notebook").click()
    await page.wait_for_url(re.compile("/nb/"))
    notebook = NotebookPage(page)
    title = page.get_by_test_id("notebook-title")
    await title.fill("Made by hand")
    await title.press("Enter")
    await notebook.saved()
    await page.get_by_role("link", name="All notebooks").click()
    row = page.get_by_test_id("notebook-row").filter(has_text="Made by hand")
    await expect(row).to_have_count(1)

    await row.hover()
    await row.get_by_test_id("rename-notebook").click()
    await page.get_by_role("textbox", name="Title").fill("Renamed in the list")
    await page.keyboard.press("Enter")
    row = page.get_by_test_id("notebook-row").filter(has_text="Renamed in the list")
    await expect(row).to_have_count(1)
    await shoot(page, "list")
    await row.hover()
    await row.get_by_test_id("delete-notebook").click()
    await expect(page.get_by_test_id("confirm")).to_contain_text("Renamed in the list")
    await shoot(page, "confirm")
    await page.get_by_test_id("confirm-action").click()
    await expect(row).to_have_count(0)
    await page.reload()
    await expect(page.get_by_test_id("notebook-list")).to_be_visible()
    await expect(row).to_have_count(0)


async def test_file_picked_in_the_browser_comes_back_equal(shared_server: NotebookServer, new_context: NewContext, tmp_path: Path) -> None:
    outputs = [
        make.new_output("stream", name="stdout", text="one\ntwo\n"),
        make.new_output("display_data", data={"image/png": base64.b64encode(DOT).decode(), "text/plain": "<dot>"}),
        make.new_output("execute_result", data={"text/plain": "7", "text/html": "<b>7</b>"}, execution_count=3),
    ]
    original = make.new_notebook(
        cells=[
            make.new_markdown_cell("# Brought along", id="m1"),
            make.new_code_cell("3 + 4", id="c1", execution_count=3, outputs=outputs, metadata={"tags": ["keep"]}),
            make.new_raw_cell("raw", id="r1"),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, "custom": {"deep": [1, None]}},
    )
    file = tmp_path / "brought.ipynb"
    file.write_text(judge.writes(original))
    page = await open_list(shared_server, new_context)
    await page.get_by_test_id("import-file").set_input_files(file)
    await page.wait_for_url(re.compile("/nb/"))
    notebook = NotebookPage(page)
    await notebook.opened(3)
    await expect(page.get_by_test_id("notebook-title")).to_have_value("brought")
    await expect(notebook.cell(1).get_by_test_id("output-stdout")).to_have_text("one\ntwo")
    assert await notebook.cell(1).get_by_test_id("output-image").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1

    async with page.expect_download() as downloading:
        await page.get_by_test_id("export").click()
    download = await downloading.value
    assert download.suggested_filename == "brought.ipynb"
    back = judge.read(await download.path(), as_version=4)
    judge.validate(back)
    assert back == original


async def test_file_that_is_no_notebook_is_refused_with_its_place(
    shared_server: NotebookServer, new_context: NewContext, tmp_path: Path
) -> None:
    file = tmp_path / "broken.ipynb"
    file.write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "poem"}]}')
    page = await open_list(shared_server, new_context)
    before = await shared_server.notebook_ids()
    await page.get_by_test_id("import-file").set_input_files(file)
    await expect(page.get_by_role("alert")).to_contain_text("Could not import “broken.ipynb”")
    await expect(page.get_by_role("alert")).to_contain_text("cells[0].cell_type: must be one of code, markdown, raw")
    await shoot(page, "import-refused")
    assert await shared_server.notebook_ids() == before


async def test_page_without_a_session_shows_how_to_get_one_and_no_notebook(shared_server: NotebookServer, new_context: NewContext) -> None:
    notebook = await shared_server.import_notebook("private", notebook_bytes("secret = 1"))
    page = await (await new_context()).new_page()
    await page.goto(f"{shared_server.url}/nb/{notebook}")
    await expect(page.get_by_test_id("signed-out")).to_contain_text("the link that runt notebook or runt serve printed")
    await shoot(page, "signed-out")
    assert "secret" not in await page.content()


async def test_start_link_works_once(shared_server: NotebookServer, new_context: NewContext) -> None:
    page = await (await new_context()).new_page()
    await page.goto(shared_server.link)
    await expect(page.get_by_role("alert")).to_contain_text("used already")
