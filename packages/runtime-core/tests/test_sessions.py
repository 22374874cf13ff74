"""Starting, taking over, being cut off, being ended: rules 1 and 3 as an agent lives them, and its own shutdown."""

import asyncio

import pytest

from runtime_core import (
    AgentStateError,
    EngineStartError,
    ExecutionContext,
    InvalidOptionError,
    Lifecycle,
    RejectedError,
    RuntimeAgent,
    RuntimeAgentOptions,
    RuntimeCapabilities,
    SessionEndedError,
    SessionRefusedError,
    html,
)
from runtime_core.testing import CountingIds, InMemoryStore, Scenario, ScriptedEngine, ScriptRun, settle
from runtime_schema.events import CellCreated, RuntimeSessionResumed, RuntimeSessionTerminated, RuntimeSessionUnreachable
from runtime_schema.ids import CellId, RuntimeSessionId
from runtime_schema.outputs import ExecuteReply


async def until_interrupted(run: ScriptRun) -> ExecuteReply:
    run.write("started\n")
    await run.interrupted()
    run.write("interrupted\n")
    return ExecuteReply(status="cancelled")


async def say(run: ScriptRun) -> None:
    run.write("said\n")


SCRIPTS = {"wait": until_interrupted, "say": say}


async def test_ready_is_said_only_when_the_engine_is_up() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    engine.hold_starts = asyncio.Event()
    agent = scenario.agent(engine=engine)
    phases: list[str] = []
    agent.on_state(phases.append)
    starting = asyncio.ensure_future(agent.start())
    await settle()
    assert scenario.person.session(agent).status == "starting"
    engine.hold_starts.set()
    await starting
    await settle()
    assert scenario.person.session(agent).status == "ready"
    assert phases == ["starting", "ready"]


@pytest.mark.parametrize("source", ["wait", None], ids=["running", "waiting"])
async def test_agent_whose_store_session_a_copied_machine_uses_by_now_stops(source: str | None) -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    agent = scenario.agent(store=store, engine=ScriptedEngine(SCRIPTS))
    await agent.start()
    if source is not None:
        scenario.person.request("e1", source)
    await settle()
    store.lose_session("other")
    await settle()
    store.connect()
    assert await asyncio.wait_for(agent.closed(), 10) == "displaced"
    assert scenario.person.session(agent).status == "ready", "it is the copy's"


async def test_takeover_displaces_the_running_agent() -> None:
    scenario = Scenario()
    old = await scenario.started("old", SCRIPTS)
    await scenario.person.run("e1", "wait")
    scenario.person.request("e2", "say")
    new = scenario.agent("new", engine=ScriptedEngine(SCRIPTS))
    await new.start(takeover=True)
    await settle()
    assert await old.closed() == "displaced"
    assert scenario.person.session(old).ended_reason == "displaced"
    assert scenario.person.execution("e1").status == "lost"
    assert scenario.person.text("e1") == "started\n", "what a displaced agent still says is dropped"
    assert scenario.person.execution("e2").status == "ok"
    assert scenario.person.execution("e2").session_id == new.session_id
    assert new.state == "ready"


async def test_displaced_agent_does_not_come_back() -> None:
    scenario = Scenario()
    old = await scenario.started("old", SCRIPTS)
    new = scenario.agent("new")
    await new.start(takeover=True)
    await settle()
    await new.shutdown()
    await scenario.clock.advance(3600)
    assert old.state == "stopped"
    assert scenario.person.active() is None
    with pytest.raises(AgentStateError, match="cannot start: the agent is stopped"):
        await old.start()


async def test_late_start_is_refused() -> None:
    scenario = Scenario()
    first = await scenario.started("first")
    late = scenario.agent("late")
    with pytest.raises(SessionRefusedError, match="runtime late was refused: runtime first is active"):
        await late.start()
    assert scenario.person.session(late).ended_reason == "refused"
    assert late.state == "stopped"
    assert (await scenario.person.run("e1", "x")).session_id == first.session_id


async def test_refused_agent_never_starts_its_engine() -> None:
    scenario = Scenario()
    await scenario.started("first")
    engine = ScriptedEngine(SCRIPTS)
    with pytest.raises(SessionRefusedError):
        await scenario.agent("late", engine=engine).start()
    assert engine.starts == 0


async def test_two_agents_that_start_at_once_run_nothing_twice() -> None:
    scenario = Scenario()
    engines = [ScriptedEngine(SCRIPTS), ScriptedEngine(SCRIPTS)]
    stores = [scenario.store("one"), scenario.store("two")]
    agents = [scenario.agent(f"agent{n}", store=stores[n], engine=engines[n]) for n in range(2)]
    scenario.person.request("e1", "say")
    await settle()
    for store in stores:
        store.hold()
    starts = [asyncio.ensure_future(agent.start(takeover=True)) for agent in agents]
    await settle()
    for store in stores:
        store.release()
    results = await asyncio.gather(*starts, return_exceptions=True)
    await settle()
    assert [type(result) for result in results] == [type(None), SessionRefusedError]
    assert [len(engine.ran) for engine in engines] == [1, 0]
    assert scenario.person.execution("e1").session_id == agents[0].session_id


