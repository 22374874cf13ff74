"""Cells that run: output is seen by everybody while it comes, outlives every page, and stops when somebody says stop."""

import asyncio
from pathlib import Path

import pytest
from harness.gate import Gate
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import OpenNotebook, shoot
from harness.processes import Processes
from harness.waiting import until_rows
from playwright.async_api import expect

from runtime_schema.queries import EXECUTIONS

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

TICKS = "import time\nfor tick in range(20):\n    print(f'tick {tick}')\n    time.sleep(0.5)\nprint('done')"
ALL_TICKS = "".join(f"tick {tick}\n" for tick in range(20)) + "done"
STOP_AND_MEASURE = """cell => new Promise(done => {
  const began = performance.now();
  const look = () => {
    if (!["queued", "running", "cancelling"].includes(cell.dataset.status)) done(performance.now() - began);
  };
  new MutationObserver(look).observe(cell, { attributes: true });
  cell.querySelector("[data-testid=stop-cell]").click();
})"""


async def make_notebook(server: NotebookServer, *cells: str | tuple[str, str]) -> str:
    return await server.import_notebook("running", notebook_bytes(*cells))


async def test_second_browser_sees_output_while_the_cell_still_runs(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    notebook = await make_notebook(shared_server, f"print('before the gate')\n{gate.source}\nprint('behind the gate')")
    one, other = await open_notebook(shared_server, notebook), await open_notebook(shared_server, notebook)
    shared_server.start_agent(notebook, started)
    await one.run(0)

    await expect(other.stdout(0)).to_have_text("before the gate")
    await other.status(0, "running")
    await shoot(other.page, "running")
    gate.open()
    await expect(other.stdout(0)).to_have_text("before the gate\nbehind the gate")
    await other.status(0, "ok")
    await one.status(0, "ok")


async def test_cell_that_ran_while_no_page_was_open_shows_its_full_output(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await make_notebook(shared_server, TICKS)
    shared_server.start_agent(notebook, started)
    pages = [await open_notebook(shared_server, notebook), await open_notebook(shared_server, notebook)]
    await pages[0].run(0)
    await expect(pages[1].stdout(0)).to_contain_text("tick 1")
    for page in pages:
        await page.page.context.close()

    store = await shared_server.store(notebook)
    try:
        assert [row.status for row in store.query(EXECUTIONS)] == ["running"]
        await until_rows(store, EXECUTIONS, lambda rows: rows[0].status == "ok", within_s=20, what="the end of the cell")
    finally:
        await store.close()
    again = await open_notebook(shared_server, notebook)
    await again.status(0, "ok")
    await expect(again.stdout(0)).to_have_text(ALL_TICKS)


async def test_page_opened_in_mid_cell_shows_what_was_and_what_comes(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    notebook = await make_notebook(shared_server, f"print('early')\n{gate.source}\nprint('late')\n'value'")
    shared_server.start_agent(notebook, started)
    first = await open_notebook(shared_server, notebook)
    await first.run(0)
    await expect(first.stdout(0)).to_have_text("early")
    await first.page.context.close()
    second = await open_notebook(shared_server, notebook)
    await expect(second.stdout(0)).to_have_text("early")
    await second.status(0, "running")
    gate.open()
    await expect(second.stdout(0)).to_have_text("early\nlate")
    await expect(second.cell(0).get_by_test_id("output-result")).to_have_text("'value'")


async def test_reload_keeps_sources_outputs_and_counts(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await make_notebook(shared_server, "x = 20", "print('x is', x)\nx + 1")
    shared_server.start_agent(notebook, started)
    one = await open_notebook(shared_server, notebook)
    await one.opened(2)
    await one.write(0, "x = 41")
    await one.run_all()
    await one.status(1, "ok")
    await one.saved()
    await one.page.reload()
    await one.opened(2)
    await expect(one.editor(0)).to_have_text("x = 41")
    await expect(one.stdout(1)).to_have_text("x is 41")
    await expect(one.cell(1).get_by_test_id("output-result")).to_have_text("42")
    await expect(one.cell(1).get_by_test_id("execution-count")).to_have_text("[2]")


async def test_two_people_who_edit_different_cells_at_once_lose_nothing(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook = await make_notebook(shared_server, "", "")
    one, other = await open_notebook(shared_server, notebook), await open_notebook(shared_server, notebook)
    texts = ["first = " + "1234567890" * 4, "second = " + "abcdefghij" * 4]
    await one.opened(2)
    await other.opened(2)
    await one.editor(0).click()
    await other.editor(1).click()
    await asyncio.gather(one.page.keyboard.type(texts[0], delay=15), other.page.keyboard.type(texts[1], delay=15))

    for page in (one, other):
        await expect(page.editor(0)).to_have_text(texts[0])
        await expect(page.editor(1)).to_have_text(texts[1])
        await page.saved()
    assert [cell.source for cell in (await shared_server.export(notebook)).cells] == texts


async def test_stop_interrupts_an_endless_loop_within_a_second(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await make_notebook(shared_server, "kept = 'still here'\nprint('looping')\nwhile True: pass", "kept")
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.run(0)
    await expect(page.stdout(0)).to_have_text("looping")
    took_ms = await page.cell(0).evaluate(STOP_AND_MEASURE)
    await shoot(page.page, "stopped")
    await page.status(0, "cancelled")
    assert took_ms < 1000
    await expect(page.cell(0).get_by_test_id("output-interrupt").locator("summary")).to_have_text("Interrupted at line 3")
    await expect(page.cell(0).get_by_test_id("output-error")).to_have_count(0)
    await page.run(1)
    await expect(page.cell(1).get_by_test_id("output-result")).to_have_text("'still here'")


async def test_run_all_stops_at_the_first_error_and_says_so(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await make_notebook(
        shared_server, "print('fine')", "def reciprocal(n):\n    return 1 / n\n\nreciprocal(0)", "print('never')"
    )
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.opened(3)
    await page.run_all()
    await page.status(1, "error")
    error = page.cell(1).get_by_test_id("output-error")
    await expect(error.locator(".error-name")).to_have_text("ZeroDivisionError")
    await expect(error).to_contain_text("division by zero")
    await expect(error.locator(".terminal")).to_contain_text("return 1 / n")
    await page.status(2, "cancelled")
    await expect(page.cell(2).get_by_test_id("cell-note")).to_have_text("Not run: a cell before it in this run failed or was stopped.")
    await expect(page.cell(2).get_by_test_id("outputs")).to_have_count(0)
    await shoot(page.page, "error")


async def test_of_many_cells_those_out_of_sight_follow_when_they_are_looked_at(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    notebook = await make_notebook(shared_server, gate.source, *(["1"] * 150))
    page = await open_notebook(shared_server, notebook)
    await page.opened(151)
    shared_server.start_agent(notebook, started)
    await page.run_all()
    await expect(page.cell(1).get_by_test_id("queue-position")).to_have_text("#1")
    gate.open()
    await expect(page.runtime).to_have_attribute("data-busy", "false", timeout=60_000)
    await page.status(10, "ok")
    await expect(page.cell(150)).not_to_have_attribute("data-status", "ok")
    await page.status(150, "ok")
    await expect(page.cell(150).get_by_test_id("execution-count")).to_have_text("[151]")
