"""The fakes pass the checks of their ports, and the checks fail on what breaks them."""

import asyncio
from collections.abc import Sequence

import pytest

from runtime_core import ArtifactStore, Engine, RuntimeAgent, Store
from runtime_core.testing import (
    CountingIds,
    EngineSamples,
    InMemoryArtifacts,
    InMemoryBackend,
    InMemoryStore,
    ManualClock,
    Scenario,
    Script,
    ScriptedEngine,
    ScriptRun,
    check_agent,
    check_artifact_store,
    check_engine,
    check_replicas,
    check_store,
)
from runtime_schema.outputs import ExecuteReply

SAMPLES = EngineSamples(
    hello="hello", fail="fail", error_name="ValueError", forever="forever", ask="ask", remember="remember", recall="recall"
)


def sample_engine() -> ScriptedEngine:
    lives: list[int] = []

    async def hello(run: ScriptRun) -> None:
        run.write("hello\n")

    async def fail(run: ScriptRun) -> None:
        raise ValueError("no")

    async def forever(run: ScriptRun) -> ExecuteReply:
        run.write("started\n")
        await run.interrupted()
        return ExecuteReply(status="cancelled")

    async def ask(run: ScriptRun) -> None:
        run.write(await run.read("name? "))

    async def remember(run: ScriptRun) -> None:
        lives.append(engine.starts)

    async def recall(run: ScriptRun) -> None:
        if engine.starts not in lives:
            raise NameError("kept")
        run.write("42\n")

    scripts: dict[str, Script] = {
        "hello": hello,
        "fail": fail,
        "forever": forever,
        "ask": ask,
        "remember": remember,
        "recall": recall,
    }
    engine = ScriptedEngine(scripts)
    return engine


async def test_scripted_engine_is_an_engine() -> None:
    async def make() -> Engine:
        return sample_engine()

    await check_engine(make, SAMPLES)


async def test_engine_that_calls_a_failure_ok_is_found_out() -> None:
    async def fine(run: ScriptRun) -> None:
        run.write("hello\n")

    async def make() -> Engine:
        return ScriptedEngine({"hello": fine, "fail": fine})

    with pytest.raises(AssertionError, match="what raised is an error"):
        await check_engine(make, SAMPLES)


async def test_in_memory_artifacts_are_an_artifact_store() -> None:
    async def make() -> ArtifactStore:
        return InMemoryArtifacts()

    await check_artifact_store(make)


async def test_in_memory_store_is_a_store() -> None:
    async def make() -> Store:
        return InMemoryStore()

    await check_store(make)


async def test_in_memory_stores_of_one_backend_are_replicas() -> None:
    async def make() -> tuple[Store, Store]:
        backend = InMemoryBackend()
        return backend.store("one"), backend.store("two")

    await check_replicas(make)


async def test_agent_on_a_scripted_engine_is_an_agent() -> None:
    async def make(store: Store) -> RuntimeAgent:
        assert isinstance(store, InMemoryStore)
        return Scenario().agent(store=store, engine=sample_engine())

    await check_agent(make, SAMPLES)


async def test_manual_clock_wakes_sleepers_in_order() -> None:
    clock, woken = ManualClock(now_ms=1000), list[tuple[str, float]]()

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [asyncio.ensure_future(sleeper(name, seconds)) for name, seconds in (("b", 2), ("a", 1), ("c", 9), ("now", 0))]
    await clock.advance(5)
    assert woken == [("now", 0), ("a", 1), ("b", 2)]
    assert clock.now_ms() == 6000
    tasks[2].cancel()
    await clock.advance(10)
    assert len(woken) == 3


def test_counting_ids_differ() -> None:
    ids = CountingIds("x")
    made: Sequence[str] = [ids.new_id(), ids.new_id()]
    assert made == ["x1", "x2"]
