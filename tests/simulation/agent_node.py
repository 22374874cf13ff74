"""A runtime on a store node: the real agent with programs for code, an engine that may die, and a process that ends with it."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from runtime_core.agent import RuntimeAgent
from runtime_core.errors import EngineStartError, RejectedError, SessionEndedError, SessionRefusedError
from runtime_core.options import RuntimeAgentOptions, RuntimeCapabilities
from runtime_core.ports import Clock, IdSource
from runtime_core.testing import InMemoryArtifacts
from runtime_core.upkeep import Lifecycle
from runtime_store.store import Store

from .programs import Programs
from .records import Life, Records, WatchedStore
from .store_node import StoreNode
from .world import World


@final
class _LoopClock(Clock):
    """The world's time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now_ms(self) -> int:
        return self._world.now_ms()

    def monotonic(self) -> float:
        return self._world.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@final
class _NodeIds(IdSource):
    """Ids that carry the machine's name."""

    def __init__(self, node: StoreNode) -> None:
        self._node = node

    def new_id(self) -> str:
        return self._node.next_id()


@final
class _Engine(Lifecycle):
    """Takes its time to come up."""

    def __init__(self, start_s: Callable[[], float]) -> None:
        self._start_s = start_s

    async def start(self) -> None:
        await asyncio.sleep(self._start_s())

    async def restart(self) -> None:
        await asyncio.sleep(self._start_s())

    async def stop(self) -> None:
        pass


@dataclass(slots=True)
class AgentNode:
    """What runs on a store node that is a runtime's.

    Args:
        world: Time.
        records: Where code notes that it ran.
        runtime_id: Stays over its lives.
        pace_s: How long programs sleep.
        start_s: Draws how long an engine needs.
        lost_after_ms: How long it may be gone.
    """

    world: World
    records: Records
    runtime_id: str
    pace_s: float
    start_s: Callable[[], float]
    lost_after_ms: int
    node: StoreNode | None = None
    takeover: bool = False
    agent: RuntimeAgent | None = None

    def inhabit(self, life: Life, store: Store) -> None:
        """Begin a life."""
        life.loop.create_task(self._live(life, store))

    def engine_dies(self) -> None:
        """Let what runs the code end by itself."""
        agent, node = self.agent, self.node
        if node is not None and node.life is not None and agent is not None and agent.state == "ready":
            node.life.loop.call_soon(agent.report_death, "was killed")

    async def _live(self, life: Life, store: Store) -> None:
        assert self.node is not None
        options = RuntimeAgentOptions(
            runtime_id=self.runtime_id,
            runtime_type="simulated",
            client_id=store.client_id,
            lost_after_ms=self.lost_after_ms,
            ready_timeout_s=5,
            cancel_grace_s=1,
            receipt_timeout_s=2,
            patience_s=5,
        )
        agent = self.agent = RuntimeAgent(
            WatchedStore(store, life),
            RuntimeCapabilities(),
            options,
            artifacts=InMemoryArtifacts(),
            clock=_LoopClock(self.world),
            ids=_NodeIds(self.node),
        )
        agent.attach(_Engine(self.start_s))
        agent.on_execution(Programs(self.records, self.pace_s).run)
        takeover, self.takeover = self.takeover, False
        await store.synced()  # an agent is lent a store that is caught up
        with contextlib.suppress(EngineStartError, RejectedError, SessionEndedError, SessionRefusedError):
            await agent.start(takeover=takeover)
        await agent.closed()
        await store.close(2.0)
        self.agent = None
        self.node.kill()