async def test_overtaken_start_runs_nothing_on_the_older_agent() -> None:
    """The old agent's start is under way when it is displaced: only the new one runs the execution."""
    scenario = Scenario()
    old_store = scenario.store("old-store")
    engines = [ScriptedEngine(SCRIPTS), ScriptedEngine(SCRIPTS)]
    old = scenario.agent("old", store=old_store, engine=engines[0])
    await old.start()
    await settle()
    old_store.hold(outgoing_only=True)
    scenario.person.request("e1", "say")
    await settle()
    assert old_store.status.pending == 1
    new = scenario.agent("new", engine=engines[1])
    await new.start(takeover=True)
    old_store.release()
    await settle()
    assert [len(engine.ran) for engine in engines] == [0, 1]
    assert scenario.person.execution("e1").status == "ok"
    assert await old.closed() == "displaced"


async def test_automatic_start_replaces_an_earlier_life_of_its_own() -> None:
    scenario = Scenario()
    before = await scenario.started("agent", store=scenario.store("life1"))
    after = await scenario.started("agent", store=scenario.store("life2"))
    assert await before.closed() == "displaced"
    assert scenario.person.session(after).status == "ready"


async def test_cut_shorter_than_the_limit_ends_nothing() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    go_on = asyncio.Event()

    async def long(run: ScriptRun) -> None:
        run.write("before\n")
        await go_on.wait()
        run.write("during\n")

    agent = await scenario.started("agent", {**SCRIPTS, "long": long}, store=store)
    session_id = agent.session_id
    assert session_id is not None
    await scenario.person.run("e1", "long")
    store.disconnect()
    scenario.backend.commit(RuntimeSessionUnreachable(session_id=session_id))
    scenario.person.request("e2", "say")
    await settle()
    assert scenario.person.session(agent).status == "unreachable"
    assert scenario.person.execution("e1").status == "running"
    go_on.set()
    await scenario.clock.advance(3600)
    scenario.backend.commit(RuntimeSessionResumed(session_id=session_id))
    store.connect()
    await settle()
    assert agent.session_id == session_id
    assert scenario.person.session(agent).status == "ready"
    assert scenario.person.execution("e1").status == "ok"
    assert scenario.person.text("e1") == "before\nduring\n"
    assert scenario.person.execution("e2").status == "ok"


async def test_lost_agent_starts_a_new_session_with_its_engine_kept() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    engine = ScriptedEngine(SCRIPTS)
    agent = scenario.agent(store=store, engine=engine)
    await agent.start()
    lost = agent.session_id
    assert lost is not None
    await scenario.person.run("e1", "wait")
    store.disconnect()
    scenario.backend.commit(RuntimeSessionUnreachable(session_id=lost))
    scenario.backend.commit(RuntimeSessionTerminated(session_id=lost, reason="lost"))
    await settle()
    store.connect()
    await settle()
    assert agent.state == "ready"
    assert agent.session_id != lost
    assert engine.starts == 1
    assert scenario.person.execution("e1").status == "lost"
    assert (await scenario.person.run("e2", "say")).status == "ok"


async def test_lost_agent_whose_code_does_not_stop_restarts_its_engine() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")

    async def deaf(run: ScriptRun) -> None:
        await asyncio.Event().wait()

    engine = ScriptedEngine({"deaf": deaf, "say": say})
    agent = scenario.agent(store=store, engine=engine)
    await agent.start()
    lost = agent.session_id
    assert lost is not None
    await scenario.person.run("e1", "deaf")
    scenario.backend.commit(RuntimeSessionTerminated(session_id=lost, reason="lost"))
    await scenario.clock.advance(5)
    assert agent.state == "ready"
    assert engine.starts == 2
    assert (await scenario.person.run("e2", "say")).execution_count == 1


async def test_lost_agent_stops_when_another_is_active() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    agent = await scenario.started("agent", SCRIPTS, store=store)
    session_id = agent.session_id
    assert session_id is not None
    store.disconnect()
    scenario.backend.commit(RuntimeSessionTerminated(session_id=session_id, reason="lost"))
    other = await scenario.started("other")
    store.connect()
    await settle()
    assert await agent.closed() == "lost"
    assert other.state == "ready"


