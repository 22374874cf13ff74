"""The store of a page, in a real Chromium: a notebook with 10,000 events opened by replay and from an image, and 5,000 events a second.

The backend is in the page too, so nothing but the store is measured; its readers are those of the app. A frame is the time
between two paintings; a task is what runs between two chances to paint, here in time of the processor, which other work on the
machine does not lengthen.
"""

import json
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Route, sync_playwright

from .browser import FLAGS, chromium_path

STORE = Path(__file__).parents[2] / "ui" / "packages" / "store"
ADDRESS = "http://localhost/"  # nobody listens there: every request is answered here
ROUNDS = 5
EVENTS, PER_SECOND, SECONDS = 10_000, 5_000, 3
TYPES = {".js": "text/javascript", ".wasm": "application/wasm"}


def measure() -> dict[str, float]:
    """Give medians of several rounds, each in a page of its own, and the longest frame of all."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        node = shutil.which("node")
        if node is None:
            raise RuntimeError("this needs Node.js")
        subprocess.run([node, str(STORE / "benchmarks" / "build.mjs"), name], cwd=STORE, check=True)
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        boots = [_call(chromium, folder, f"boot({EVENTS}, wasm)") for _ in range(ROUNDS)]
        lives = [_call(chromium, folder, f"live({EVENTS}, {PER_SECOND}, {SECONDS}, wasm)") for _ in range(ROUNDS)]
        chromium.close()
    replay = statistics.median(boot["replayMs"] for boot in boots)
    return {
        "replay_10k_ms": round(replay, 1),
        "snapshot_10k_ms": round(statistics.median(boot["snapshotMs"] for boot in boots), 1),
        "image_10k_bytes": boots[0]["imageBytes"],
        "apply_per_s": round(EVENTS / replay * 1000),
        "replay_longest_frame_ms": round(max(boot["replayFrameMs"] for boot in boots), 1),
        "replay_longest_task_ms": round(max(boot["longestTaskMs"] for boot in boots), 1),
        "live_5k_per_s_longest_frame_ms": round(max(live["longestFrameMs"] for live in lives), 1),
        "live_5k_per_s_longest_task_ms": round(max(live["longestTaskMs"] for live in lives), 1),
        "live_5k_per_s_lag_ms": round(max(live["lagMs"] for live in lives), 1),
    }


def _call(chromium: Browser, folder: Path, call: str) -> dict[str, float]:
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/*", lambda route: _answer(route, folder))
    page.goto(ADDRESS)
    page.evaluate("import('/page.js')")
    chromium.start_tracing(page=page, categories=["toplevel", "blink.user_timing"])
    made: dict[str, float] = page.evaluate(
        f"async () => {{ const wasm = await (await fetch('/sql-wasm.wasm')).arrayBuffer(); return {call}; }}"
    )
    trace = json.loads(chromium.stop_tracing())["traceEvents"]
    context.close()
    return {**made, "longestTaskMs": _longest_task_ms(trace)}


def _longest_task_ms(trace: list[dict[str, Any]]) -> float:  # Any: JSON
    """Give the processor's time of the longest task of the page, after it said that it begins."""
    (begun,) = (event for event in trace if event["name"] == "begun")
    thread = begun["pid"], begun["tid"]
    tasks = [
        event["tdur"] for event in trace if event.get("ts", 0) >= begun["ts"] and (event["pid"], event["tid"]) == thread and "tdur" in event
    ]
    return max(tasks) / 1000


def _answer(route: Route, folder: Path) -> None:
    file = folder / route.request.url.removeprefix(ADDRESS)
    if file.is_file():
        route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])
    else:
        route.fulfill(body="<!doctype html><title>store</title>", content_type="text/html")
