"""A runtime in the page and others take turns: a second tab, one on the host in mid-queue, another kind, and the server after an outage."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness.clocked_server import ClockedServer
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NotebookPage, OpenNotebook, open_cells
from harness.processes import Processes
from harness.tcp_proxy import TcpProxy
from harness.waiting import until, until_rows
from playwright.async_api import expect

from runtime_node.exit_codes import ExitCode
from runtime_schema.events import ExecutionRequested
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.queries import ACTIVE_SESSION, ALL_CHUNKS, ALL_OUTPUTS, EXECUTIONS, LATEST_SESSION, ChunkRow
from runtime_store import Store

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

STARTED_S = 60
ENDLESS = "print('begun')\nwhile True: pass"
TICKS = 60
TICKING = f"import time\nfor tick in range({TICKS}):\n    print(tick)\n    time.sleep(0.1)"


def text_of(rows: Sequence[ChunkRow]) -> str:
    return "".join(row.text for row in rows)


async def take_over(page: NotebookPage) -> None:
    """Press "Run in this browser instead" while another runtime has work, and agree to what it says."""
    await page.runtime.click()
    await page.page.get_by_test_id("run-in-browser-instead").click()
    await page.page.get_by_test_id("confirm-action").click()


async def test_second_tab_takes_over_and_the_first_stops_its_busy_worker(
    shared_server: NotebookServer, open_notebook: OpenNotebook
) -> None:
    notebook, first = await open_cells(shared_server, open_notebook, ENDLESS, "'next'")
    await first.start_in_browser()
    await first.run(0)
    await expect(first.stdout(0)).to_have_text("begun")
    assert (await first.page.locator("iframe").count(), len(first.page.workers)) == (1, 1)

    second = await open_notebook(shared_server, notebook, context=first.page.context)
    await take_over(second)
    await expect(first.page.get_by_test_id("notice")).to_contain_text("Another runtime took over", timeout=STARTED_S * 1000)
    await expect(first.runtime).to_have_attribute("data-browser", "off")
    await expect(first.page.locator("iframe")).to_have_count(0)
    await until(lambda: not first.page.workers, within_s=20, what="the end of the first tab's worker")
    await expect(second.runtime).to_have_attribute("data-browser", "ready", timeout=STARTED_S * 1000)
    await second.status(0, "lost")
    await first.run(1)
    await expect(first.cell(1).get_by_test_id("output-result")).to_have_text("'next'")
    assert (len(first.page.workers), len(second.page.workers)) == (0, 1)


def make_cell(place: int, ledger: Path, then: str) -> str:
    """Make a cell that tells where it runs and what has run there before it; on the host it also writes its number down."""
    return "\n".join(
        [
            "import sys, time",
            "where = 'page' if sys.platform == 'emscripten' else 'host'",
            "ran = globals().setdefault('ran', [])",
            f"ran.append({place})",
            f"if where == 'host':\n    with open({str(ledger)!r}, 'a') as ledger: ledger.write('{place} ')",
            f"print(where, {place}, ran, flush=True)",
            then,
        ]
    )


def request_all(store: Store, cells: Sequence[str], first: int = 0) -> None:
    for place, source in enumerate(cells, first):
        store.commit(ExecutionRequested(execution_id=ExecutionId(f"x{place}"), cell_id=CellId(f"c{place}"), source=source, requested_ms=0))


async def has_printed(store: Store, line: str) -> None:
    """Wait for the line of a cell."""
    await until_rows(store, ALL_CHUNKS, lambda rows: line in text_of(rows), within_s=STARTED_S, what=f"{line!r} from a cell")


async def all_ended(store: Store) -> dict[str, tuple[str, str | None]]:
    """Wait until nothing is open; gives how each execution ended."""
    rows = await until_rows(
        store,
        EXECUTIONS,
        lambda rows: all(row.status in ("ok", "error", "cancelled", "lost") for row in rows),
        within_s=STARTED_S,
        what="the end of all",
    )
    return {row.id: (row.status, row.reason) for row in rows}


def lines_by_execution(store: Store) -> dict[str, str]:
    executions = {row.id: row.execution_id for row in store.query(ALL_OUTPUTS)}
    lines = dict.fromkeys((row.id for row in store.query(EXECUTIONS)), "")
    for chunk in store.query(ALL_CHUNKS):
        lines[executions[chunk.output_id]] += chunk.text
    return lines


async def test_host_and_page_hand_over_both_ways_in_the_middle_of_a_cell(
    shared_server: NotebookServer, started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    ledger = tmp_path / "ledger"
    stays = {3: "while where == 'host': time.sleep(0.02)", 6: "while where == 'page': time.sleep(0.02)"}
    cells = [make_cell(place, ledger, stays.get(place, "")) for place in range(10)]
    notebook, page = await open_cells(shared_server, open_notebook, *cells)
    store = await shared_server.store(notebook)
    host = shared_server.start_agent(notebook, started)
    request_all(store, cells)
    await has_printed(store, "host 3")
    await take_over(page)
    await has_printed(store, "page 6")
    shared_server.start_agent(notebook, started, take_over=True)

    ends = await all_ended(store)
    lost = ("lost", "displaced")
    assert ends == {f"x{place}": lost if place in stays else ("ok", None) for place in range(10)}
    expected = ["host 0 [0]", "host 1 [0, 1]", "host 2 [0, 1, 2]", "host 3 [0, 1, 2, 3]"]
    expected += ["page 4 [4]", "page 5 [4, 5]", "page 6 [4, 5, 6]", "host 7 [7]", "host 8 [7, 8]", "host 9 [7, 8, 9]"]
    assert list(lines_by_execution(store).values()) == [f"{line}\n" for line in expected]
    assert ledger.read_text() == "0 1 2 3 7 8 9 "
    assert await host.ended(20) == ExitCode.DISPLACED
    await expect(page.page.get_by_test_id("notice")).to_contain_text("Another runtime took over")
    await expect(page.page.locator("iframe")).to_have_count(0)
    await store.close()


async def test_handover_at_any_moment_runs_nothing_twice_and_loses_no_request(
    shared_server: NotebookServer, started: Processes, tmp_path: Path, open_notebook: OpenNotebook
) -> None:
    """No cell waits for a takeover here: it meets one that runs, or the moment between two."""
    ledger = tmp_path / "ledger"
    places = range(120)
    pace = "time.sleep(0.3 if where == 'page' else 0.1)"
    cells = [make_cell(place, ledger, pace if place % 2 else "") for place in places]
    notebook, page = await open_cells(shared_server, open_notebook, *cells)
    store = await shared_server.store(notebook)
    shared_server.start_agent(notebook, started)
    [host] = await until_rows(
        store, ACTIVE_SESSION, lambda rows: bool(rows) and rows[0].status == "ready", within_s=30, what="the host's runtime"
    )
    await page.runtime.click()
    await page.page.get_by_test_id("run-in-browser-instead").click()
    await expect(page.runtime).to_have_attribute("data-browser", "starting", timeout=STARTED_S * 1000)
    # Half of them are asked for when the page is there: however slowly it starts, the host leaves it some.
    request_all(store, cells[:60])
    await until_rows(
        store,
        ACTIVE_SESSION,
        lambda rows: bool(rows) and rows[0].session_id != host.session_id,
        within_s=STARTED_S,
        what="the page's runtime",
    )
    request_all(store, cells[60:], 60)
    await has_printed(store, "page ")
    shared_server.start_agent(notebook, started, take_over=True)

    ends = await all_ended(store)
    lost = [execution for execution, end in ends.items() if end != ("ok", None)]
    assert [ends[execution] for execution in lost] in ([], [("lost", "displaced")], [("lost", "displaced")] * 2)
    lines = lines_by_execution(store)
    assert all(line.count("\n") == 1 or execution in lost for execution, line in lines.items()), lines
    assert lines["x0"].startswith("host")
    assert lines["x119"].startswith("host")
    on_host = [int(place) for place in ledger.read_text().split()]
    on_page = [int(place) for place in re.findall(r"page \d+ \[(.*)\]", "".join(lines.values()))[-1].split(", ")]
    assert len({*on_host, *on_page}) == len(on_host) + len(on_page)
    assert {place for place in places if f"x{place}" not in lost} <= {*on_host, *on_page}
    await store.close()


@asynccontextmanager
async def behind_proxy(started: Processes, folder: Path) -> AsyncGenerator[tuple[ClockedServer, TcpProxy]]:
    """Start a server whose clock moves, and the network to it."""
    server = ClockedServer(started, folder / "data")
    await server.start()
    await server.sign_in()
    proxy = TcpProxy(server.port)
    await proxy.start()
    yield server, proxy
    await proxy.stop()
    await server.stop()


@pytest.mark.parametrize("outage", ["short", "longer-than-the-lease"])
async def test_cell_runs_on_in_a_page_without_network_and_loses_nothing(
    started: Processes, tmp_path: Path, open_notebook: OpenNotebook, outage: str
) -> None:
    async with behind_proxy(started, tmp_path) as (server, proxy):
        notebook = await server.import_notebook("tunnel", notebook_bytes(TICKING, "tick"))
        page = await open_notebook(server, notebook, url=proxy.url)
        await page.opened(2)
        await page.start_in_browser()
        await page.run(0)
        store = await server.store(notebook)
        await has_printed(store, "1\n")
        before = store.query(LATEST_SESSION)[0]
        states: list[str] = []
        end = store.subscribe(LATEST_SESSION, lambda rows: states.append(rows[0].status))
        proxy.cut()
        await expect(page.connection()).to_contain_text("Offline")
        await server.catch_up(store, notebook)
        known = len(text_of(store.query(ALL_CHUNKS)).split())
        await expect(page.stdout(0)).to_contain_text(f"\n{known + 10}\n")
        if outage != "short":
            await expect(page.stdout(0)).to_contain_text(f"\n{TICKS - 1}")
            await page.status(0, "ok")
            server.put_ahead(31)
            await until_rows(store, LATEST_SESSION, lambda rows: rows[0].status == "unreachable", within_s=20, what="the lease's end")
        assert text_of(store.query(ALL_CHUNKS)).split() == [str(tick) for tick in range(known)]
        proxy.heal()

        await page.saved(within_s=40)
        await all_ended(store)
        assert text_of(store.query(ALL_CHUNKS)) == "".join(f"{tick}\n" for tick in range(TICKS))
        assert [(row.status, row.reason) for row in store.query(EXECUTIONS)] == [("ok", None)]
        await until_rows(store, LATEST_SESSION, lambda rows: rows == [before], within_s=20, what="the same session as before")
        assert ("unreachable" in states) == (outage != "short")
        await page.run(1)
        await expect(page.cell(1).get_by_test_id("output-result")).to_have_text(str(TICKS - 1))
        end()
        await store.close()


async def test_other_kinds_of_runtime_run_in_the_page_too(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook, page = await open_cells(shared_server, open_notebook, "<b>bold</b> &amp; plain", "6 * 7")
    result = page.cell(1).get_by_test_id("output-result")

    async def stop() -> None:
        await page.runtime.click()
        await page.page.get_by_test_id("runtime-stop").click()
        await page.page.get_by_test_id("confirm-action").click()
        await expect(page.runtime).to_have_text("No runtime")
        await page.page.keyboard.press("Escape")

    await page.start_in_browser("html")
    await page.run(0)
    await expect(page.cell(0).get_by_test_id("output-html").content_frame.locator("body")).to_have_text("bold & plain")
    await stop()
    await page.start_in_browser("echo")
    await page.run(1)
    await expect(result).to_have_text("Echo: 6 * 7")
    await stop()
    await page.start_in_browser("python")
    await page.run(1)
    await expect(result).to_have_text("42")
    store = await shared_server.store(notebook)
    assert store.query(LATEST_SESSION)[0].runtime_type == "python"
    await store.close()
