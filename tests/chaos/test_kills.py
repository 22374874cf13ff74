"""A server under load is killed again and again: what it acknowledged stands in the log, once, and clients resume by themselves."""

import asyncio
import random
from pathlib import Path

import pytest
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.processes import Processes

from runtime_schema.events import CellSourceSet
from runtime_schema.ids import CellId
from runtime_store import Store

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = 25
ACKS = (400, 1_200)
"""A kill comes after so many acknowledgements since the last one: clients that are cut sooner than a second back off ever longer."""
WRITERS = 2


class Writer:
    """Edits one cell without a pause, and remembers what was acknowledged."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.acked: dict[int, str] = {}
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self, on_ack: asyncio.Queue[int]) -> None:
        self._task = asyncio.create_task(self._write(on_ack))

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _write(self, on_ack: asyncio.Queue[int]) -> None:
        place = 0
        while True:
            place += 1
            source = f"{self._name} {place}"
            seq, _ = await self.store.commit(CellSourceSet(cell_id=CellId("c0"), source=source))
            self.acked[seq] = source
            on_ack.put_nowait(seq)


async def log_of(server: NotebookServer, notebook: str) -> list[dict[str, object]]:
    """Read the whole log over HTTP."""
    events: list[dict[str, object]] = []
    while page := (await server.ask("GET", f"/api/notebooks/{notebook}/history?after={len(events)}")).json["events"]:
        events += page
    return events


@pytest.mark.parametrize("seed", [1, 2])
async def test_twenty_five_kills_lose_nothing_that_was_acknowledged(started: Processes, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    server = NotebookServer(started, tmp_path / "data")
    await server.start()
    notebook = await server.import_notebook("killed", notebook_bytes("0"))
    reader = await server.store(notebook)
    writers = [Writer(await server.store(notebook), f"writer {place}") for place in range(WRITERS)]
    acks: asyncio.Queue[int] = asyncio.Queue()
    for writer in writers:
        writer.start(acks)
    for _ in range(KILLS):
        for _ in range(chance.randint(*ACKS)):
            await acks.get()
        server.kill9()
        await server.start()
    await acks.get()
    for writer in writers:
        await writer.stop()
        await writer.store.wait_confirmed()
    stores = [reader, *(writer.store for writer in writers)]
    for store in stores:
        await store.synced()

    log = await log_of(server, notebook)
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    keys = [(event["storeSessionId"], event["n"]) for event in log]
    assert len(set(keys)) == len(keys)
    for writer in writers:
        recorded = {seq: log[seq - 1]["args"] for seq in writer.acked}
        assert recorded == {seq: {"cellId": "c0", "source": source} for seq, source in writer.acked.items()}
    states = [store.dump(confirmed=True) for store in stores]
    assert all(state == states[0] for state in states)
    with await reader.at(len(log)) as replayed:
        assert replayed.dump() == states[0]
    for store in stores:
        await store.close()
