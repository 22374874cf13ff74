"""Running, cancelling, restarting and crashing: what happens to executions, by agents on scripted engines."""

import asyncio

from runtime_core import EngineDiedError, ExecutionContext, RuntimeAgent, RuntimeAgentOptions, RuntimeCapabilities, drive_engine, html
from runtime_core.testing import CountingIds, InMemoryStore, Scenario, Script, ScriptedEngine, ScriptRun, settle
from runtime_schema.events import CellCreated, CellDeleted, ExecutionFinished, ExecutionRequested, ExecutionStarted
from runtime_schema.ids import CellId, ExecutionId, RuntimeSessionId
from runtime_schema.outputs import ErrorOutput, ExecuteReply, StreamText


async def until_interrupted(run: ScriptRun) -> ExecuteReply:
    run.write("started\n")
    await run.interrupted()
    return ExecuteReply(status="cancelled")


async def deaf(run: ScriptRun) -> None:
    run.write("started\n")
    await asyncio.Event().wait()


async def say(run: ScriptRun) -> None:
    run.write("said\n")


async def fail(run: ScriptRun) -> None:
    raise ValueError("no good")


SCRIPTS: dict[str, Script] = {"wait": until_interrupted, "deaf": deaf, "say": say, "fail": fail}


async def world(cancel_grace_s: float = 5) -> tuple[Scenario, ScriptedEngine, InMemoryStore]:
    scenario = Scenario()
    engine, store = ScriptedEngine(SCRIPTS), scenario.store("agent-store")
    await scenario.agent(store=store, engine=engine, cancel_grace_s=cancel_grace_s).start()
    await settle()
    return scenario, engine, store


def start_of(execution_id: str, store: InMemoryStore) -> ExecutionStarted:
    session_id, count = store.offers[-1]
    return ExecutionStarted(
        execution_id=ExecutionId(execution_id), session_id=RuntimeSessionId(session_id), execution_count=count, started_ms=0
    )


def answer_offer(scenario: Scenario, store: InMemoryStore, execution_id: str, source: str) -> None:
    """Let an execution be requested, and started by the authority in the same moment."""
    cell, commit = CellId(execution_id), scenario.backend.commit
    commit(CellCreated(cell_id=cell, cell_type="code", position="a0", source=source))
    commit(ExecutionRequested(execution_id=ExecutionId(execution_id), cell_id=cell, source=source, requested_ms=0))
    commit(start_of(execution_id, store))


def started_by(scenario: Scenario) -> list[tuple[object, str]]:
    return [(event.args["executionId"], event.client_id) for event in scenario.backend.events if event.name == "v1.ExecutionStarted"]


async def test_execution_counts_are_the_runtimes_own() -> None:
    scenario, engine, _ = await world()
    for n in range(3):
        await scenario.person.run(f"e{n}", "say")
    assert [count for _, _, count in engine.ran] == [1, 2, 3]
    assert scenario.person.execution("e2").execution_count == 3


async def test_runtime_that_has_nothing_to_do_offers_to_wait() -> None:
    scenario, _, store = await world()
    assert [count for _, count in store.offers] == [1]
    for execution_id, source in (("e1", "wait"), ("e2", "say")):
        scenario.person.request(execution_id, source)
    await settle()
    scenario.person.cancel("e1")
    await settle()
    assert [count for _, count in store.offers] == [1, 3], "no offer while something waits"


async def test_execution_that_the_authority_started_runs_once_under_its_count() -> None:
    scenario, engine, store = await world()
    answer_offer(scenario, store, "e1", "say")
    await settle()
    assert engine.ran == [("e1", "say", 1)]
    assert scenario.person.execution("e1").status == "ok"
    answer_offer(scenario, store, "e2", "say")
    await scenario.person.run("e3", "say")
    assert engine.ran == [("e1", "say", 1), ("e2", "say", 2), ("e3", "say", 3)]
    assert started_by(scenario) == [("e1", "server"), ("e2", "server"), ("e3", "local")]


async def test_execution_that_the_authority_started_and_the_agent_too_runs_once() -> None:
    scenario, engine, store = await world()
    store.hold(outgoing_only=True)
    scenario.person.request("e1", "say")
    await settle()
    scenario.backend.commit(start_of("e1", store))
    store.release()
    await settle()
    assert started_by(scenario) == [("e1", "server"), ("e1", "local")]
    assert engine.ran == [("e1", "say", 1)]
    assert scenario.person.execution("e1").status == "ok"