async def test_evicted_agent_stops_and_its_engine_with_it() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    agent = scenario.agent(engine=engine)
    await agent.start()
    session_id = agent.session_id
    assert session_id is not None
    await scenario.person.run("e1", "wait")
    scenario.person.commit(RuntimeSessionTerminated(session_id=session_id, reason="evicted"))
    await settle()
    assert await agent.closed() == "evicted"
    assert not engine.up


async def test_agent_evicted_while_it_starts_says_so() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    engine.hold_starts = asyncio.Event()
    agent = scenario.agent(engine=engine)
    starting = asyncio.ensure_future(agent.start())
    await settle()
    session_id = agent.session_id
    assert session_id is not None
    scenario.person.commit(RuntimeSessionTerminated(session_id=session_id, reason="evicted"))
    with pytest.raises(SessionEndedError, match="evicted"):
        await starting


async def test_engine_that_cannot_start_ends_the_session_as_crashed() -> None:
    scenario = Scenario()
    agent = scenario.agent(engine=ScriptedEngine(SCRIPTS, start_failures=1))
    with pytest.raises(EngineStartError, match="script could not start: it was told to fail \\(start it again\\)"):
        await agent.start()
    await settle()
    assert agent.state == "stopped"
    assert isinstance(agent.problem, EngineStartError)
    assert scenario.person.session(agent).ended_reason == "crashed"


async def test_engine_that_is_not_up_in_time_ends_the_session_as_crashed() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    engine.hold_starts = asyncio.Event()
    agent = scenario.agent(engine=engine)
    starting = asyncio.ensure_future(agent.start())
    await scenario.clock.advance(299)
    assert not starting.done()
    await scenario.clock.advance(1)
    with pytest.raises(EngineStartError, match="not ready within 300 s"):
        await starting
    await settle()
    assert scenario.person.session(agent).ended_reason == "crashed"


async def test_shutdown_leaves_the_store_open() -> None:
    scenario = Scenario()
    store = scenario.store("shared")
    agent = await scenario.started("agent", SCRIPTS, store=store)
    await agent.shutdown()
    await agent.shutdown()
    assert await agent.closed() == "shutdown"
    assert scenario.person.session(agent).ended_reason == "shutdown"
    assert (await store.commit(CellCreated(cell_id=CellId("after"), cell_type="code", position="a0", source=""))).applied


async def test_shutdown_cancels_what_runs_and_leaves_the_queue_to_others() -> None:
    scenario = Scenario()
    agent = await scenario.started("agent", SCRIPTS)
    await scenario.person.run("e1", "wait")
    scenario.person.request("e2", "say")
    await settle()
    await agent.shutdown()
    await settle()
    assert scenario.person.execution("e1").status == "cancelled"
    assert scenario.person.text("e1") == "started\ninterrupted\n"
    assert (scenario.person.execution("e2").status, scenario.person.execution("e2").session_id) == ("queued", None)


async def test_shutdown_gives_up_on_what_does_not_end_in_the_grace_time() -> None:
    scenario = Scenario()

    async def deaf(context: ExecutionContext) -> None:
        await asyncio.Event().wait()

    agent = await scenario.started(handler=deaf)
    await scenario.person.run("e1", "x")
    ending = asyncio.ensure_future(agent.shutdown())
    await scenario.clock.advance(4.9)
    assert not ending.done()
    await scenario.clock.advance(0.1)
    await ending
    assert scenario.person.execution("e1").status == "cancelled"


async def test_shutdown_without_a_connection_waits_a_bounded_time() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    agent = await scenario.started("agent", store=store)
    store.disconnect()
    ending = asyncio.ensure_future(agent.shutdown())
    await scenario.clock.advance(4.9)
    assert not ending.done()
    await scenario.clock.advance(0.1)
    await ending
    store.connect()
    await settle()
    assert scenario.person.session(agent).ended_reason == "shutdown", "the store sends it when it can"


async def test_shutdown_before_the_start_is_an_end() -> None:
    agent = Scenario().agent()
    await agent.shutdown()
    assert agent.state == "stopped"


async def test_shutdown_while_starting_ends_the_start() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    engine.hold_starts = asyncio.Event()
    agent = scenario.agent(engine=engine)
    starting = asyncio.ensure_future(agent.start())
    await settle()
    await agent.shutdown()
    with pytest.raises(SessionEndedError, match="shutdown"):
        await starting


async def test_cancelling_the_start_ends_the_agent() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    engine.hold_starts = asyncio.Event()
    agent = scenario.agent(engine=engine)
    starting = asyncio.ensure_future(agent.start())
    await settle()
    starting.cancel()
    await settle()
    assert agent.state == "stopped"
    assert scenario.person.active() is None


async def test_start_waits_for_the_connection() -> None:
    scenario = Scenario()
    await scenario.started("active")
    store = scenario.backend.store("late-store", connected=False)
    late = scenario.agent("late", store=store)
    starting = asyncio.ensure_future(late.start(takeover=True))
    await settle()
    assert late.session_id is None
    store.connect()
    await starting
    assert late.state == "ready"


