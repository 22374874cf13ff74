"""A page whose server is gone: it says so, keeps what is written, and sends it when the server is back."""

from pathlib import Path

import pytest
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import OpenNotebook, shoot
from harness.processes import Processes
from playwright.async_api import expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_edits_made_while_the_server_is_gone_are_kept_and_sent_when_it_is_back(
    started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    server = NotebookServer(started, tmp_path / "data")
    await server.start()
    await server.sign_in()
    notebook = await server.import_notebook("offline", notebook_bytes("first", "second"))
    page = await open_notebook(server, notebook)
    await page.opened(2)
    await page.saved()
    server.kill9()
    await expect(page.connection()).to_contain_text("Offline", timeout=15_000)
    await page.write(0, "written offline")
    await page.select(1)
    await page.page.keyboard.press("b")
    await page.opened(3)
    await expect(page.connection()).to_contain_text("changes kept")
    await shoot(page.page, "offline")

    await server.start()
    await page.saved(within_s=30)
    await expect(page.connection()).to_have_text("Saved")
    assert [cell.source for cell in (await server.export(notebook)).cells] == ["written offline", "second", ""]
    other = await open_notebook(server, notebook)
    await other.opened(3)
    await expect(other.editor(0)).to_have_text("written offline")
