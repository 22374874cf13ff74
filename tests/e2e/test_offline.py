"""A page whose server is gone: it says so, keeps what is written, and sends it when the server is back."""

from pathlib import Path

import pytest
from harness.gate import Gate
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
    banner = page.page.get_by_test_id("connection-problem")
    await expect(banner).to_have_text("The server does not answer: 2 changes are kept in this browser and sent when it is back.")
    await shoot(page.page, "offline")

    await server.start()
    await page.saved(within_s=30)
    await expect(page.connection()).to_have_text("Saved")
    await expect(banner).to_have_count(0)
    assert [cell.source for cell in (await server.export(notebook)).cells] == ["written offline", "second", ""]
    other = await open_notebook(server, notebook)
    await other.opened(3)
    await expect(other.editor(0)).to_have_text("written offline")


async def test_page_shows_the_output_of_a_cell_that_ended_while_the_server_was_killed(
    started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    gate = Gate(tmp_path)
    file = tmp_path / "work.ipynb"
    file.write_bytes(notebook_bytes(f"print('before the kill')\n{gate.source}\nprint('without a server')\n'result'"))
    server = NotebookServer(started, tmp_path / "data", ("notebook", str(file)))
    await server.start()
    await server.sign_in()
    (notebook,) = await server.notebook_ids()
    page = await open_notebook(server, notebook)
    await page.run(0)
    await expect(page.stdout(0)).to_have_text("before the kill")
    server.kill9()
    gate.open()
    await expect(page.connection()).to_contain_text("Offline", timeout=15_000)

    await server.start()
    await expect(page.stdout(0)).to_have_text("before the kill\nwithout a server", timeout=40_000)
    await expect(page.cell(0).get_by_test_id("output-result")).to_have_text("'result'")
    await page.status(0, "ok")
    assert await server.stop() == 0
    assert "without a server" in file.read_text()
