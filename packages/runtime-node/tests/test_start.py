"""When an agent of this machine begins: not before its store has the log."""

from msgspec import Raw

from runtime_core import RuntimeAgent, RuntimeAgentOptions, RuntimeCapabilities
from runtime_core.handlers import echo
from runtime_core.testing import CountingIds, InMemoryArtifacts
from runtime_node.main import start_caught_up
from runtime_node.system import SystemClock
from runtime_schema.args import encode_args
from runtime_schema.events import CellCreated, Event, JsonText, RuntimeSessionStarted, RuntimeSessionStatusSet, wire_name
from runtime_schema.ids import CellId, RuntimeId, RuntimeSessionId
from runtime_schema.queries import ACTIVE_SESSION
from runtime_store import connect
from runtime_store.frames import ConfirmedEvent, encode_json
from runtime_store.testing import InMemoryBackend, InMemoryServer

BEFORE = RuntimeSessionId("before")


def log_with_a_runtime() -> list[Event]:
    cells: list[Event] = [CellCreated(cell_id=CellId(f"c{n}"), cell_type="code", position="a0", source="x" * 1000) for n in range(2_000)]
    started = RuntimeSessionStarted(
        session_id=BEFORE,
        runtime_id=RuntimeId("another"),
        runtime_type="echo",
        capabilities=("code",),
        info=JsonText("{}"),
        lost_after_ms=1,
        started_ms=1,
    )
    return [*cells, started, RuntimeSessionStatusSet(session_id=BEFORE, status="ready")]


async def test_takeover_by_a_machine_that_has_nothing_of_the_log_yet_names_the_runtime_that_is_there() -> None:
    backend = InMemoryBackend()
    for n, event in enumerate(log_with_a_runtime(), 1):
        backend.append(ConfirmedEvent(wire_name(event), Raw(encode_json(encode_args(event))), "local", "theirs", n))
    server = InMemoryServer(backend)
    await server.start()
    store = await connect(server.url, "notebook")
    options = RuntimeAgentOptions(runtime_id="mine", runtime_type="echo", client_id="local")
    agent = RuntimeAgent(store, RuntimeCapabilities(), options, artifacts=InMemoryArtifacts(), clock=SystemClock(), ids=CountingIds())
    agent.on_execution(echo)
    await start_caught_up(agent, store, take_over=True)
    assert [(row.runtime_id, row.status) for row in store.query(ACTIVE_SESSION, confirmed=True)] == [("mine", "ready")]
    await agent.shutdown()
    await store.close()
    await server.stop()
