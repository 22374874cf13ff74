"""What handlers can do with an execution: outputs in order, spill, clear, display updates, input, back-pressure."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

import pytest

from runtime_core import ExecutionContext, InputUnavailableError, RuntimeAgent, echo, html
from runtime_core.testing import Scenario, ScriptRun, settle
from runtime_schema.events import StreamAppended, wire_name
from runtime_schema.outputs import ClearOutput, DisplayData, DisplayUpdate, ErrorOutput, ExecuteReply, ExecuteResult, StreamText

Handler = Callable[[ExecutionContext], Awaitable[None]]


async def ran(handler: Handler) -> Scenario:
    """Run one execution `e1` by this handler."""
    scenario = Scenario()
    await scenario.started(handler=handler)
    await scenario.person.run("e1", "source")
    await scenario.clock.advance(1)
    return scenario


def inline(**data: str) -> str:
    bundle = {name.replace("__", "/"): {"type": "inline", "data": value} for name, value in data.items()}
    return json.dumps(bundle, separators=(",", ":"))


async def test_context_tells_what_runs() -> None:
    seen: list[ExecutionContext] = []

    async def handler(context: ExecutionContext) -> None:
        seen.append(context)

    await ran(handler)
    (context,) = seen
    assert (context.execution_id, context.execution_count, context.requested_by) == ("e1", 1, "local")
    assert tuple(context.cell) == ("e1", "code", "source")


async def test_all_kinds_of_output_stand_in_the_order_of_the_calls() -> None:
    async def handler(context: ExecutionContext) -> None:
        context.stdout("a")
        context.stdout("b")
        context.stderr("c")
        context.display({"text/plain": "d"})
        context.stdout("e")
        answer = context.markdown("f")
        context.stdout("g")
        answer.append("h")
        context.result({"text/plain": "i"})
        context.error("E", "j", ["line"])
        context.stdout("k")

    assert (await ran(handler)).person.shown("e1") == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("display", inline(text__plain="d")),
        ("stdout", "e"),
        ("markdown", "fh"),
        ("stdout", "g"),
        ("result", inline(text__plain="i")),
        ("error", "j"),
        ("stdout", "k"),
    ]


async def test_engine_outputs_become_the_same_events() -> None:
    async def handler(context: ExecutionContext) -> None:
        context.emit(DisplayData(bundle={"text/plain": "a"}, display_id="x", metadata='{"m":1}'))
        context.emit(StreamText(stream="stderr", text="b"))
        context.emit(DisplayUpdate(display_id="x", bundle={"text/plain": "A"}))
        context.emit(ExecuteResult(execution_count=7, bundle={"text/plain": "c"}))
        context.emit(ErrorOutput(name="E", value="d", traceback=("t",)))

    scenario = await ran(handler)
    assert scenario.person.shown("e1") == [
        ("display", inline(text__plain="A")),
        ("stderr", "b"),
        ("result", inline(text__plain="c")),
        ("error", "d"),
    ]
    assert scenario.person.outputs("e1")[2].execution_count == 7
    assert scenario.person.outputs("e1")[3].traceback == '["t"]'


async def test_first_text_is_sent_at_once_and_the_rest_together() -> None:
    scenario = Scenario()
    go_on = asyncio.Event()

    async def handler(context: ExecutionContext) -> None:
        for n in range(1000):
            context.stdout(f"{n}\n")
        await go_on.wait()

    await scenario.started(handler=handler)
    await scenario.person.run("e1", "x")
    assert scenario.person.text("e1") == "0\n"
    await scenario.clock.advance(0.016)
    assert scenario.person.text("e1").endswith("999\n")
    assert sum(event.name == wire_name(StreamAppended) for event in scenario.backend.events) == 2


async def test_end_sends_what_was_gathered_before_the_finish() -> None:
    async def handler(context: ExecutionContext) -> None:
        context.stdout("a")
        context.stdout("b")

    scenario = Scenario()
    await scenario.started(handler=handler)
    await scenario.person.run("e1", "x")
    assert [event.name for event in scenario.backend.events[-3:]] == ["v1.StreamAppended", "v1.StreamAppended", "v1.ExecutionFinished"]


async def test_markdown_tokens_are_gathered() -> None:
    async def handler(context: ExecutionContext) -> None:
        answer = context.markdown()
        for _ in range(2000):
            answer.append("token ")

    scenario = await ran(handler)
    assert scenario.person.shown("e1") == [("markdown", "token " * 2000)]
    assert sum(event.name == "v1.MarkdownAppended" for event in scenario.backend.events) == 2


async def test_clear_removes_what_was_shown() -> None:
    async def handler(context: ExecutionContext) -> None:
        context.stdout("old")
        context.clear()
        context.stdout("new")

    assert (await ran(handler)).person.shown("e1") == [("stdout", "new")]


async def test_clear_with_wait_removes_it_at_the_next_output() -> None:
    scenario = Scenario()
    go_on = asyncio.Event()

    async def handler(context: ExecutionContext) -> None:
        context.stdout("old")
        context.emit(ClearOutput(wait=True))
        await go_on.wait()
        context.stdout("new")

    await scenario.started(handler=handler)
    await scenario.person.run("e1", "x")
    assert scenario.person.shown("e1") == [("stdout", "old")]
    go_on.set()
    await settle()
    assert scenario.person.shown("e1") == [("stdout", "new")]


async def test_display_is_updated_in_another_cell() -> None:
    scenario = Scenario()

    async def handler(context: ExecutionContext) -> None:
        if context.cell.source == "show":
            context.display({"text/plain": "0%"}, display_id="bar")
        else:
            context.update_display("bar", {"text/plain": "100%"})

    await scenario.started(handler=handler)
    await scenario.person.run("e1", "show")
    await scenario.person.run("e2", "update")
    assert scenario.person.shown("e1") == [("display", inline(text__plain="100%"))]
    assert scenario.person.shown("e2") == []


async def test_large_representation_is_an_artifact() -> None:
    async def handler(context: ExecutionContext) -> None:
        context.result({"text/html": "x" * 40_000, "text/plain": "short"})

    scenario = await ran(handler)
    ((_, bundle),) = scenario.person.shown("e1")
    part = json.loads(bundle)["text/html"]
    assert (part["type"], part["sizeBytes"]) == ("artifact", 40_000)
    assert scenario.artifacts.kept[part["sha256"]] == b"x" * 40_000


async def test_output_that_the_authority_does_not_take_becomes_a_note() -> None:
    scenario = Scenario()
    scenario.backend.rejections["v1.DisplayAdded"] = ("too-large", "events may have 10 bytes")

    async def handler(context: ExecutionContext) -> None:
        context.stdout("before")
        context.display({"text/plain": "large"})
        context.stdout("after")

    await scenario.started(handler=handler)
    assert (await scenario.person.run("e1", "x")).status == "ok"
    note = "[an output of this cell was not kept (too-large): events may have 10 bytes]\n"
    assert scenario.person.text("e1", "stderr") == note
    assert scenario.person.text("e1") == "beforeafter"
    assert (await scenario.person.run("e2", "x")).status == "ok"


async def test_text_that_the_authority_does_not_take_is_left_out() -> None:
    scenario = Scenario()
    scenario.backend.rejections["v1.StreamAppended"] = ("too-large", "events may have 1 byte")

    async def handler(context: ExecutionContext) -> None:
        context.stdout("text")

    await scenario.started(handler=handler)
    assert (await scenario.person.run("e1", "x")).status == "ok"


async def test_whatever_is_shown_fits_into_an_event() -> None:
    async def handler(context: ExecutionContext) -> None:
        context.display({f"text/x-{n:05}": "\x00" * 20_000 for n in range(200)}, '{"a":"' + "x" * 60_000 + '"}', "i" * 1_000_000)
        context.error("E" * 1_000_000, "\x00" * 1_000_000, ["\x00" * 100_000] * 100)
        context.stdout("\x00" * 1_000_000)

    scenario = await ran(handler)
    assert [kind for kind, _ in scenario.person.shown("e1")] == ["display", "error", "stdout"]
    assert len(scenario.person.text("e1")) == 1_000_000


async def test_text_that_utf8_cannot_carry_is_made_presentable() -> None:
    async def handler(context: ExecutionContext) -> None:
        context.stdout("a\ud800b")
        context.display({"text/plain": "\udfff"}, display_id="\ud800")
        context.error("E\ud800", "v\ud800", ["t\ud800"])

    scenario = await ran(handler)
    assert scenario.person.shown("e1")[0] == ("stdout", "a\ufffdb")
    assert scenario.person.shown("e1")[2] == ("error", "v\ufffd")


async def test_everything_a_displaced_session_says_is_dropped() -> None:
    scenario = Scenario()
    contexts: list[ExecutionContext] = []

    async def handler(context: ExecutionContext) -> None:
        contexts.append(context)

    await scenario.started("old", handler=handler)
    await scenario.person.run("e1", "x")
    await scenario.agent("new").start(takeover=True)
    await settle()
    events = len(scenario.backend.events)
    contexts[0].stdout("late")
    contexts[0].display({"text/plain": "late"})
    await contexts[0].ready()
    await scenario.clock.advance(1)
    assert len(scenario.backend.events) == events


async def test_engine_waits_while_too_much_is_unconfirmed() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    wrote: list[int] = []

    async def flood(run: ScriptRun) -> None:
        for n in range(10):
            await run.ready()
            run.write("x" * 70_000)
            wrote.append(n)

    await scenario.started("agent", {"flood": flood}, store=store, unconfirmed_limit_bytes=200_000)
    store.hold(outgoing_only=True)
    scenario.person.request("e1", "flood")
    await settle()
    store.release()
    await settle(10)
    store.hold(outgoing_only=True)
    await settle()
    store.release()
    await settle()
    assert wrote == list(range(10))
    assert len(scenario.person.text("e1")) == 700_000


async def test_ready_waits_until_the_authority_has_caught_up() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")
    contexts: list[ExecutionContext] = []

    async def handler(context: ExecutionContext) -> None:
        contexts.append(context)
        store.disconnect()
        context.stdout("x" * 100_000)
        context.stdout("x" * 100_000)
        await context.ready()

    await scenario.started(handler=handler, store=store, offline_limit_bytes=150_000)
    await scenario.person.run("e1", "x")
    assert scenario.person.execution("e1").status == "running"
    store.connect()
    await settle()
    assert scenario.person.execution("e1").status == "ok"


async def test_text_beyond_all_bounds_is_dropped_with_one_note() -> None:
    scenario = Scenario()
    store = scenario.store("agent-store")

    async def handler(context: ExecutionContext) -> None:
        store.disconnect()
        for _ in range(5):
            context.stdout("x" * 1024 * 1024)
        context.emit(DisplayData(bundle={"text/plain": "late"}))

    await scenario.started(handler=handler, store=store, offline_limit_bytes=1024 * 1024)
    await scenario.person.run("e1", "x")
    store.connect()
    await scenario.clock.advance(1)
    assert (
        scenario.person.text("e1", "stderr")
        == "\n[3.0 MiB of text and 1 other outputs were dropped here: the notebook could not take them in time]\n"
    )
    assert len(scenario.person.text("e1")) == 2 * 1024 * 1024


async def asking(password: bool = False) -> tuple[Scenario, RuntimeAgent, list[str]]:
    scenario, heard = Scenario(), list[str]()

    async def ask(run: ScriptRun) -> None:
        try:
            heard.append(await run.read("name? ", password))
        except InputUnavailableError as exc:
            heard.append(str(exc))
            raise

    agent = await scenario.started("agent", {"ask": ask})
    await scenario.person.run("e1", "ask")
    return scenario, agent, heard


async def test_input_is_what_a_person_answers() -> None:
    scenario, _, heard = await asking()
    (question,) = scenario.person.questions()
    assert (question.prompt, question.password) == ("name? ", 0)
    scenario.person.answer(question.id, "Ada")
    await settle()
    assert heard == ["Ada"]
    assert scenario.person.execution("e1").status == "ok"


async def test_password_travels_live_and_stays_out_of_log_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scenario, agent, heard = await asking(password=True)
    (question,) = scenario.person.questions()
    assert await scenario.person.tell(agent, "input.reply", {"requestId": question.id}) == {
        "ok": False,
        "problem": "input.reply needs requestId and value",
    }
    assert await scenario.person.tell(agent, "input.reply", {"requestId": question.id, "value": "s3cret"}) == {"ok": True}
    await settle()
    assert heard == ["s3cret"]
    assert scenario.person.questions() == []
    assert "s3cret" not in str(scenario.backend.events)
    assert "s3cret" not in caplog.text
    late = await scenario.person.tell(agent, "input.reply", {"requestId": question.id, "value": "s3cret"})
    assert late == {"ok": False, "problem": "nothing waits for this reply any more"}


async def test_cancelling_ends_the_wait_for_input() -> None:
    scenario, _, heard = await asking()
    scenario.person.cancel("e1")
    await settle()
    assert heard == ["input is not available: the execution is being cancelled"]
    assert scenario.person.execution("e1").status == "cancelled"
    assert scenario.person.questions() == []


async def test_handler_that_asks_is_cancelled_as_cancelled() -> None:
    scenario = Scenario()

    async def handler(context: ExecutionContext) -> None:
        await context.input("? ")

    await scenario.started(handler=handler)
    await scenario.person.run("e1", "x")
    scenario.person.cancel("e1")
    await settle()
    assert scenario.person.execution("e1").status == "cancelled"
    assert scenario.person.shown("e1") == []


async def test_handlers_reply_is_the_end() -> None:
    scenario = Scenario()

    async def handler(context: ExecutionContext) -> ExecuteReply:
        return ExecuteReply(status="error", error_name="E", error_value="v" * 100_000)

    await scenario.started(handler=handler)
    row = await scenario.person.run("e1", "x")
    assert (row.status, row.error_name) == ("error", "E")
    assert len(row.error_value or "") < 10_000


async def test_echo_and_html_show_the_source() -> None:
    assert (await ran(echo)).person.shown("e1") == [("result", inline(text__plain="Echo: source"))]
    assert (await ran(html)).person.shown("e1") == [("display", inline(text__html="source", text__plain="source"))]
