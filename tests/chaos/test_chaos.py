"""Engine, agent, server and network fail at random while cells run: none is left running for ever, none runs twice.

The schedule comes from a seed, which a failure shows. `RUNT_CHAOS_SEEDS=1,2,3` tries others (`make soak` many).
"""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import final

import psutil
import pytest
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.processes import Process, Processes
from harness.tcp_proxy import TcpProxy
from harness.waiting import until, until_rows

from runtime_schema.events import ExecutionCancelRequested, ExecutionRequested
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.queries import ACTIVE_SESSION, ALL_CHUNKS, ALL_OUTPUTS, EXECUTIONS, ExecutionRow
from runtime_store import Store

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SEEDS = [int(seed) for seed in os.environ.get("RUNT_CHAOS_SEEDS", "7").split(",")]
CELLS, FAULTS = 8, 12
LINES = 20
TERMINAL = ("ok", "error", "cancelled", "lost")
FAULT_KINDS = ("engine", "engine", "segfault", "agent", "server", "cut", "cut", "silence", "stop")


@dataclass(frozen=True)
class Fault:
    """What fails, after so long, and for how long where it heals by itself."""

    kind: str
    after_s: float
    for_s: float


def schedule(seed: int) -> list[Fault]:
    """Draw the faults of a seed."""
    dice = random.Random(seed)
    return [Fault(dice.choice(FAULT_KINDS), dice.uniform(0.2, 1.2), dice.uniform(0.2, 1.5)) for _ in range(FAULTS)]


def source(execution: str, ran: Path) -> str:
    """Give a cell that notes in a file that it runs, prints for half a second, and says its end."""
    return (
        f"import time\nwith open({str(ran)!r}, 'a') as file: file.write({execution!r} + '\\n')\n"
        f"for line in range({LINES}):\n    print({execution!r}, line, flush=True)\n    time.sleep(0.025)"
    )


@final
class World:
    """A server, a network in front of its agent, and whoever starts the agent again when it is gone."""

    def __init__(self, started: Processes, folder: Path) -> None:
        self.server = NotebookServer(started, folder / "data")
        self.ran = folder / "ran.txt"
        self.notebook = ""
        self.proxy: TcpProxy
        self.agent: Process
        self.requested: list[str] = []

    async def open(self) -> None:
        """Start everything, with a notebook of some cells."""
        await self.server.start()
        self.notebook = await self.server.import_notebook("chaos", notebook_bytes(*map(str, range(CELLS))))
        self.proxy = TcpProxy(self.server.port)
        await self.proxy.start()
        self.agent = self.start_agent()

    def start_agent(self) -> Process:
        """Start the agent, as a service manager would."""
        return self.server.start_agent(self.notebook, url=self.proxy.url)

    def request(self, store: Store) -> None:
        """Run the next cell; one that waits already makes a duplicate, which is told and not run."""
        execution = f"x{len(self.requested)}"
        cell = CellId(f"c{len(self.requested) % CELLS}")
        self.requested.append(execution)
        text = source(execution, self.ran)
        store.commit(ExecutionRequested(execution_id=ExecutionId(execution), cell_id=cell, source=text, requested_ms=0))

    async def happen(self, fault: Fault, store: Store) -> None:
        """Let something fail."""
        match fault.kind:
            case "engine" | "segfault":
                with suppress(psutil.NoSuchProcess):
                    for child in psutil.Process(self.agent.pid).children():
                        child.send_signal(signal.SIGKILL if fault.kind == "engine" else signal.SIGSEGV)
            case "agent":
                self.agent.kill9()
                await asyncio.sleep(fault.for_s)
                self.agent = self.start_agent()
            case "server":
                self.server.kill9()
                await asyncio.sleep(fault.for_s)
                await self.server.start()
            case "stop":
                store.commit(ExecutionCancelRequested(all=True, reason="chaos"))
            case _:
                (self.proxy.cut if fault.kind == "cut" else self.proxy.silence)()
                await asyncio.sleep(fault.for_s)
                self.proxy.heal()

    async def keep_agent(self) -> None:
        """Start the agent again when it ended by itself, for one second after the other."""
        if self.agent.status is not None:
            self.agent = self.start_agent()


def all_ended(rows: Sequence[ExecutionRow]) -> bool:
    return all(row.status in TERMINAL for row in rows)


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_fails_every_execution_ends_and_none_runs_twice(started: Processes, tmp_path: Path, seed: int) -> None:
    world = World(started, tmp_path)
    await world.open()
    store = await world.server.store(world.notebook)
    await until_rows(store, ACTIVE_SESSION, lambda rows: bool(rows) and rows[0].status == "ready", within_s=30, what="the runtime")
    for fault in schedule(seed):
        world.request(store)
        world.request(store)
        await asyncio.sleep(fault.after_s)
        await world.keep_agent()
        await world.happen(fault, store)

    world.request(store)
    last = world.requested[-1]

    def over() -> bool:
        if world.agent.status is not None:
            world.agent = world.start_agent()
        rows = store.query(EXECUTIONS, confirmed=True)
        return any(row.id == last for row in rows) and all_ended(rows)

    await until(over, within_s=90, what="the end of every execution", seen=lambda: (store.status, store.query(EXECUTIONS)[-5:]))
    await until(lambda: not store.status.pending, within_s=20, what="the sync of the client")

    rows = {row.id: row for row in store.query(EXECUTIONS, confirmed=True)}
    assert sorted(rows) == sorted(world.requested), "every request has a row"
    ran = world.ran.read_text().split()
    assert len(ran) == len(set(ran)), "nothing runs twice"
    unstarted = {name for name, row in rows.items() if row.started_ms is None}
    assert not unstarted & set(ran), "what was never started never ran"
    shown = whole_outputs(store)
    for name, row in rows.items():
        if row.status == "ok":
            assert ran.count(name) == 1
            if name in shown:  # a later run of its cell has cleared the others
                assert shown[name] == "".join(f"{name} {line}\n" for line in range(LINES))
    assert sum(row.status == "ok" for row in rows.values()) >= 3, "between the faults work is done"

    fresh = await world.server.store(world.notebook)
    assert fresh.dump() == store.dump(), "everybody sees the same"
    await fresh.close()
    await store.close()
    assert await world.agent.stop() == 0
    assert await world.server.stop() == 0
    await world.proxy.stop()
    assert started.kin() == [], "no process is left"


def whole_outputs(store: Store) -> dict[str, str]:
    """Join the text of each execution that is shown."""
    owners = {row.id: row.execution_id for row in store.query(ALL_OUTPUTS) if row.stream == "stdout"}
    texts: dict[str, str] = {}
    for chunk in store.query(ALL_CHUNKS):
        if (owner := owners.get(chunk.output_id)) is not None:
            texts[owner] = texts.get(owner, "") + chunk.text
    return texts