async def test_execution_that_the_authority_started_and_somebody_cancelled_never_runs() -> None:
    scenario, engine, store = await world()
    store.hold()
    answer_offer(scenario, store, "e1", "say")
    await settle()
    scenario.person.cancel("e1")
    await settle()
    store.release()
    await settle()
    assert engine.ran == []
    assert scenario.person.execution("e1").status == "cancelled"


async def test_execution_that_the_authority_started_during_a_restart_runs_after_it() -> None:
    scenario, engine, store = await world()
    await scenario.person.run("e1", "say")
    store.hold()
    answer_offer(scenario, store, "e2", "say")
    engine.report("was killed")
    await settle()
    store.release()
    await settle()
    assert engine.ran == [("e1", "say", 1), ("e2", "say", 2)]
    assert scenario.person.execution("e2").status == "ok"
    await scenario.person.run("e3", "say")
    assert engine.ran[-1] == ("e3", "say", 3)


async def test_executions_run_one_after_the_other_in_order() -> None:
    scenario, engine, _ = await world()
    for execution_id, source in (("e1", "say"), ("e2", "wait"), ("e3", "say")):
        scenario.person.request(execution_id, source)
    await settle()
    assert [execution_id for execution_id, _, _ in engine.ran] == ["e1", "e2"]
    scenario.person.cancel("e2")
    await settle()
    assert [execution_id for execution_id, _, _ in engine.ran] == ["e1", "e2", "e3"]


async def test_requests_made_before_there_was_a_runtime_run_when_it_is_ready() -> None:
    scenario = Scenario()
    scenario.person.request("e1", "say")
    await scenario.started("agent", SCRIPTS)
    assert scenario.person.execution("e1").status == "ok"


async def test_cell_that_raised_is_an_error_with_its_name() -> None:
    scenario, _, _ = await world()
    row = await scenario.person.run("e1", "fail")
    assert (row.status, row.error_name, row.error_value) == ("error", "ValueError", "no good")
    assert scenario.person.shown("e1") == [("error", "no good")]


async def test_rest_of_a_batch_is_cancelled_when_one_fails() -> None:
    scenario, engine, _ = await world()
    scenario.person.request_all({"e1": "say", "e2": "fail", "e3": "say"})
    await settle()
    assert [scenario.person.execution(key).status for key in ("e1", "e2", "e3")] == ["ok", "error", "cancelled"]
    assert len(engine.ran) == 2


async def test_cancelled_while_queued_never_starts() -> None:
    scenario, engine, _ = await world()
    await scenario.person.run("e1", "wait")
    scenario.person.request("e2", "say")
    scenario.person.cancel("e2")
    scenario.person.cancel("e1")
    await settle()
    assert scenario.person.execution("e2").status == "cancelled"
    assert [execution_id for execution_id, _, _ in engine.ran] == ["e1"]


async def test_cancelled_while_running_is_interrupted() -> None:
    scenario, engine, _ = await world()
    await scenario.person.run("e1", "wait")
    scenario.person.cancel("e1")
    await settle()
    assert scenario.person.execution("e1").status == "cancelled"
    assert engine.starts == 1


async def test_cancelling_at_the_receipt_never_runs() -> None:
    scenario, engine, store = await world()
    store.hold(outgoing_only=True)
    scenario.person.request("e1", "say")
    await settle()
    store.hold()
    store.disconnect(after_push=True)  # the start is recorded, and its receipt is lost
    scenario.person.cancel("e1")
    await settle()
    assert scenario.person.execution("e1").status == "cancelling"
    store.release()
    store.connect()
    await settle()
    assert scenario.person.execution("e1").status == "cancelled"
    assert engine.ran == []


async def test_lost_receipt_starts_nothing_twice() -> None:
    scenario, engine, store = await world()
    store.hold(outgoing_only=True)
    scenario.person.request("e1", "say")
    await settle()
    store.hold()
    store.disconnect(after_push=True)
    store.release()
    await settle()
    assert engine.ran == []
    store.connect()
    await settle()
    assert [execution_id for execution_id, _, _ in engine.ran] == ["e1"]
    assert scenario.person.execution("e1").status == "ok"


async def test_start_that_is_applied_while_the_engine_restarts_runs_afterwards() -> None:
    scenario = Scenario()
    engine, store = ScriptedEngine(SCRIPTS), scenario.store("agent-store")
    agent = scenario.agent(store=store, engine=engine)
    await agent.start()
    await settle()
    store.hold(outgoing_only=True)
    scenario.person.request("e1", "say")
    await settle()
    await scenario.person.tell(agent, "runtime.restart", {"sessionId": str(agent.session_id)})
    await settle()
    engine.report("exited with status 1")  # once more, before the session is ready again
    store.release()
    await settle()
    assert engine.starts == 3
    assert engine.ran == [("e1", "say", 1)]
    assert scenario.person.execution("e1").status == "ok"
    assert (await scenario.person.run("e2", "say")).execution_count == 2


