"""From the command's link to a result: what a person does in the first minute."""

import shutil
from pathlib import Path

import pytest
from harness.notebook_server import NotebookServer
from harness.pages import NewContext, NotebookPage, shoot
from harness.processes import Processes
from playwright.async_api import expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

EXAMPLES = Path(__file__).parents[2] / "examples"


async def test_quickstart_shows_its_figure_and_its_table(started: Processes, tmp_path: Path, new_context: NewContext) -> None:
    examples = tmp_path / "examples"
    shutil.copytree(EXAMPLES, examples)
    server = NotebookServer(started, tmp_path / "data", ("notebook", str(examples / "quickstart.ipynb")))
    await server.start()
    page = await (await new_context()).new_page()
    await page.goto(server.link)
    notebook = NotebookPage(page)
    await notebook.opened(10)
    assert "#t=" not in page.url

    await notebook.run_all()
    await notebook.status(8, "ok", within_s=60)
    figure = notebook.cell(5).get_by_test_id("output-image")
    await figure.scroll_into_view_if_needed()
    await expect(figure).to_be_visible()
    width, height = await figure.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])")
    assert (width > 400, height > 150) == (True, True)
    table = notebook.cell(3).get_by_test_id("output-html")
    await table.scroll_into_view_if_needed()
    await expect(table.content_frame.locator("th", has_text="Gentoo")).to_be_visible()
    assert await table.content_frame.locator("tbody tr").count() == 3
    await shoot(page, "quickstart")

    assert await server.stop() == 0
    saved = (examples / "quickstart.ipynb").read_text()
    assert "image/png" in saved
