"""Questions and widgets over the live channel: what pages ask, hear and say, through an agent with a scripted engine."""

import json
from typing import Any

import pytest

from runtime_core import RuntimeAgent
from runtime_core.handlers.live import BEAT_S
from runtime_core.testing import InMemoryStore, Scenario, ScriptedEngine, ScriptRun, settle
from runtime_schema.json_text import Json, encode
from runtime_schema.live import CommMessage, Joiner, pieces
from runtime_schema.store_types import LiveMessage


class Page:
    """What a page's store hears of widgets."""

    def __init__(self, store: InMemoryStore) -> None:
        self.heard: list[Any] = []  # Any: parsed JSON
        self.pieces = 0
        self._joiner = Joiner()
        store.on_live("runtime.comm", self._hear)

    async def _hear(self, message: LiveMessage) -> Json:
        assert isinstance(message.data, dict)
        self.pieces += 1
        text = self._joiner.add(message.data)
        if text is not None:
            self.heard += json.loads(text)
        return None

    def told(self) -> list[Any]:  # Any: as above
        """Give what was heard since the last call."""
        heard, self.heard = self.heard, []
        return heard


def opened(**state: Json) -> CommMessage:
    return CommMessage(kind="open", comm_id="c1", target_name="jupyter.widget", data={"state": state, "buffer_paths": []})


def update(comm_id: str = "c1", **state: Json) -> CommMessage:
    return CommMessage(kind="msg", comm_id=comm_id, data={"method": "update", "state": state, "buffer_paths": []})


async def slider(run: ScriptRun) -> None:
    run.comm(opened(value=1, max=10))


async def world(**scripts: Any) -> tuple[Scenario, RuntimeAgent, ScriptedEngine, Page]:  # Any: scripts
    scenario = Scenario()
    engine = ScriptedEngine({"slider": slider, **scripts})
    agent = scenario.agent(engine=engine)
    page = Page(scenario.person.store)
    await agent.start()
    await settle()
    return scenario, agent, engine, page


async def test_a_question_is_answered_by_the_engine() -> None:
    scenario, agent, engine, _ = await world()
    engine.answers["complete"] = {"matches": [{"text": "print", "type": "function"}], "start": 0, "end": 2}
    answer = await scenario.person.tell(agent, "runtime.complete", {"sessionId": agent.session_id, "code": "pr", "cursor": 2})
    assert isinstance(answer, dict)
    assert answer["ok"] is True
    assert answer["matches"] == [{"text": "print", "type": "function"}]


@pytest.mark.parametrize(
    ("topic", "data", "problem"),
    [
        ("runtime.complete", {"code": "x"}, "needs code, and a cursor in it"),
        ("runtime.inspect", {"code": "x", "cursor": 2}, "needs code, and a cursor in it"),
        ("runtime.variables", {}, "no script answers it"),
        ("runtime.comm", {"part": 0, "parts": 1, "text": "{"}, ""),
        ("runtime.comm", {"part": 0, "parts": 1, "text": "{}"}, "comm messages are a list"),
        ("runtime.comm", {"part": 0, "parts": 1, "text": "[1]"}, "a comm message is an object"),
        ("runtime.comm", {"part": 1, "parts": 2, "text": "["}, "piece 1 came without those before it"),
    ],
)
async def test_what_cannot_be_answered_is_told_with_the_reason(topic: str, data: dict[str, Json], problem: str) -> None:
    scenario, agent, _, _ = await world()
    answer = await scenario.person.tell(agent, topic, {"sessionId": agent.session_id, **data})
    assert isinstance(answer, dict)
    assert answer["ok"] is False
    assert problem in str(answer["problem"])


async def test_a_question_to_another_session_is_refused() -> None:
    scenario, agent, engine, _ = await world()
    engine.answers["variables"] = {"variables": []}
    answer = await scenario.person.tell(agent, "runtime.variables", {"sessionId": "earlier"})
    assert answer == {"ok": False, "problem": f"this runtime's session is {agent.session_id}"}


async def test_pages_hear_a_widget_and_updates_go_together() -> None:
    async def moves(run: ScriptRun) -> None:
        for value in range(100):
            run.comm(update(value=value))
        run.comm(update("c2", value=1))
        run.comm(CommMessage(kind="msg", comm_id="c1", data={"method": "custom", "content": "click"}))
        run.comm(CommMessage(kind="close", comm_id="c1"))

    scenario, _, _, page = await world(moves=moves)
    await scenario.person.run("e1", "slider")
    await scenario.clock.advance(BEAT_S)
    (message,) = page.told()
    assert (message["kind"], message["executionId"], message["data"]["state"]) == ("open", "e1", {"value": 1, "max": 10})
    await scenario.person.run("e2", "moves")
    await scenario.clock.advance(BEAT_S)
    told = page.told()
    assert [(one["kind"], one["commId"], one["data"].get("state")) for one in told] == [
        ("msg", "c1", {"value": 99}),
        ("msg", "c2", {"value": 1}),
        ("msg", "c1", None),
        ("close", "c1", None),
    ]
    assert page.pieces == 2


