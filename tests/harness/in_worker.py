"""The core's checks as they run inside a page's worker, in Pyodide, on the stores that the page lends over its port."""

import asyncio
import importlib
import json
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, final

from runtime_browser import (
    BrowserRuntimeOptions,
    PortArtifacts,
    RuntimeAgent,
    RuntimeCapabilities,
    StackSwitching,
    SystemClock,
    WorkerEngine,
    attach_runtime,
    create_browser_runtime_agent,
)
from runtime_browser.bridge import Bridge, PyodideBridge
from runtime_browser.port import Message, Port
from runtime_browser.port_store import PortStore
from runtime_browser.testing import FakeBridge
from runtime_core.ports import Engine, EngineSink, Store
from runtime_core.testing import EngineSamples, check_agent, check_artifact_store, check_engine, check_replicas, check_store, settle
from runtime_schema.outputs import ExecuteReply, StreamText

WITHIN_S = 40
AWAITING = EngineSamples(forever="print('started', flush=True)\nimport asyncio\nawait asyncio.sleep(3600)")
"""Agent and cells share a thread here: what awaits is interrupted from it, what is busy only by a page."""


async def main(raw: Any, check: str, count: int) -> None:  # Any: JavaScript's object, a bridge to be
    """Run one check on so many stores, and tell the page how it ended."""
    bridge = PyodideBridge(raw, importlib.import_module("pyodide.ffi"))  # type: ignore[arg-type]  # a module, as a Protocol
    ports = [Port(each) for each in split_bridge(bridge, count)]
    stores = [PortStore(port, await port.welcome()) for port in ports]
    for port in ports:
        port.open()
    reason, problem = "passed", None
    try:
        async with asyncio.timeout(WITHIN_S):
            await CHECKS[check](ports, stores)
    except Exception as exc:  # whatever it is, it is what the test wants to know
        reason, problem = "failed", "".join(traceback.format_exception(exc))
    ports[0].post("ended", reason=reason, problem=problem)


async def _store(_: Sequence[Port], stores: Sequence[PortStore]) -> None:
    async def make() -> Store:
        return stores[0]

    await check_store(make)


async def _replicas(_: Sequence[Port], stores: Sequence[PortStore]) -> None:
    async def make() -> tuple[Store, Store]:
        return stores[0], stores[1]

    await check_replicas(make)


async def _artifacts(ports: Sequence[Port], stores: Sequence[PortStore]) -> None:
    async def make() -> PortArtifacts:
        return PortArtifacts(ports[0].bridge)

    await check_artifact_store(make)
    await _store(ports, stores)  # what is committed after artifacts waits for their uploads


async def _agent(ports: Sequence[Port], stores: Sequence[PortStore]) -> None:
    (port,), (lent,) = ports, stores

    async def make(store: Store) -> RuntimeAgent:
        options = BrowserRuntimeOptions(client_id=store.client_id)
        agent = create_browser_runtime_agent(store, RuntimeCapabilities(), options, artifacts=PortArtifacts(port.bridge))
        attach_runtime(agent, "python", lambda: WorkerEngine(port, lambda: agent.session_id or "", clock=SystemClock()))
        return agent

    await check_agent(make, AWAITING, lent)
    assert lent.open_requests == 0, "whatever was asked is answered and forgotten"


async def _engine(_: Sequence[Port], __: Sequence[PortStore]) -> None:
    async def make() -> Engine:
        return PagelessEngine()

    await check_engine(make, AWAITING)


CHECKS: Mapping[str, Callable[[Sequence[Port], Sequence[PortStore]], Awaitable[None]]] = {
    "store": _store,
    "replicas": _replicas,
    "artifacts": _artifacts,
    "agent": _agent,
    "engine": _engine,
}


@final
class PagelessEngine(Engine):
    """The worker's engine with nothing shared: its text reaches the sink, input switches the stack, a restart is another engine."""

    def __init__(self) -> None:
        self._place: Message = {}
        self._sink: EngineSink | None = None
        self._running: asyncio.Future[ExecuteReply] | None = None
        self._engine = self._make()

    @property
    def info(self) -> Mapping[str, str]:
        return self._engine.info

    async def start(self, sink: EngineSink) -> None:
        self._sink = sink
        await self._engine.start(sink)

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        self._running = asyncio.ensure_future(self._engine.execute(execution_id, source, execution_count))
        reply = await self._running
        await settle()
        return reply

    async def interrupt(self, execution_id: str) -> None:
        await self._engine.interrupt(execution_id)

    async def restart(self) -> None:
        assert self._sink is not None
        await self._engine.stop()
        if self._running is not None:
            await asyncio.wait([self._running])
        self._engine = self._make()
        await self._engine.start(self._sink)

    async def stop(self) -> None:
        await self._engine.stop()

    def _make(self) -> WorkerEngine:
        ffi, webloop = importlib.import_module("pyodide.ffi"), importlib.import_module("pyodide.webloop")
        switching = StackSwitching(ffi.run_sync, ffi.can_run_sync, (ffi, webloop))
        bridge = self._bridge = FakeBridge(isolated=False)
        bridge.on_post = self._hear
        port = Port(bridge)
        port.open()
        return WorkerEngine(port, lambda: "s1", clock=SystemClock(), switching=switching)

    def _hear(self, text: str) -> None:
        assert self._sink is not None
        if text.startswith("T"):
            self._sink.emit(self._place["execution"], StreamText(stream=self._place["stream"], text=text[1:]))
        elif text.startswith('{"t":"place"'):
            self._place = self._bridge.said("place")[-1]


def split_bridge(bridge: Bridge, count: int) -> Sequence[Bridge]:
    """Make several bridges of one, as the page makes several ports of one: a digit before each text says whose it is."""
    if count == 1:
        return [bridge]
    parts = [FakeBridge(isolated=False) for _ in range(count)]
    for place, part in enumerate(parts):
        part.on_post = lambda text, place=place: bridge.post(f"{place}{text}")

    def receive(text: str) -> None:
        message: Message = json.loads(text[1:])
        parts[int(text[0])].tell(message.pop("t"), **message)

    bridge.on_message(receive)
    return parts
