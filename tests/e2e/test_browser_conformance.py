"""The core's checks pass inside Chromium: Python in a page's worker, over the real port, on the page's real stores."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NewContext, cookie_into
from playwright.async_api import Page, Route

from runtime_schema.queries import CELL, EXECUTIONS

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

WITHIN_S = 90
UI = Path(__file__).parents[2] / "ui"
CONFIG = UI / "packages" / "runtime-browser" / "tests" / "page" / "vite.config.ts"
INSIDE = (Path(__file__).parents[1] / "harness" / "in_worker.py").read_text()
REPLICAS = [("store", "store"), ("store", "guest"), ("guest", "guest")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def built_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script that lends stores, built from its sources."""
    folder = tmp_path_factory.mktemp("page")
    vite = await asyncio.create_subprocess_exec(
        UI / "node_modules" / ".bin" / "vite", "build", "--config", CONFIG, "--outDir", folder, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await vite.communicate()
    assert vite.returncode == 0, said.decode()
    return folder


@dataclass(frozen=True, slots=True)
class Lender:
    """A page that lends stores to checks in its worker."""

    page: Page
    server: NotebookServer

    async def passes(self, check: str, authority: str, lend: tuple[str, ...]) -> str:
        """Run a check that must pass, on an empty notebook; gives the notebook's id."""
        notebook = await self.server.import_notebook("checked", notebook_bytes())
        main = f"{INSIDE}\nawait main(bridge, {check!r}, {len(lend)})"
        async with asyncio.timeout(WITHIN_S):
            verdict: dict[str, Any] = await self.page.evaluate(  # Any: JSON
                "check => conform(check)", {"notebook": notebook, "authority": authority, "lend": lend, "main": main}
            )
        assert verdict == {"reason": "passed", "problem": None, "faults": [], "isolated": True}, verdict["problem"]
        return notebook


@pytest_asyncio.fixture(loop_scope="session")
async def lender(shared_server: NotebookServer, new_context: NewContext, built_script: Path) -> AsyncIterator[Lender]:
    """A page of the server with that script: a page that is not the server's may not connect to it."""
    context = await new_context()
    await cookie_into(context, shared_server.url, shared_server.cookie)
    page = await context.new_page()
    address = f"{shared_server.url}/conformance/"

    async def answer(route: Route) -> None:
        await route.fulfill(path=built_script / route.request.url.removeprefix(address))

    await page.route(f"{address}**", answer)
    await page.goto(shared_server.url)
    await page.add_script_tag(url=f"{address}main.js", type="module")
    await page.wait_for_function("'conform' in window")
    yield Lender(page, shared_server)


@pytest.mark.parametrize("lend", ["store", "guest"])
@pytest.mark.parametrize("authority", ["page", "server"])
async def test_lent_store_is_a_store(lender: Lender, authority: str, lend: str) -> None:
    notebook = await lender.passes("store", authority, (lend,))
    store = await lender.server.store(notebook)
    rows = store.query(CELL, {"cellId": "checked-cell"})
    assert [row.source for row in rows] == (["last"] if authority == "server" else [])
    await store.close()


@pytest.mark.parametrize("lend", REPLICAS, ids="-and-".join)
async def test_two_lent_stores_of_a_server_are_replicas(lender: Lender, lend: tuple[str, ...]) -> None:
    await lender.passes("replicas", "server", lend)


@pytest.mark.parametrize("authority", ["page", "server"])
async def test_agent_on_a_lent_store_is_an_agent(lender: Lender, authority: str) -> None:
    notebook = await lender.passes("agent", authority, ("guest",))
    store = await lender.server.store(notebook)
    expected = ["ok", "error", "cancelled", "cancelled", "ok"] if authority == "server" else []
    assert [row.status for row in store.query(EXECUTIONS)] == expected
    await store.close()


async def test_artifacts_over_the_port_reach_the_server(lender: Lender) -> None:
    notebook = await lender.passes("artifacts", "server", ("guest",))
    data = bytes(range(256)) * 300
    kept = await lender.server.ask("GET", f"/api/notebooks/{notebook}/artifacts/{hashlib.sha256(data).hexdigest()}")
    assert (kept.status, kept.body) == (200, data)


async def test_engine_of_the_worker_is_an_engine_in_chromium(lender: Lender) -> None:
    await lender.passes("engine", "page", ("guest",))
