"""The core's checks pass inside Chromium: Python in a page's worker, over the real port, on the page's real stores."""

import hashlib
from pathlib import Path

import pytest
from harness.page_worker import PageWorker

from runtime_schema.queries import CELL, EXECUTIONS

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

INSIDE = (Path(__file__).parents[1] / "harness" / "in_worker.py").read_text()
REPLICAS = [("store", "store"), ("store", "guest"), ("guest", "guest")]


async def passes(worker: PageWorker, check: str, authority: str, lend: tuple[str, ...]) -> str:
    """Run a check that must pass, on an empty notebook; gives the notebook's id."""
    notebook, verdict = await worker.run(f"{INSIDE}\nawait main(bridge, {check!r}, {len(lend)})", authority, lend)
    assert verdict == {"reason": "passed", "problem": None, "faults": [], "isolated": True}, verdict["problem"]
    return notebook


@pytest.mark.parametrize("lend", ["store", "guest"])
@pytest.mark.parametrize("authority", ["page", "server"])
async def test_lent_store_is_a_store(worker: PageWorker, authority: str, lend: str) -> None:
    notebook = await passes(worker, "store", authority, (lend,))
    store = await worker.server.store(notebook)
    rows = store.query(CELL, {"cellId": "checked-cell"})
    assert [row.source for row in rows] == (["last"] if authority == "server" else [])
    await store.close()


@pytest.mark.parametrize("lend", REPLICAS, ids="-and-".join)
async def test_two_lent_stores_of_a_server_are_replicas(worker: PageWorker, lend: tuple[str, ...]) -> None:
    await passes(worker, "replicas", "server", lend)


@pytest.mark.parametrize("authority", ["page", "server"])
async def test_agent_on_a_lent_store_is_an_agent(worker: PageWorker, authority: str) -> None:
    notebook = await passes(worker, "agent", authority, ("guest",))
    store = await worker.server.store(notebook)
    expected = ["ok", "error", "cancelled", "cancelled", "ok"] if authority == "server" else []
    assert [row.status for row in store.query(EXECUTIONS)] == expected
    await store.close()


async def test_artifacts_over_the_port_reach_the_server(worker: PageWorker) -> None:
    notebook = await passes(worker, "artifacts", "server", ("guest",))
    data = bytes(range(256)) * 300
    kept = await worker.server.ask("GET", f"/api/notebooks/{notebook}/artifacts/{hashlib.sha256(data).hexdigest()}")
    assert (kept.status, kept.body) == (200, data)


async def test_engine_of_the_worker_is_an_engine_in_chromium(worker: PageWorker) -> None:
    await passes(worker, "engine", "page", ("guest",))
