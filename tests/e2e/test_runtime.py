"""The runtime as people see it: started with the notebook, restarted and stopped on demand, and its death told in words."""

import json
import os
import signal
from pathlib import Path

import pytest
from harness.gate import Gate
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NotebookPage, OpenNotebook, shoot
from harness.processes import Processes
from playwright.async_api import expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def open_file(started: Processes, folder: Path, open_notebook: OpenNotebook, *cells: str) -> tuple[NotebookServer, str, NotebookPage]:
    """Run `runt notebook FILE` and open its page."""
    file = folder / "work.ipynb"
    file.write_bytes(notebook_bytes(*cells))
    server = NotebookServer(started, folder / "data", ("notebook", str(file)))
    await server.start()
    await server.sign_in()
    (notebook,) = await server.notebook_ids()
    page = await open_notebook(server, notebook)
    await page.opened(len(cells))
    return server, notebook, page


async def test_restart_forgets_variables_and_keeps_what_was_shown(started: Processes, tmp_path: Path, open_notebook: OpenNotebook) -> None:
    server, _, page = await open_file(started, tmp_path, open_notebook, "x = 1\nprint('set')", "x")
    runtime = page.page.get_by_test_id("runtime-status")
    await page.run_all()
    await expect(page.cell(1).get_by_test_id("output-result")).to_have_text("1")
    await page.page.get_by_test_id("restart").click()
    await shoot(page.page, "restart")
    await page.page.get_by_test_id("confirm-action").click()
    await expect(page.stdout(0)).to_have_text("set")
    await page.run(1)
    await page.status(1, "error")
    await expect(page.cell(1).locator(".error-name")).to_have_text("NameError")
    await expect(runtime).to_have_attribute("data-status", "ready")
    await expect(page.cell(1).get_by_test_id("execution-count")).to_have_text("[1]")
    assert await server.stop() == 0


async def test_stopped_runtime_is_shown_and_a_new_one_runs_what_waits(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await shared_server.import_notebook("stopped", notebook_bytes("6 * 7"))
    page = await open_notebook(shared_server, notebook)
    runtime = page.page.get_by_test_id("runtime-status")
    await expect(runtime).to_have_text("No runtime")
    await page.run(0)
    await expect(page.cell(0).get_by_test_id("cell-note")).to_contain_text("Waiting for a runtime")
    await runtime.click()
    await expect(page.page.get_by_test_id("agent-command")).to_contain_text(f"--notebook {notebook}")
    await shoot(page.page, "no-runtime")
    await runtime.click()
    agent = shared_server.start_agent(notebook, started)
    await expect(page.cell(0).get_by_test_id("output-result")).to_have_text("42")
    await runtime.click()
    await shoot(page.page, "runtime-panel")
    await page.page.get_by_test_id("runtime-stop").click()
    await page.page.get_by_test_id("confirm-action").click()
    await expect(runtime).to_have_attribute("data-status", "terminated")
    assert await agent.ended(20) == 0


async def test_death_of_the_runtime_is_told_at_the_cell_which_can_be_run_again(
    started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    server, notebook, page = await open_file(started, tmp_path, open_notebook, f"print('begun')\n{Gate(tmp_path).source}", "1 + 1")
    await page.run(0)
    await expect(page.stdout(0)).to_have_text("begun")
    os.kill(json.loads((server.data / "agents" / f"{notebook}.json").read_text())["pid"], signal.SIGKILL)
    await page.status(0, "lost")
    await expect(page.cell(0).get_by_test_id("cell-note")).to_contain_text("The runtime stopped while this ran.")
    await expect(page.stdout(0)).to_have_text("begun")
    await shoot(page.page, "lost")
    await page.run(1)
    await expect(page.cell(1).get_by_test_id("output-result")).to_have_text("2")
    Gate(tmp_path).open()
    await page.cell(0).get_by_test_id("run-again").click()
    await page.status(0, "ok")
    await expect(page.cell(0).get_by_test_id("cell-note")).to_have_count(0)
    assert await server.stop() == 0
