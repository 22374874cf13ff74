"""Code in the page's Python holds the worker's end of the port: what it forges there is refused, and changes nothing."""

import json

import pytest
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import OpenNotebook
from harness.waiting import until_rows
from playwright.async_api import expect

from runtime_schema.queries import ALL_CHUNKS, CELLS, EXECUTIONS, LATEST_SESSION, METADATA, SESSION

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

FORGE_CELL = """
import asyncio, gc, json
from pyodide.code import run_js
from runtime_browser.port_store import PortStore
from runtime_browser.system import RandomIds
from runtime_browser.worker_engine import WorkerEngine
from runtime_schema import events as e
[store] = [found for found in gc.get_objects() if isinstance(found, PortStore)]
[engine] = [found for found in gc.get_objects() if isinstance(found, WorkerEngine)]
port, new_id, (execution, own) = store._port, RandomIds().new_id, engine._last
forged = {
    "source": e.CellSourceSet(cell_id=cell, source="forged"),
    "metadata": e.NotebookMetadataSet(key="title", value='"forged"'),
    "request": e.ExecutionRequested(execution_id=new_id(), cell_id=cell, source="forged", requested_ms=1),
    "cancel": e.ExecutionCancelRequested(all=True, reason="person"),
    "end of another session": e.RuntimeSessionTerminated(session_id=other, reason="shutdown"),
    "end of an unknown session": e.RuntimeSessionTerminated(session_id=new_id(), reason="crashed"),
    "eviction": e.RuntimeSessionTerminated(session_id=own, reason="evicted"),
    "status of another session": e.RuntimeSessionStatusSet(session_id=other, status="ready"),
    "finish for another session": e.ExecutionFinished(execution_id=execution, session_id=other, status="ok", finished_ms=1),
    "text of another session": e.StreamAppended(
        output_id=new_id(), execution_id=execution, session_id=other, stream="stdout", n=0, text="forged"),
    "reply to what nobody asked": e.InputReplied(request_id=new_id(), value="forged"),
}
told = {}
for name, event in forged.items():
    try:
        told[name] = str(await store.commit(event))
    except Exception as exc:
        told[name] = getattr(exc, "code", repr(exc))
try:
    told["live message"] = await store.send_live("input.reply", {"requestId": new_id(), "value": "forged"})
except TimeoutError as exc:
    told["live message"] = str(exc)

run_js(catch_port)  # the next message shows it
port.post("place", execution=execution, session=other, stream="stdout")
port.bridge.post("Tforged text")
queries = "cells", "metadata", "executions", "allOutputs", "allChunks", "pendingInputs", "activeSession"
for number, query in enumerate(queries, start=9001):
    port.post("subscribe", id=number, query=query, params={}, confirmed=False)
port.post("hear", topic="presence")
for text in ("not JSON", "{", '{"t":"commit","id":"1"}', '{"t":"__proto__"}', '{"t":"place","execution":[]}', "7" * 3_000_000):
    port.bridge.post(text)
run_js("caughtPort.postMessage({ t: 'artifact', sha256: '0'.repeat(64), mimeType: 'text/html', bytes: new ArrayBuffer(8) })")
run_js("caughtPort.postMessage({ do: 'interrupt', number: 1 })")
for number, name in enumerate(("../../api/me", "/api/me", "https://example.org/x", "%2e%2e%2findex.html", ".."), start=9101):
    port.post("file", id=number, name=name)
port.post("subscribe", id=9200, query="activeSession", params={}, confirmed=False)
while not run_js("heardOnPort.some(text => text.includes('9200'))"):
    await asyncio.sleep(0)
"""
CATCH_PORT = """(() => {
  const { postMessage } = MessagePort.prototype;
  globalThis.heardOnPort = [];
  MessagePort.prototype.postMessage = function (...args) {
    this.addEventListener("message", ({ data }) => heardOnPort.push(typeof data === "string" ? data : JSON.stringify(data)));
    MessagePort.prototype.postMessage = postMessage;
    globalThis.caughtPort = this;
    return postMessage.apply(this, args);
  };
})()"""
TELL_CELL = "print(json.dumps([told, [json.loads(text) for text in run_js('heardOnPort')]]))"


async def test_messages_forged_on_the_port_change_nothing(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    cells = ("", FORGE_CELL, TELL_CELL, "'still here'")
    notebook = await shared_server.import_notebook("forgeries", notebook_bytes(*cells))
    store = await shared_server.store(notebook)
    page = await open_notebook(shared_server, notebook)
    await page.opened(len(cells))
    await page.start_in_browser()
    await shared_server.catch_up(store, notebook)
    [other] = store.query(LATEST_SESSION)
    await page.page.get_by_test_id("restart").click()
    await page.page.get_by_test_id("confirm-action").click()
    await until_rows(
        store, LATEST_SESSION, lambda rows: rows[0].ord > other.ord and rows[0].status == "ready", within_s=60, what="the fresh worker"
    )
    told_cell = f"cell, other, catch_port = {store.query(CELLS)[3].id!r}, {other.session_id!r}, {CATCH_PORT!r}"
    await page.write(0, told_cell)
    await page.saved()
    await shared_server.catch_up(store, notebook)
    before = [store.query(METADATA), store.query(SESSION, {"sessionId": other.session_id}), store.query(LATEST_SESSION)]

    for place in range(3):
        await page.run(place)
    await page.status(1, "ok")
    await page.status(2, "ok")
    told, heard = json.loads(await page.stdout(2).inner_text())
    print(told)
    assert told.pop("live message") == "this runtime may not send input.reply"
    assert set(told.values()) == {"forbidden"}
    rows = {message["id"]: message["rows"] for message in heard if message["t"] == "rows"}
    assert [len(rows.get(number, ())) for number in range(9001, 9008)] == [0, 0, 0, 0, 0, 0, 1]
    no_files = {message["id"]: message["message"] for message in heard if message["t"] in ("file", "no-file")}
    assert len(no_files) == 5
    assert all("is no name of a file" in problem for problem in no_files.values())

    await page.run(3)
    await expect(page.cell(3).get_by_test_id("output-result")).to_have_text("'still here'")
    await page.status(3, "ok")
    await page.saved()
    await shared_server.catch_up(store, notebook)
    assert [row.source for row in store.query(CELLS)] == [told_cell, *cells[1:]]
    assert [store.query(METADATA), store.query(SESSION, {"sessionId": other.session_id}), store.query(LATEST_SESSION)] == before
    assert "forged" not in "".join(row.text for row in store.query(ALL_CHUNKS) if not row.text.startswith("[{"))
    assert len(store.query(EXECUTIONS)) == 4
    await store.close()
