"""A client that opens a notebook with 10,000 and with 100,000 events, until its state is at the head.

The log is what a day of work leaves: cells that run again and again, each run with a few lines and a result.
"""

import asyncio
import statistics
import time

from runtime_schema.events import (
    CellCreated,
    Event,
    ExecutionFinished,
    ExecutionRequested,
    ExecutionStarted,
    JsonText,
    ResultAdded,
    RuntimeSessionStarted,
    RuntimeSessionStatusSet,
    StreamAppended,
)
from runtime_schema.ids import CellId, ExecutionId, OutputId, RuntimeId, RuntimeSessionId

from .stack import Stack, stack

CELLS, ROUNDS = 50, 3
SESSION = RuntimeSessionId("session")


def measure() -> dict[str, float]:
    """Give {replay_10k_ms, replay_100k_ms, snapshot_10k_ms, snapshot_100k_ms}."""
    figures: dict[str, float] = {}
    with stack() as running:
        for events in (10_000, 100_000):
            replay, snapshot = asyncio.run(_measure(running, running.notebook(), events))
            figures[f"replay_{events // 1000}k_ms"] = round(replay, 1)
            figures[f"snapshot_{events // 1000}k_ms"] = round(snapshot, 1)
    return figures


async def _measure(running: Stack, notebook: str, events: int) -> tuple[float, float]:
    writer = await running.client(notebook)
    for place, event in enumerate(_day_of_work(events)):
        writer.commit(event)
        if place % 500 == 499:
            await writer.synced()
    await writer.synced()
    await writer.close()
    await _until_imaged(running, notebook, events)
    return await _open(running, notebook, events, images=False), await _open(running, notebook, events, images=True)


async def _open(running: Stack, notebook: str, events: int, *, images: bool) -> float:
    times: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        reader = await running.client(notebook, images=images)
        times.append((time.perf_counter() - begun) * 1e3)
        if reader.status.head < events:
            raise RuntimeError(f"the store is at {reader.status.head} of {events}")
        await reader.close()
    return statistics.median(times)


async def _until_imaged(running: Stack, notebook: str, events: int) -> None:
    """Wait until the server, left alone, has made the image that the next client begins from."""
    for _ in range(300):
        if any(int(path.name.split("-")[1]) >= events for path in running.folder.glob(f"images/{notebook}/*-*")):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the server made no image within 30 s")


def _day_of_work(count: int) -> list[Event]:
    made: list[Event] = [
        CellCreated(
            cell_id=CellId(f"c{place}"), cell_type="code", position=f"a{chr(ord('A') + place % 26)}{place // 26 or 'V'}", source="x"
        )
        for place in range(CELLS)
    ]
    made.append(
        RuntimeSessionStarted(
            session_id=SESSION,
            runtime_id=RuntimeId("benchmark"),
            runtime_type="python",
            capabilities=("code",),
            info=JsonText("{}"),
            lost_after_ms=86_400_000,
            started_ms=0,
        )
    )
    made.append(RuntimeSessionStatusSet(session_id=SESSION, status="ready"))
    run = 0
    while len(made) < count:
        made.extend(_run(run))
        run += 1
    return made[:count]


def _run(run: int) -> list[Event]:
    execution_id, cell_id = ExecutionId(f"e{run}"), CellId(f"c{run % CELLS}")
    lines: list[Event] = [
        StreamAppended(
            output_id=OutputId(f"s{run}"),
            execution_id=execution_id,
            session_id=SESSION,
            stream="stdout",
            n=n,
            text=f"epoch {n}: loss 0.{run}\n",
        )
        for n in range(6)
    ]
    return [
        ExecutionRequested(execution_id=execution_id, cell_id=cell_id, source="train()", requested_ms=run),
        ExecutionStarted(execution_id=execution_id, session_id=SESSION, execution_count=run, started_ms=run),
        *lines,
        ResultAdded(
            output_id=OutputId(f"r{run}"),
            execution_id=execution_id,
            session_id=SESSION,
            execution_count=run,
            bundle={"text/plain": {"type": "inline", "data": "0.93"}},
            metadata=JsonText("{}"),
        ),
        ExecutionFinished(execution_id=execution_id, session_id=SESSION, status="ok", finished_ms=run),
    ]
