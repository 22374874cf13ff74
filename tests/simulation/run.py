"""Runs schedules: puts the simulator's ends in the place of sockets, files and DDL, and anything else that a test asks for."""

import asyncio
import gc
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import apsw

from runtime_server import lease
from runtime_store import file, opening, state, store
from runtime_store.address import Address
from runtime_store.protocol import Effect, SyncProtocol
from runtime_store.sqlite import Database

from .client import SimulatedClient
from .crash_disk import VFS_NAME
from .grade import ModelGrade
from .loop import SimulatedLoop
from .noted_file import NotedFile
from .plan import Plan
from .records import Life
from .simulation import MakeGrade, Simulation
from .state_pool import StatePool
from .substitution import Substitution, substituted

POOL = StatePool()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a schedule."""

    problems: tuple[str, ...]
    events: int
    steps: int


def run(plan: Plan, make_grade: MakeGrade = ModelGrade, *planted: Substitution) -> Verdict:
    """Run one schedule, with planted substitutions if there are any."""
    with simulated(), substituted(*planted):
        return run_here(plan, make_grade)


def run_here(plan: Plan, make_grade: MakeGrade = ModelGrade) -> Verdict:
    """Run one schedule where `simulated` holds already."""
    simulation = Simulation(plan, make_grade)
    try:
        problems = simulation.run(POOL.judge())
    except apsw.CorruptError as exc:
        return Verdict((f"corrupt: {exc}",), 0, simulation.world.steps)
    else:
        return Verdict(tuple(problems), len(simulation.log), simulation.world.steps)
    finally:
        POOL.reclaim()
        gc.collect()


@contextmanager
def simulated() -> Generator[None]:
    """Let the product's `connect` build on simulated loops, log nothing, and leave garbage to `run_here`, world by world."""
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        with substituted(
            Substitution(opening, "StoreFile", _open_file),
            Substitution(store, "SyncClient", _make_client),
            Substitution(file, "open_path", open_crash_path),
            Substitution(state, "open_memory", POOL.open_memory),
            Substitution(lease, "open_memory", POOL.open_memory),
            Substitution(state, "create_state", POOL.create_state),
            Substitution(lease, "create_state", POOL.create_state),
        ):
            yield
    finally:
        gc.enable()
        gc.unfreeze()
        logging.disable(logging.NOTSET)


def _tenant() -> Life:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    assert isinstance(loop.tenant, Life)
    return loop.tenant


def _open_file(path: Path, kind: str, store_id: str, *, power_safe: bool = True) -> object:
    life = _tenant()
    return NotedFile(life.open_file(), life.journaled)


def open_crash_path(path: str) -> Database:
    """Open a file on a crash disk: stands for `runtime_store.sqlite.open_path`."""
    return cast(Database, apsw.Connection(path, vfs=VFS_NAME))  # as `open_path`, on a crash disk


def _make_client(
    protocol: SyncProtocol,
    address: Address,
    listen: Callable[[Effect], None],
    changed: Callable[[], None],
    read: Callable[[], None],
) -> SimulatedClient:
    life = _tenant()
    return SimulatedClient(life, life.network, protocol, address, listen, changed, read)