async def test_execution_that_the_store_ended_itself_is_let_go() -> None:
    """A page ends an execution in its runtime's name when it ends the worker."""
    scenario = Scenario()
    engine, store = ScriptedEngine(SCRIPTS), scenario.store("agent-store")
    agent = scenario.agent(store=store, engine=engine)
    await agent.start()
    await settle()
    session_id = agent.session_id
    assert session_id is not None

    def end(execution_id: str) -> None:
        event = ExecutionFinished(execution_id=ExecutionId(execution_id), session_id=session_id, status="cancelled", finished_ms=0)
        _ = store.commit(event)

    store.hold(outgoing_only=True)
    scenario.person.request("e1", "say")
    scenario.person.request("next", "say")
    await settle()
    end("e1")
    store.release()
    await settle()
    assert [execution_id for execution_id, _, _ in engine.ran] == ["next"]
    await scenario.person.run("e2", "wait")
    end("e2")
    await settle()
    assert (await scenario.person.run("e3", "say")).status == "ok"


async def test_engine_that_says_it_died_only_by_its_answer_comes_back() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    agent = scenario.agent()
    on_engine = drive_engine(agent, engine)

    async def execute(context: ExecutionContext) -> ExecuteReply:
        if context.cell.source == "die":
            raise EngineDiedError("exited with status 1")
        return await on_engine.execute(context)

    agent.on_execution(execute)
    await agent.start()
    row = await scenario.person.run("e1", "die")
    assert (row.status, row.error_name) == ("error", "RuntimeCrashed")
    assert engine.starts == 2
    assert (await scenario.person.run("e2", "say")).status == "ok"


async def test_handler_taken_away_while_running_is_an_error_of_the_next_cell() -> None:
    scenario = Scenario()
    plain = RuntimeAgent(
        scenario.store("plain"),
        RuntimeCapabilities(),
        RuntimeAgentOptions(runtime_id="plain", runtime_type="test", client_id="local"),
        artifacts=scenario.artifacts,
        clock=scenario.clock,
        ids=CountingIds("plain-"),
    )
    unregister = plain.on_execution(html)
    await plain.start()
    unregister()
    row = await scenario.person.run("e1", "x")
    assert (row.status, row.error_value) == ("error", "this runtime has no handler for code cells any more")


async def test_deleting_a_cell_interrupts_it() -> None:
    scenario, _, _ = await world()
    await scenario.person.run("e1", "wait")
    scenario.person.delete("e1")
    await settle()
    assert scenario.person.execution("e1").status == "cancelled"


async def test_engine_that_ignores_the_interrupt_is_restarted_after_the_grace_time() -> None:
    scenario, engine, _ = await world(cancel_grace_s=2)
    await scenario.person.run("e1", "deaf")
    scenario.person.cancel("e1")
    await scenario.clock.advance(1.9)
    assert scenario.person.execution("e1").status == "cancelling"
    assert engine.starts == 1
    await scenario.clock.advance(0.2)
    assert scenario.person.execution("e1").status == "cancelled"
    assert engine.starts == 2
    assert "did not stop within 2 s: the runtime is restarted" in scenario.person.text("e1", "stderr")
    assert (await scenario.person.run("e2", "say")).status == "ok"


async def test_handler_that_ignores_the_cancellation_is_given_up() -> None:
    scenario = Scenario()

    async def handler(context: ExecutionContext) -> None:
        if context.cell.source == "deaf":
            await asyncio.Event().wait()

    await scenario.started(handler=handler)
    await scenario.person.run("e1", "deaf")
    scenario.person.cancel("e1")
    await scenario.clock.advance(5)
    assert scenario.person.execution("e1").status == "cancelled"
    assert (await scenario.person.run("e2", "x")).status == "ok"


async def test_handler_hears_of_the_cancellation() -> None:
    scenario = Scenario()
    heard: list[str] = []

    async def handler(context: ExecutionContext) -> None:
        heard.append(await context.wait_cancelled())
        context.check_cancelled()

    agent = await scenario.started(handler=handler)

    async def broken(_: object) -> None:
        raise RuntimeError("this must not matter")

    agent.on_cancellation(broken)
    await scenario.person.run("e1", "x")
    scenario.person.cancel("e1")
    await settle()
    assert heard == ["stop"]
    assert scenario.person.execution("e1").status == "cancelled"


