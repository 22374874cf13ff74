"""What an execution may not exceed: its time, what waits for the network; and code that asks for the end of the runtime."""

import asyncio

from runtime_core import ExecutionContext
from runtime_core.testing import Scenario, Script, ScriptedEngine, ScriptRun, settle
from runtime_schema.outputs import DisplayData, ExecuteReply

MIB = 1024 * 1024


async def until_interrupted(run: ScriptRun) -> ExecuteReply:
    await run.interrupted()
    return ExecuteReply(status="cancelled")


async def deaf(_run: ScriptRun) -> None:
    await asyncio.Event().wait()


async def say(run: ScriptRun) -> None:
    run.write("said\n")


async def leave(run: ScriptRun) -> None:
    run.write("before\n")
    run.exit()
    run.write("after\n")


SCRIPTS: dict[str, Script] = {"wait": until_interrupted, "deaf": deaf, "say": say, "exit": leave}


async def test_execution_that_runs_too_long_is_interrupted_and_ends_in_an_error() -> None:
    scenario = Scenario()
    await scenario.started("agent", SCRIPTS, execution_timeout_s=30)
    await scenario.person.run("e1", "wait")
    await scenario.clock.advance(29)
    assert scenario.person.execution("e1").status == "running"
    await scenario.clock.advance(1)
    row = scenario.person.execution("e1")
    assert (row.status, row.error_name, row.error_value) == ("error", "ExecutionTimeout", "it ran longer than 30 s")
    assert "it ran longer than 30 s and is interrupted" in scenario.person.text("e1", "stderr")
    assert (await scenario.person.run("e2", "say")).status == "ok"
    await scenario.clock.advance(60)
    assert (await scenario.person.run("e3", "say")).status == "ok", "the time of an execution that has ended is nobody's"


async def test_execution_that_ignores_the_end_of_its_time_costs_the_runtime_its_variables() -> None:
    scenario = Scenario()
    engine = ScriptedEngine(SCRIPTS)
    await scenario.agent(engine=engine, execution_timeout_s=30, cancel_grace_s=5).start()
    await scenario.person.run("e1", "deaf")
    await scenario.clock.advance(36)
    row = scenario.person.execution("e1")
    assert (row.status, row.error_name) == ("error", "ExecutionTimeout")
    assert engine.starts == 2
    assert (await scenario.person.run("e2", "say")).status == "ok"


async def test_a_person_who_stops_it_first_has_stopped_it() -> None:
    scenario = Scenario()
    await scenario.started("agent", SCRIPTS, execution_timeout_s=30, cancel_grace_s=5)
    await scenario.person.run("e1", "deaf")
    await scenario.clock.advance(28)
    scenario.person.cancel("e1")
    await scenario.clock.advance(10)
    assert scenario.person.execution("e1").status == "cancelled"


async def test_code_that_asks_for_the_end_ends_the_session_when_it_is_done() -> None:
    scenario = Scenario()
    agent = await scenario.started("agent", SCRIPTS)
    scenario.person.request("e1", "exit")
    scenario.person.request("e2", "say")
    await settle()
    assert await agent.closed() == "shutdown"
    assert scenario.person.execution("e1").status == "ok"
    assert scenario.person.text("e1") == "before\nafter\n"
    assert scenario.person.execution("e2").status == "queued", "the next runtime runs it"
    assert scenario.person.session(agent).ended_reason == "shutdown"


async def test_code_that_asks_for_the_end_after_its_own_ends_the_session_at_once() -> None:
    scenario = Scenario()
    runs: list[ScriptRun] = []

    async def keep(run: ScriptRun) -> None:
        runs.append(run)

    agent = await scenario.started("agent", {"keep": keep})
    await scenario.person.run("e1", "keep")
    runs[0].exit()
    assert await agent.closed() == "shutdown"


async def flood(run: ScriptRun) -> None:
    for n in range(100):
        await run.ready()
        run.write("x" * MIB)
        run.emit(DisplayData(bundle={"text/plain": str(n)}))


async def test_without_network_a_cell_runs_on_until_the_spool_is_full() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    done: list[int] = []

    async def work(run: ScriptRun) -> None:
        for n in range(20):
            await run.ready()
            run.write("x" * MIB)
            done.append(n)

    await scenario.started("agent", {"work": work}, store=store, unconfirmed_limit_bytes=2 * MIB, offline_limit_bytes=10 * MIB)
    scenario.person.request("e1", "work")
    await settle(6)
    store.disconnect()
    await scenario.clock.advance(1)
    assert 10 <= len(done) <= 12, "what is not confirmed waits, and then the cell"
    store.connect()
    await scenario.clock.advance(1)
    assert len(done) == 20
    assert scenario.person.execution("e1").status == "ok"
    assert len(scenario.person.text("e1")) == 20 * MIB, "nothing is lost"


async def test_a_cell_that_waited_for_the_network_too_long_goes_on_and_says_what_was_dropped() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    await scenario.started("agent", {"flood": flood}, store=store, offline_limit_bytes=10 * MIB, patience_s=60)
    scenario.person.request("e1", "flood")
    await settle(6)
    store.disconnect()
    await scenario.clock.advance(59)
    assert scenario.person.execution("e1").status == "running"
    await scenario.clock.advance(5)
    store.connect()
    await scenario.clock.advance(1)
    assert scenario.person.execution("e1").status == "ok"
    kept = len(scenario.person.text("e1")) // MIB
    assert 10 <= kept < 30
    assert f"[{100 - kept:.1f} MiB of text and {100 - kept} other outputs were dropped here" in scenario.person.text("e1", "stderr")


async def test_a_slow_authority_is_waited_for_as_long_as_something_moves() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")

    async def handler(context: ExecutionContext) -> None:
        context.stdout("x" * 100_000)
        context.stdout("x" * 100_000)
        await context.ready()
        context.stdout("end")

    await scenario.started(handler=handler, store=store, unconfirmed_limit_bytes=150_000, patience_s=60)
    store.hold(outgoing_only=True)
    scenario.person.request("e1", "x")
    await scenario.clock.advance(1)
    store.release()
    await scenario.clock.advance(1)
    assert scenario.person.text("e1").endswith("end")
    assert scenario.person.text("e1", "stderr") == ""
