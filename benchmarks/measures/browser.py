"""A runtime in the page: from the click to a first result, and what running, printing and stopping cost there.

A real Chromium on a real server; times are read in the page, from a click to what a person sees.
"""

import json
import shutil
import statistics
import urllib.request
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from .stack import Stack, percentile, stack

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
STARTS = 5
EXECUTIONS = 60
LINES = 100_000
INTERRUPTS = 30
CELLS = 1_000

SOURCES = {
    "first": "1 + 1",
    "stream": f"for n in range({LINES}): print(n)",
    "forever": "while True: pass",
    "heap": "import pyodide_js\npyodide_js._module.HEAP8.length",
}

# Runs a cell by its button, and waits until it shows this state; the time between is in milliseconds.
RUN = """
async ({ place, status, stopAfterMs }) => {
  const cell = document.querySelectorAll("[data-testid=cell]")[place];
  const label = cell.querySelector("[data-testid=execution-count]");
  const settled = (wanted) => new Promise((resolve) => {
    const look = () => {
      moved ||= cell.dataset.status !== wanted || label.textContent !== before; // a short run is done before it was seen to run
      if (cell.dataset.status !== wanted || !moved) return;
      watch.disconnect();
      resolve(performance.now());
    };
    const watch = new MutationObserver(look);
    watch.observe(cell, { attributes: true, childList: true, subtree: true, characterData: true });
    look();
  });
  const before = label.textContent;
  let moved = false;
  let begun = performance.now();
  cell.querySelector("[data-testid=run-cell]").click();
  if (stopAfterMs !== null) {
    await settled("running");
    await new Promise((resolve) => setTimeout(resolve, stopAfterMs));
    begun = performance.now();
    cell.querySelector("[data-testid=stop-cell]").click();
  }
  return (await settled(status)) - begun;
}
"""

# Runs all cells, of which there are many, until nothing waits or runs.
RUN_ALL = """
async () => {
  const stop = document.querySelector("[data-testid=stop]");
  const turns = (idle) => new Promise((resolve) => {
    const look = () => { if (stop.disabled === idle) { watch.disconnect(); resolve(performance.now()); } };
    const watch = new MutationObserver(look);
    watch.observe(stop, { attributes: true });
    look();
  });
  const begun = performance.now();
  document.querySelector("[data-testid=run-all]").click();
  await turns(false);
  return (await turns(true)) - begun;
}
"""


def measure() -> dict[str, float]:
    """Measure in one Chromium; starts are medians, each cold one in a browser context without a cache."""
    with stack() as made, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        notebook = _notebook(made, SOURCES)
        cold = [_cold_start(chromium, made, notebook) for _ in range(STARTS)]
        context = chromium.new_context()
        _start(_open(context, made, notebook))
        warm = [_start(_open(context, made, notebook)) for _ in range(STARTS)]
        page = context.pages[0]
        places = list(SOURCES)
        executions = [_run(page, places.index("first")) for _ in range(EXECUTIONS)]
        streams = [_run(page, places.index("stream")) for _ in range(3)]
        stops = [_run(page, places.index("forever"), "cancelled", stop_after_ms=50) for _ in range(INTERRUPTS)]
        heap = _heap_bytes(context, page, places.index("heap"))
        page = _open(context, made, _notebook(made, {f"c{n}": f"print('{n}\\n' * 5)" for n in range(CELLS)}))
        _start(page)
        run_all = float(page.evaluate(RUN_ALL))
        chromium.close()
    return {
        "cold_ms": round(statistics.median(cold), 1),
        "warm_ms": round(statistics.median(warm), 1),
        "execute_p50_ms": round(statistics.median(executions), 2),
        "execute_p99_ms": round(percentile(executions, 99), 2),
        "stream_lines_per_s": round(LINES / (statistics.median(streams) / 1000)),
        "interrupt_p50_ms": round(statistics.median(stops), 1),
        "interrupt_max_ms": round(max(stops), 1),
        "heap_mb": round(heap / 1e6, 1),
        "run_all_1000_s": round(run_all / 1000, 1),
    }


def chromium_path() -> str:
    """Find the system's Chromium."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise RuntimeError("this needs Chromium: run `make chromium`")
    return path


def _notebook(made: Stack, sources: Mapping[str, str]) -> str:
    cells: list[dict[str, Any]] = [  # Any: JSON
        {"id": name, "cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for name, source in sources.items()
    ]
    body = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()
    return str(_post(made, "/api/notebooks/import?name=benchmark.ipynb", body)["id"])


def _post(made: Stack, path: str, body: bytes) -> dict[str, str]:
    request = urllib.request.Request(
        made.url + path, data=body, headers={"Authorization": f"Bearer {made.token}", "Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _open(context: BrowserContext, made: Stack, notebook: str) -> Page:
    """Open the notebook, by way of the list: leaving it ends its runtime."""
    if context.pages:
        page = context.pages[0]
        page.goto(made.url)
    else:
        page = context.new_page()
        page.goto(f"{made.url}/#t={_post(made, '/api/start-codes', b'{}')['code']}")
    page.wait_for_selector("[data-testid=notebook-list]")
    page.goto(f"{made.url}/nb/{notebook}")
    page.wait_for_selector("[data-testid=cell]")
    return page


def _cold_start(chromium: Browser, made: Stack, notebook: str) -> float:
    context = chromium.new_context()
    took = _start(_open(context, made, notebook))
    context.pages[0].goto(made.url)
    context.close()
    return took


def _start(page: Page) -> float:
    """Start the runtime and run the first cell, which waits for it; the time from the click to its result."""
    page.get_by_test_id("runtime-status").click()
    page.get_by_test_id("start-in-browser").wait_for()
    return float(
        page.evaluate(
            f"(asked) => {{ document.querySelector('[data-testid=start-in-browser]').click(); return ({RUN})(asked); }}",
            {"place": 0, "status": "ok", "stopAfterMs": None},
        )
    )


def _run(page: Page, place: int, status: str = "ok", *, stop_after_ms: int | None = None) -> float:
    return float(page.evaluate(RUN, {"place": place, "status": status, "stopAfterMs": stop_after_ms}))


def _heap_bytes(context: BrowserContext, page: Page, place: int) -> float:
    """Give what the page's scripts hold and the runtime's own memory."""
    _run(page, place)
    runtime = page.get_by_test_id("cell").nth(place).get_by_test_id("outputs").inner_text()
    devtools: Any = context.new_cdp_session(page)  # Any: the protocol is untyped
    devtools.send("HeapProfiler.collectGarbage")
    used = devtools.send("Runtime.getHeapUsage")
    return float(runtime) + float(used["usedSize"])