async def test_own_session_id_is_used() -> None:
    scenario = Scenario()
    agent = await scenario.started(session_id=RuntimeSessionId("mine"))
    assert agent.session_id == "mine"


async def test_client_id_must_be_the_stores() -> None:
    with pytest.raises(InvalidOptionError, match="client_id: is 'ada', but the store commits in the name of 'local'"):
        Scenario().agent(client_id="ada")


async def test_every_capability_needs_a_handler() -> None:
    scenario = Scenario()
    options = RuntimeAgentOptions(runtime_id="bare", runtime_type="test", client_id="local")
    bare = RuntimeAgent(
        scenario.store("bare"),
        RuntimeCapabilities(execute_ai=True),
        options,
        artifacts=scenario.artifacts,
        clock=scenario.clock,
        ids=CountingIds(),
    )
    bare.on_execution(html, cell_types=["code"])
    with pytest.raises(AgentStateError, match="cannot start without a handler for ai cells"):
        await bare.start()


async def test_other_rules_refuse_the_start() -> None:
    scenario = Scenario()
    scenario.backend.change_rules()
    agent = scenario.agent()
    with pytest.raises(RejectedError, match="upgrade"):
        await agent.start()
    assert await agent.closed() == "upgrade"


async def test_event_the_session_cannot_do_without_ends_it_when_rejected() -> None:
    scenario = Scenario()
    agent = await scenario.started("agent", SCRIPTS)
    scenario.backend.rejections["v1.ExecutionFinished"] = ("forbidden", "not yours")
    await scenario.person.run("e1", "say")
    assert await agent.closed() == "crashed"
    assert str(agent.problem) == "v1.ExecutionFinished was rejected (forbidden): not yours"
    assert scenario.person.execution("e1").status == "lost"


async def test_engine_that_fails_to_stop_does_not_keep_the_agent() -> None:
    scenario = Scenario()

    class Stubborn(Lifecycle):
        async def start(self) -> None:
            pass

        async def restart(self) -> None:
            pass

        async def stop(self) -> None:
            raise RuntimeError("no")

    agent = scenario.agent()
    agent.attach(Stubborn())
    await agent.start()
    with pytest.raises(AgentStateError, match="cannot attach a lifecycle: the agent is ready"):
        agent.attach(Stubborn())
    await agent.shutdown()
    assert agent.state == "stopped"
    assert str(agent.problem) == "no"
    assert scenario.person.session(agent).ended_reason == "shutdown"


async def test_observers_and_handlers_can_be_taken_away() -> None:
    scenario = Scenario()
    agent = scenario.agent()
    phases: list[str] = []
    heard: list[object] = []

    async def hear(cancellation: object) -> None:
        heard.append(cancellation)

    for unregister in (agent.on_state(phases.append), agent.on_cancellation(hear), agent.on_execution(html)):
        unregister()
        unregister()
    await agent.start()
    assert phases == []
    assert scenario.person.session(agent).status == "ready"


async def test_other_rules_let_finish_what_runs_and_end_the_session() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    go_on = asyncio.Event()

    async def long(run: ScriptRun) -> None:
        await go_on.wait()
        run.write("done\n")

    agent = await scenario.started("agent", {"long": long}, store=store)
    await scenario.person.run("e1", "long")
    scenario.backend.change_rules()
    await scenario.person.tell(agent, "runtime.stop", {"sessionId": "another"})
    go_on.set()
    scenario.person.request("e2", "long")
    await settle()
    assert await agent.closed() == "upgrade"
    assert scenario.person.execution("e1").status == "ok"
    assert scenario.person.execution("e2").status == "queued"
    assert scenario.person.session(agent).ended_reason == "shutdown"


async def test_person_stops_the_runtime() -> None:
    scenario = Scenario()
    agent = await scenario.started("agent", SCRIPTS)
    assert await scenario.person.tell(agent, "runtime.stop", {"sessionId": str(agent.session_id)}) == {"ok": True}
    assert await agent.closed() == "shutdown"


async def test_stop_of_another_session_is_refused() -> None:
    scenario = Scenario()
    agent = await scenario.started("agent", SCRIPTS)
    answer = await scenario.person.tell(agent, "runtime.stop", {"sessionId": "another"})
    assert answer == {"ok": False, "problem": f"this runtime's session is {agent.session_id}"}
    assert agent.state == "ready"


async def test_agent_works_on_a_store_that_is_its_own_authority() -> None:
    scenario = Scenario()
    store = InMemoryStore()
    agent = scenario.agent(store=store)
    await agent.start()
    assert agent.state == "ready"
    await agent.shutdown()