async def test_what_a_widget_says_and_takes_back_at_once_is_heard() -> None:
    async def commands(run: ScriptRun) -> None:
        for command in ("first", "second"):
            run.comm(update(command=command, value=command))
            run.comm(update(command=None))

    scenario, _, _, page = await world(commands=commands)
    await scenario.person.run("e1", "slider")
    await scenario.person.run("e2", "commands")
    await scenario.clock.advance(BEAT_S)
    states = [message["data"]["state"] for message in page.told() if message["kind"] == "msg"]
    assert states == [
        {"command": "first", "value": "first"},
        {"command": "second", "value": "second"},
        {"command": None},
    ]


async def test_a_page_that_comes_later_gets_every_open_widget_as_it_is_now() -> None:
    async def picture(run: ScriptRun) -> None:
        first: dict[str, Json] = {"state": {"format": "png"}, "buffer_paths": [["value"]]}
        run.comm(CommMessage(kind="open", comm_id="c2", data=first, buffers=("AAAA",)))
        then: dict[str, Json] = {"method": "update", "state": {"value": None}, "buffer_paths": [["value"]]}
        run.comm(CommMessage(kind="msg", comm_id="c2", data=then, buffers=("BBBB",)))

    scenario, agent, engine, _ = await world(picture=picture)
    await scenario.person.run("e1", "slider")
    await scenario.person.run("e2", "picture")
    moved = encode([update(value=7).to_json()])
    for piece in pieces(moved):
        assert await scenario.person.tell(agent, "runtime.comm", {"sessionId": agent.session_id, **piece}) == {"ok": True}
    assert engine.heard == [update(value=7)]
    await scenario.clock.advance(1)
    late = scenario.store("late")
    page = Page(late)
    assert await late.send_live("runtime.comms", {"sessionId": agent.session_id}, to=agent.ports.store.store_session_id) == {
        "ok": True,
        "count": 2,
    }
    await scenario.clock.advance(BEAT_S)
    reset, first, second = page.told()
    assert reset == {"kind": "reset"}
    assert (first["executionId"], first["data"]["state"]) == ("e1", {"value": 7, "max": 10})
    assert (second["data"]["state"], second["data"]["buffer_paths"], second["buffers"]) == (
        {"format": "png", "value": None},
        [["value"]],
        ["BBBB"],
    )


async def test_a_restart_forgets_the_widgets_and_says_so() -> None:
    scenario, agent, _, page = await world()
    await scenario.person.run("e1", "slider")
    await scenario.clock.advance(1)
    page.told()
    await scenario.person.tell(agent, "runtime.restart", {"sessionId": agent.session_id})
    await scenario.clock.advance(1)
    assert page.told() == [{"kind": "reset"}]


async def test_what_pages_missed_while_the_network_was_gone_they_get_when_it_is_back() -> None:
    async def moves(run: ScriptRun) -> None:
        run.comm(update(value=5))

    scenario, agent, _, page = await world(moves=moves)
    await scenario.person.run("e1", "slider")
    await scenario.clock.advance(1)
    page.told()
    store = agent.ports.store
    assert isinstance(store, InMemoryStore)
    scenario.person.request("e2", "moves")
    await settle(3)
    store.disconnect()
    await scenario.clock.advance(1)
    store.connect()
    await scenario.clock.advance(1)
    reset, *widgets = page.told()[-2:]
    assert reset == {"kind": "reset"}
    assert [widget["data"]["state"]["value"] for widget in widgets] == [5]


async def test_a_large_state_goes_in_pieces_at_a_pace() -> None:
    async def large(run: ScriptRun) -> None:
        run.comm(opened(value="x" * 1_000_000))

    scenario, _, _, page = await world(large=large)
    await scenario.person.run("e1", "large")
    assert page.pieces == 4
    await scenario.clock.advance(1)
    assert page.told()[0]["data"]["state"] == {"value": "x" * 1_000_000}


async def test_an_agent_that_has_ended_has_left_its_store() -> None:
    scenario, agent, _, _ = await world()
    store = agent.ports.store
    assert isinstance(store, InMemoryStore)
    assert store is not scenario.person.store
    await agent.shutdown()
    assert store.open_requests == 0
