"""What tests can do with the stores in memory, beyond what every store does."""

import pytest

from runtime_core import LiveMessage, RejectedError
from runtime_core.testing import InMemoryBackend, InMemoryStore, settle
from runtime_schema.events import CellCreated, CellSourceSet, RuntimeSessionUnreachable
from runtime_schema.ids import CellId, RuntimeSessionId, StoreSessionId
from runtime_schema.json_text import Json
from runtime_schema.queries import CELLS

CELL = CellCreated(cell_id=CellId("c"), cell_type="code", position="a0", source="1")


def source(store: InMemoryStore, *, confirmed: bool = False) -> str | None:
    rows = store.query(CELLS, confirmed=confirmed)
    return rows[0].source if rows else None


def change(store: InMemoryStore, text: str) -> None:
    _ = store.commit(CellSourceSet(cell_id=CellId("c"), source=text))


async def test_own_commit_is_seen_at_once_and_confirmed_later() -> None:
    store = InMemoryStore()
    _ = store.commit(CELL)
    assert (source(store), source(store, confirmed=True)) == ("1", None)
    change(store, "2")
    assert source(store) == "2"
    await settle()
    assert source(store, confirmed=True) == "2"


async def test_cut_off_store_keeps_its_events_and_sends_them_later() -> None:
    backend = InMemoryBackend()
    one, two = backend.store("one"), backend.store("two")
    _ = one.commit(CELL)
    await settle()
    one.disconnect()
    change(one, "offline")
    change(two, "online")
    await settle()
    assert (source(one), source(two)) == ("offline", "online")
    assert not one.status.connected
    assert one.status.pending == 1
    one.connect()
    await settle()
    assert (source(one), source(two)) == ("offline", "offline")


async def test_event_whose_receipt_was_lost_is_recorded_once() -> None:
    backend = InMemoryBackend()
    store = backend.store("one")
    receipt = store.commit(CELL)
    store.disconnect(after_push=True)
    await settle()
    assert len(backend.events) == 1
    store.connect()
    assert (await receipt).seq == 1
    assert len(backend.events) == 1


async def test_rejected_event_is_taken_back() -> None:
    backend = InMemoryBackend()
    store = backend.store("one")
    backend.rejections["v1.CellSourceSet"] = ("forbidden", "read only")
    _ = store.commit(CELL)
    receipt = store.commit(CellSourceSet(cell_id=CellId("c"), source="2"))
    assert source(store) == "2"
    with pytest.raises(RejectedError, match="forbidden"):
        await receipt
    assert source(store) == "1"


async def test_authoritys_own_events_are_its_own() -> None:
    backend = InMemoryBackend()
    backend.commit(RuntimeSessionUnreachable(session_id=RuntimeSessionId("nobody")))
    assert backend.events[0].client_id == "server"


async def test_live_message_to_all_reaches_the_others() -> None:
    backend = InMemoryBackend()
    stores = [backend.store(name) for name in ("one", "two", "three")]
    heard: list[str] = []

    async def hear(message: LiveMessage) -> Json:
        heard.append(message.sender)
        return None

    for store in stores:
        store.on_live("hello", hear)
    assert await stores[0].send_live("hello", {}) is None
    assert heard == ["one", "one"]


async def test_live_message_that_nobody_answers_times_out() -> None:
    backend = InMemoryBackend()
    one, two = backend.store("one"), backend.store("two")
    with pytest.raises(TimeoutError, match="nobody answers hello"):
        await one.send_live("hello", {}, to=two.store_session_id)
    with pytest.raises(TimeoutError, match="three did not answer"):
        await one.send_live("hello", {}, to=StoreSessionId("three"))
    one.disconnect()
    with pytest.raises(TimeoutError, match="there is no connection"):
        await one.send_live("hello", {}, to=two.store_session_id)