async def test_handler_that_raises_fails_its_execution() -> None:
    scenario = Scenario()

    async def handler(context: ExecutionContext) -> None:
        raise KeyError("missing")

    await scenario.started(handler=handler)
    row = await scenario.person.run("e1", "x")
    assert (row.status, row.error_name) == ("error", "KeyError")
    assert scenario.person.shown("e1") == [("error", "'missing'")]


async def test_each_cell_type_has_its_handler() -> None:
    scenario = Scenario()
    agent = scenario.agent(capabilities=RuntimeCapabilities(execute_sql=True))
    unregister = agent.on_execution(html, cell_types=["sql"])
    await agent.start()
    scenario.person.request("e1", "<b>1</b>", cell_type="sql")
    scenario.person.request("e2", "x")
    await settle()
    assert [row.kind for row in scenario.person.outputs("e1")] == ["display"]
    assert scenario.person.shown("e2") == [("result", '{"text/plain":{"type":"inline","data":"Echo: x"}}')]
    unregister()
    scenario.person.request("e3", "x", cell_type="sql")
    await settle()
    assert [row.kind for row in scenario.person.outputs("e3")] == ["result"]


async def test_cells_beyond_its_capabilities_are_left_to_others() -> None:
    scenario, _, _ = await world()
    scenario.person.request("e1", "SELECT 1", cell_type="sql")
    await settle()
    assert scenario.person.execution("e1").status == "queued"


async def test_person_restarts_the_runtime() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    agent = scenario.agent(engine=engine)
    await agent.start()
    await scenario.person.run("e1", "say")
    await scenario.person.run("e2", "deaf")
    scenario.person.request("e3", "say")
    await settle()
    engine.hold_starts = asyncio.Event()
    assert await scenario.person.tell(agent, "runtime.restart", {"sessionId": str(agent.session_id)}) == {"ok": True}
    await settle()
    row = scenario.person.execution("e2")
    assert (row.status, row.error_name) == ("error", "RuntimeRestarted")
    assert scenario.person.session(agent).status == "restarting"
    assert scenario.person.execution("e3").session_id == agent.session_id, "the queue stays"
    answer = await scenario.person.tell(agent, "runtime.restart", {"sessionId": str(agent.session_id)})
    assert answer == {"ok": False, "problem": "the runtime is restarting"}
    engine.hold_starts.set()
    await settle()
    assert scenario.person.session(agent).status == "ready"
    assert (scenario.person.execution("e3").status, scenario.person.execution("e3").execution_count) == ("ok", 1)


async def test_restart_finishes_what_is_being_cancelled_as_cancelled() -> None:
    scenario = Scenario()
    agent = await scenario.started("agent", SCRIPTS)
    await scenario.person.run("e1", "deaf")
    scenario.person.cancel("e1")
    await settle()
    await scenario.person.tell(agent, "runtime.restart", {"sessionId": str(agent.session_id)})
    await settle()
    assert scenario.person.execution("e1").status == "cancelled"


async def test_restart_without_an_engine_starts_the_count_anew() -> None:
    scenario = Scenario()
    agent = await scenario.started()
    await scenario.person.run("e1", "x")
    await scenario.person.tell(agent, "runtime.restart", {"sessionId": str(agent.session_id)})
    await settle()
    assert (await scenario.person.run("e2", "x")).execution_count == 1


async def test_engine_that_dies_fails_the_cell_and_comes_back() -> None:
    scenario, engine, _ = await world()
    await scenario.person.run("e1", "deaf")
    scenario.person.request("e2", "say")
    await settle()
    engine.die("was killed by SIGSEGV")
    await settle()
    row = scenario.person.execution("e1")
    assert (row.status, row.error_name) == ("error", "RuntimeCrashed")
    assert scenario.person.shown("e1") == [
        ("stdout", "started\n"),
        ("error", "the runtime was killed by SIGSEGV; its variables are gone"),
    ]
    assert engine.starts == 2
    assert (scenario.person.execution("e2").status, scenario.person.execution("e2").execution_count) == ("ok", 1)


async def test_idle_engine_that_dies_comes_back() -> None:
    scenario, engine, _ = await world()
    engine.die("exited with status 3")
    await settle()
    assert engine.starts == 2
    assert (await scenario.person.run("e1", "say")).status == "ok"


async def test_cell_that_kills_the_engine_each_time_does_not_end_the_runtime() -> None:
    scenario, engine, _ = await world()
    for n in range(5):
        await scenario.person.run(f"e{n}", "deaf")
        engine.die("was killed by SIGSEGV")
        await settle()
    assert (await scenario.person.run("last", "say")).status == "ok"


