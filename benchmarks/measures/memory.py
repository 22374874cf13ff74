"""Resident memory of an idle server with one open notebook, and of its idle runtime (agent and engine), in MB."""

import asyncio
import time

import psutil

from .clients import finished, make_cell, request, runtime_ready
from .stack import Stack, stack


def measure() -> dict[str, float]:
    """Give {server_mb, runtime_mb}."""
    with stack() as running:
        notebook = running.notebook()
        runtime = running.runtime(notebook)
        asyncio.run(_run_one_cell(running, notebook))
        time.sleep(1)
        return {"server_mb": _resident_mb(running.processes[0].pid), "runtime_mb": _resident_mb(runtime.pid)}


async def _run_one_cell(running: Stack, notebook: str) -> None:
    store = await running.client(notebook)
    await make_cell(store)
    await runtime_ready(store)
    await finished(store, request(store, "1"))
    await store.close()


def _resident_mb(pid: int) -> float:
    process = psutil.Process(pid)
    return round(sum(part.memory_info().rss for part in [process, *process.children(recursive=True)]) / 1e6, 1)
