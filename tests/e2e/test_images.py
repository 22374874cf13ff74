"""A page that opens a notebook for the first time begins from the server's image, and does without when that cannot be had."""

from pathlib import Path

import pytest
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NewContext, NotebookPage, cookie_into
from harness.processes import Processes
from harness.waiting import until
from playwright.async_api import expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

CELLS = 40


async def test_first_opening_begins_from_the_image_and_without_one_replays_and_says_why(
    started: Processes, tmp_path: Path, new_context: NewContext
) -> None:
    server = NotebookServer(started, tmp_path / "data")
    await server.start()
    await server.sign_in()
    notebook = await server.import_notebook("long", notebook_bytes(*(f"# {place} " + "long " * 400 for place in range(CELLS))))

    async def open_anew() -> tuple[list[int], list[str]]:
        """Open the notebook in a browser that does not know it: the answers to its requests for images, and what it warned of."""
        context = await new_context()
        await cookie_into(context, server.url, server.cookie)
        page = await context.new_page()
        answers: list[int] = []
        warned: list[str] = []
        page.on("response", lambda response: answers.append(response.status) if "/images/" in response.url else None)
        page.on("console", lambda message: warned.append(message.text) if message.type == "warning" else None)
        await page.goto(f"{server.url}/nb/{notebook}")
        opened = NotebookPage(page)
        await opened.opened(CELLS)
        await expect(opened.cell(0)).to_contain_text("# 0 ")
        await opened.saved()
        return answers, warned

    (image,) = await until(lambda: list((tmp_path / "data").rglob(f"{notebook}/*.sqlite3")) or None, within_s=20, what="an image")
    assert await open_anew() == ([200], [])
    image.unlink()
    answers, warned = await open_anew()
    assert answers == [404]
    assert [text.partition(" is left out: ")[2] for text in warned] == ["the server answered 404"]
