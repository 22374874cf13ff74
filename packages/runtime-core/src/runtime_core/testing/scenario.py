"""A small world to script: one backend, stores, agents with scripted engines, and a person who edits, runs and reads."""

from collections.abc import Mapping
from typing import Any, final

from runtime_core.agent import RuntimeAgent
from runtime_core.context import RuntimeHandler
from runtime_core.handlers import drive_engine, echo
from runtime_core.options import RuntimeAgentOptions, RuntimeCapabilities
from runtime_schema.events import (
    BatchItem,
    CellCreated,
    CellDeleted,
    CellType,
    Event,
    ExecutionBatchRequested,
    ExecutionCancelRequested,
    ExecutionRequested,
    InputReplied,
)
from runtime_schema.ids import BatchId, CellId, ExecutionId, RequestId, StoreSessionId
from runtime_schema.json_text import Json
from runtime_schema.queries import (
    ACTIVE_SESSION,
    ALL_CHUNKS,
    EXECUTION,
    OUTPUTS,
    PENDING_INPUTS,
    SESSION,
    ExecutionRow,
    InputRequestRow,
    OutputRow,
    RuntimeSessionRow,
)

from .fakes import CountingIds, InMemoryArtifacts, ManualClock, settle
from .memory_store import InMemoryBackend, InMemoryStore
from .scripted_engine import Script, ScriptedEngine


@final
class Person:
    """Somebody at a replica of the notebook. What they do is sent; `settle` lets it arrive."""

    def __init__(self, store: InMemoryStore) -> None:
        self.store = store

    def commit(self, event: Event) -> None:
        """Commit and not look back."""
        _ = self.store.commit(event)

    def request(self, execution_id: str, source: str, cell_id: str | None = None, cell_type: CellType = "code") -> None:
        """Run a source in a cell, by default in a new one called as the execution."""
        cell = CellId(cell_id or execution_id)
        self.commit(CellCreated(cell_id=cell, cell_type=cell_type, position="a0", source=source))
        self.commit(ExecutionRequested(execution_id=ExecutionId(execution_id), cell_id=cell, source=source, requested_ms=0))

    def request_all(self, sources: Mapping[str, str]) -> None:
        """Run several sources, by execution id, as one batch that stops on error."""
        for execution_id, source in sources.items():
            self.commit(CellCreated(cell_id=CellId(execution_id), cell_type="code", position="a0", source=source))
        items = tuple(BatchItem(execution_id=ExecutionId(key), cell_id=CellId(key), source=source) for key, source in sources.items())
        self.commit(ExecutionBatchRequested(batch_id=BatchId("batch"), stop_on_error=True, items=items, requested_ms=0))

    def cancel(self, execution_id: str) -> None:
        """Ask for an execution to end."""
        self.commit(ExecutionCancelRequested(execution_id=ExecutionId(execution_id), reason="stop"))

    def delete(self, cell_id: str) -> None:
        """Delete a cell."""
        self.commit(CellDeleted(cell_id=CellId(cell_id)))

    async def run(self, execution_id: str, source: str) -> ExecutionRow:
        """Run a source and look at it after everything has come to rest."""
        self.request(execution_id, source)
        await settle()
        return self.execution(execution_id)

    def execution(self, execution_id: str) -> ExecutionRow:
        """Read an execution."""
        (row,) = self.store.query(EXECUTION, {"executionId": execution_id})
        return row

    def outputs(self, execution_id: str) -> list[OutputRow]:
        """Read an execution's outputs."""
        return self.store.query(OUTPUTS, {"executionId": execution_id})

    def shown(self, execution_id: str) -> list[tuple[str, str]]:
        """Read what a cell shows as pairs: the stream or kind, and the text, bundle or error."""
        chunks = self.store.query(ALL_CHUNKS)
        return [
            (row.stream or row.kind, row.bundle or row.error_value or "".join(chunk.text for chunk in chunks if chunk.output_id == row.id))
            for row in self.outputs(execution_id)
        ]

    def text(self, execution_id: str, stream: str = "stdout") -> str:
        """Join what an execution wrote to a stream."""
        return "".join(text for kind, text in self.shown(execution_id) if kind == stream)

    def session(self, agent: RuntimeAgent) -> RuntimeSessionRow:
        """Read an agent's session."""
        (row,) = self.store.query(SESSION, {"sessionId": str(agent.session_id)})
        return row

    def active(self) -> RuntimeSessionRow | None:
        """Read the active session."""
        rows = self.store.query(ACTIVE_SESSION)
        return rows[0] if rows else None

    def questions(self) -> list[InputRequestRow]:
        """Read the input that is asked for."""
        return self.store.query(PENDING_INPUTS)

    def answer(self, request_id: str, value: str) -> None:
        """Answer one."""
        self.commit(InputReplied(request_id=RequestId(request_id), value=value))

    async def tell(self, agent: RuntimeAgent, topic: str, data: dict[str, Json]) -> Json:
        """Send an agent's store a live message, and return the answer."""
        return await self.store.send_live(topic, data, to=StoreSessionId(self.session(agent).store_session_id))


@final
class Scenario:
    """The world. Stores and agents are named, and ids count under those names."""

    def __init__(self) -> None:
        self.backend = InMemoryBackend()
        self.clock = ManualClock()
        self.artifacts = InMemoryArtifacts()
        self.person = Person(self.backend.store("person"))

    def store(self, name: str) -> InMemoryStore:
        """Make a connected replica."""
        return self.backend.store(name)

    def agent(
        self,
        name: str = "agent",
        *,
        store: InMemoryStore | None = None,
        engine: ScriptedEngine | None = None,
        handler: RuntimeHandler = echo,
        capabilities: RuntimeCapabilities | None = None,
        **options: Any,  # Any: fields of RuntimeAgentOptions
    ) -> RuntimeAgent:
        """Make an agent on its own replica, on an engine or else a handler; its runtime id is its name."""
        options = {"runtime_id": name, "runtime_type": "test", "client_id": "local", **options}
        agent = RuntimeAgent(
            store or self.store(f"{name}-store"),
            capabilities or RuntimeCapabilities(),
            RuntimeAgentOptions(**options),
            artifacts=self.artifacts,
            clock=self.clock,
            ids=CountingIds(f"{name}-{len(self.backend.events)}-"),
        )
        if engine is None:
            agent.on_execution(handler)
        else:
            drive_engine(agent, engine)
        return agent

    async def started(
        self, name: str = "agent", scripts: Mapping[str, Script] | None = None, **options: Any
    ) -> RuntimeAgent:  # Any: as above
        """Make an agent, on an engine with these scripts if there are any, and start it."""
        engine = None if scripts is None else ScriptedEngine(scripts)
        agent = self.agent(name, engine=engine, **options)
        await agent.start()
        await settle()
        return agent
