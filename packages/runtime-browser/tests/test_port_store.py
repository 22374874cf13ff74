"""The page's store as an agent in the worker sees it: the conformance checks over JSON strings, and what the port adds."""

import asyncio
from collections.abc import Sequence

import pytest

from runtime_browser import Port, PortStore, RejectedError
from runtime_browser.testing import FakeBridge, FakePage
from runtime_core.ports import Applied, LiveMessage, StoreStatus
from runtime_core.testing import InMemoryBackend, InMemoryStore, check_replicas, check_store, settle
from runtime_schema.errors import InvalidEventError
from runtime_schema.events import CellCreated, CellSourceSet, JsonText, NotebookMetadataSet
from runtime_schema.ids import CellId, StoreSessionId
from runtime_schema.json_text import Json
from runtime_schema.queries import CELL, CELLS, CellRow

CELL_ID = CellId("c1")
CREATED = CellCreated(cell_id=CELL_ID, cell_type="code", position="a0", source="1")


async def lend(store: InMemoryStore) -> tuple[FakePage, PortStore]:
    page = FakePage(store)
    port = Port(page.bridge)
    lent = PortStore(port, await port.welcome())
    port.open()
    return page, lent


async def test_it_is_a_store() -> None:
    async def make() -> PortStore:
        return (await lend(InMemoryStore()))[1]

    await check_store(make)


async def test_two_of_them_are_replicas_of_one_authority() -> None:
    async def make() -> tuple[PortStore, PortStore]:
        backend = InMemoryBackend()
        return (await lend(backend.store("one")))[1], (await lend(backend.store("two")))[1]

    await check_replicas(make)


async def test_it_commits_in_the_name_of_the_page() -> None:
    _, lent = await lend(InMemoryBackend().store("store-7", "ada"))
    assert (lent.store_session_id, lent.client_id) == ("store-7", "ada")


async def test_what_is_too_large_is_refused_before_it_is_sent() -> None:
    page, lent = await lend(InMemoryStore())
    with pytest.raises(RejectedError, match="the limit is 262144") as refused:
        lent.commit(CellSourceSet(cell_id=CELL_ID, source="ä" * 131_072))
    assert refused.value.code == "too-large"
    assert page.bridge.said("commit") == []


async def test_an_event_just_within_the_limit_is_sent() -> None:
    _, lent = await lend(InMemoryStore())
    assert (await lent.commit(CellSourceSet(cell_id=CELL_ID, source="x" * 262_000))).applied is False


async def test_what_does_not_fit_its_definition_is_refused_before_it_is_sent() -> None:
    page, lent = await lend(InMemoryStore())
    with pytest.raises(InvalidEventError):
        lent.commit(NotebookMetadataSet(key="title", value=JsonText("{")))
    assert page.bridge.said("commit") == []


async def test_a_refusal_of_the_authority_comes_out_of_the_receipt() -> None:
    store = InMemoryStore()
    store.backend.rejections["v1.CellCreated"] = ("forbidden", "not yours")
    _, lent = await lend(store)
    with pytest.raises(RejectedError, match=r"v1\.CellCreated was rejected \(forbidden\): not yours"):
        await lent.commit(CREATED)


async def test_an_abandoned_receipt_is_answered_all_the_same() -> None:
    store = InMemoryStore()
    _, lent = await lend(store)
    receipt = asyncio.ensure_future(lent.commit(CREATED))
    receipt.cancel()
    refused = lent.commit(CREATED)
    del refused
    await settle()
    assert len(store.backend.events) == 2
    assert (await lent.commit(CREATED)) == Applied(3, False)


async def test_nothing_is_remembered_of_what_was_answered() -> None:
    store = InMemoryStore()
    page, lent = await lend(store)
    unsubscribe = lent.subscribe(CELLS, lambda _: None)
    unhear = lent.on_live("topic", _echo)
    for n in range(20):
        _ = lent.commit(CellSourceSet(cell_id=CELL_ID, source=str(n)))
    with pytest.raises(TimeoutError):
        await lent.send_live("topic", None, to=StoreSessionId("nobody"))
    unsubscribe()
    unsubscribe()
    unhear()
    unhear()
    await settle()
    assert lent.open_requests == 0
    assert page.counts() == (0, 0, 0)


async def test_rows_that_were_on_their_way_at_the_end_of_a_subscription_are_dropped() -> None:
    store = InMemoryStore()
    _, lent = await lend(store)
    seen: list[Sequence[CellRow]] = []
    unsubscribe = lent.subscribe(CELL, seen.append, {"cellId": CELL_ID})
    await settle()
    store.commit(CREATED)
    unsubscribe()
    await settle()
    assert seen == [[]]


async def test_rows_are_those_of_the_query() -> None:
    store = InMemoryStore()
    _, lent = await lend(store)
    seen: list[Sequence[CellRow]] = []
    lent.subscribe(CELL, seen.append, {"cellId": CELL_ID})
    await lent.commit(CREATED)
    await settle()
    assert seen[-1] == store.query(CELL, {"cellId": CELL_ID})
    assert seen[-1][0].source == "1"


async def test_the_status_is_the_page_s() -> None:
    store = InMemoryStore()
    _, lent = await lend(store)
    seen: list[StoreStatus] = []
    lent.subscribe_status(seen.append)
    await settle()
    store.disconnect()
    _ = lent.commit(CREATED)
    await settle()
    assert seen[0] == StoreStatus(connected=True, head=0, pending=0)
    assert lent.status == seen[-1] == StoreStatus(connected=False, head=0, pending=1)


async def test_a_later_handler_replaces_an_earlier_one_which_then_cannot_end_it() -> None:
    backend = InMemoryBackend()
    _, lent = await lend(backend.store("worker"))
    other = backend.store("other")

    async def earlier(_: LiveMessage) -> Json:
        return "earlier"

    end_earlier = lent.on_live("topic", earlier)
    lent.on_live("topic", _echo)
    end_earlier()
    await settle()
    assert await other.send_live("topic", {"n": [1, None]}, to=StoreSessionId("worker")) == {"n": [1, None]}


async def test_a_live_handler_that_fails_answers_nothing(caplog: pytest.LogCaptureFixture) -> None:
    page, lent = await lend(InMemoryStore())

    async def fail(_: LiveMessage) -> Json:
        raise ValueError("no")

    lent.on_live("topic", fail)
    page.bridge.tell("live", id=1, topic="topic", data=None, sender="other", clientId="local")
    page.bridge.tell("live", id=2, topic="nobody hears", data=None, sender="other", clientId="local")
    await settle()
    assert page.bridge.said("answer") == []
    assert "a live handler failed topic=topic" in caplog.text


async def test_messages_wait_until_the_port_is_open() -> None:
    bridge = FakeBridge()
    bridge.tell("welcome", n=1)
    bridge.tell("news", n=2)
    port = Port(bridge)
    assert await port.welcome() == {"t": "welcome", "n": 1}
    seen: list[int] = []
    await settle()
    port.handle("news", lambda message: seen.append(message["n"]))
    assert seen == []
    port.open()
    bridge.tell("news", n=3)
    bridge.tell("what nobody handles")
    await settle()
    assert seen == [2, 3]


async def _echo(message: LiveMessage) -> Json:
    return message.data
