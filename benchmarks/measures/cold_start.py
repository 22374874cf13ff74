"""From nothing to the engine's first result: a new process, and a warm spare that waited; and what it holds when idle."""

import asyncio
import statistics
import time

import psutil

from .engine import Bench, Sink, started

ROUNDS = 9
SPARE_S = 2.0


def measure() -> dict[str, float]:
    """Give {first_result_s, prewarmed_ms, idle_mb}: medians."""
    colds, memories = zip(*(asyncio.run(_cold()) for _ in range(ROUNDS)), strict=True)
    return {
        "first_result_s": round(statistics.median(colds), 3),
        "prewarmed_ms": round(statistics.median(asyncio.run(_prewarmed())), 1),
        "idle_mb": round(statistics.median(memories), 1),
    }


async def _cold() -> tuple[float, float]:
    begun = time.perf_counter()
    async with started() as bench:
        await bench.run("1")
        seconds = time.perf_counter() - begun
        return seconds, psutil.Process(int(bench.engine.info["pid"])).memory_info().rss / 1e6


async def _prewarmed() -> list[float]:
    times: list[float] = []
    async with started(prewarm=True) as first:
        for _ in range(ROUNDS):
            await asyncio.sleep(SPARE_S)  # the spare comes up beside what runs
            begun = time.perf_counter()
            await first.engine.restart()
            await Bench(first.engine, Sink()).run("1")
            times.append((time.perf_counter() - begun) * 1e3)
    return times