async def test_engine_that_does_not_come_back_ends_the_session_as_crashed() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    agent = scenario.agent(engine=engine)
    await agent.start()
    await settle()
    engine.start_failures = 2
    engine.die("was killed by SIGKILL")
    await settle()
    assert await agent.closed() == "crashed"
    assert scenario.person.session(agent).ended_reason == "crashed"


async def test_engine_that_dies_three_times_without_running_anything_ends_the_session() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    agent = scenario.agent(engine=engine)
    await agent.start()
    for _ in range(2):
        engine.die("exited with status 1")
        await settle()
        assert agent.state == "ready"
    engine.die("exited with status 1")
    await settle()
    assert await agent.closed() == "crashed"
    assert "it exited with status 1, for the 3. time" in str(agent.problem)


async def test_engine_that_dies_while_it_comes_up_is_tried_again() -> None:
    scenario, engine, _ = await world()
    engine.hold_starts = asyncio.Event()
    engine.die("exited with status 1")
    await settle()
    engine.report("exited with status 2")
    engine.hold_starts.set()
    await settle()
    assert engine.starts == 3
    assert (await scenario.person.run("e1", "say")).status == "ok"


async def test_cancellation_that_comes_before_the_code_leaves_nothing_to_interrupt() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    agent = scenario.agent()
    on_engine = drive_engine(agent, engine)

    async def prepare(context: ExecutionContext) -> ExecuteReply:
        await context.wait_cancelled()
        return await on_engine.execute(context)

    agent.on_execution(prepare)
    await agent.start()
    await scenario.person.run("e1", "say")
    scenario.person.cancel("e1")
    await settle()
    assert scenario.person.execution("e1").status == "cancelled"
    assert engine.ran == []


async def test_engine_that_comes_back_at_the_last_try_goes_on() -> None:
    scenario, engine, _ = await world()
    engine.start_failures = 1
    engine.die("was killed by SIGKILL")
    await settle()
    assert (await scenario.person.run("e1", "say")).status == "ok"


async def test_background_output_goes_to_the_cell_it_came_from() -> None:
    scenario = Scenario()
    runs: list[ScriptRun] = []

    async def leave_a_thread(run: ScriptRun) -> None:
        runs.append(run)
        run.write("now\n")

    await scenario.started("agent", {**SCRIPTS, "thread": leave_a_thread})
    await scenario.person.run("e1", "thread")
    await scenario.person.run("e2", "say")
    await scenario.clock.advance(1)
    runs[0].write("later\n")
    await settle()
    assert scenario.person.text("e1") == "now\nlater\n"
    assert scenario.person.text("e2") == "said\n"


async def test_background_output_of_a_cell_that_ran_again_is_dropped() -> None:
    scenario = Scenario()
    runs: list[ScriptRun] = []

    async def leave_a_thread(run: ScriptRun) -> None:
        runs.append(run)

    await scenario.started("agent", {"thread": leave_a_thread})
    scenario.person.request("e1", "thread", "cell")
    await settle()
    scenario.person.request("e2", "thread", "cell")
    await settle()
    runs[0].write("old\n")
    runs[1].write("new\n")
    await scenario.clock.advance(1)
    assert scenario.person.text("e1") == ""
    assert scenario.person.text("e2") == "new\n"


async def test_output_of_no_execution_is_dropped() -> None:
    scenario = Scenario()
    engine = ScriptedEngine({})
    agent = scenario.agent()
    sink = drive_engine(agent, engine)
    await agent.start()
    sink.emit("nobody", StreamText(stream="stdout", text="x"))
    sink.emit("nobody", ErrorOutput(name="E", value="x"))
    await settle()
    assert agent.state == "ready"


async def test_output_of_a_deleted_cell_does_not_disturb_the_runtime() -> None:
    scenario, _, _ = await world()
    await scenario.person.run("e1", "say")
    scenario.person.commit(CellDeleted(cell_id=CellId("e1")))
    assert (await scenario.person.run("e2", "say")).status == "ok"


async def test_output_made_offline_arrives_in_order() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    go_on = asyncio.Event()

    async def chatty(run: ScriptRun) -> None:
        await go_on.wait()
        for n in range(50):
            run.emit(StreamText(stream="stderr" if n % 10 == 0 else "stdout", text=f"{n} "))

    await scenario.started("agent", {"chatty": chatty}, store=store)
    await scenario.person.run("e1", "chatty")
    store.disconnect()
    go_on.set()
    await scenario.clock.advance(60)
    store.connect()
    await settle()
    assert "".join(text for _, text in scenario.person.shown("e1")) == "".join(f"{n} " for n in range(50))
    assert scenario.person.execution("e1").status == "ok"
