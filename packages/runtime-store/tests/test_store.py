"""A store that is its own authority: commits, receipts, queries, subscriptions, live messages, the end."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence

import pytest

from runtime_schema.errors import InvalidEventError
from runtime_schema.events import CellCreated, CellSourceSet, NotebookMetadataSet
from runtime_schema.ids import CellId, StoreSessionId
from runtime_schema.json_text import Json
from runtime_schema.queries import CELL, CELLS, METADATA, CellRow
from runtime_schema.store_types import Applied, LiveMessage, RejectedError, StoreStatus
from runtime_store import Store, StoreClosedError, open_local


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    made = open_local("ada")
    yield made
    await made.close()


def cell(number: int, source: str = "x") -> CellCreated:
    return CellCreated(cell_id=CellId(f"c{number}"), cell_type="code", position=f"a{number}", source=source)


async def test_a_commit_is_seen_at_once_and_confirmed_by_its_receipt(store: Store) -> None:
    receipt = store.commit(cell(1))
    assert [row.id for row in store.query(CELLS)] == ["c1"]
    assert store.query(CELLS, confirmed=True) == []
    assert store.status.pending == 1
    assert await receipt == Applied(1, applied=True)
    assert [row.created_by for row in store.query(CELLS, confirmed=True)] == ["ada"]
    assert store.status == StoreStatus(connected=True, head=1, pending=0)


async def test_the_state_after_any_event_can_be_read(store: Store) -> None:
    store.commit(cell(1))
    store.commit(CellSourceSet(cell_id=CellId("c1"), source="y"))
    await store.commit(cell(2))
    shown: list[list[str]] = []
    for seq in range(4):
        with await store.at(seq) as past:
            shown.append([row.source for row in past.query(CELLS)])
    assert shown == [[], ["x"], ["y"], ["y", "x"]]
    with await store.at(3) as past:
        assert past.dump() == store.dump()


async def test_a_state_that_is_not_there_yet_is_told(store: Store) -> None:
    store.commit(cell(1))
    await store.wait_confirmed()
    with pytest.raises(ValueError, match="the log has 1 events: there is no state at 2"):
        await store.at(2)
    await store.close()
    with pytest.raises(StoreClosedError):
        await store.at(0)


async def test_a_receipt_tells_that_the_guard_did_not_hold(store: Store) -> None:
    store.commit(cell(1))
    assert await store.commit(cell(1)) == Applied(2, applied=False)


async def test_a_receipt_may_be_awaited_twice_and_by_several_and_given_up(store: Store) -> None:
    receipt = store.commit(cell(1))
    impatient = asyncio.ensure_future(receipt)
    await asyncio.sleep(0)
    impatient.cancel()
    assert await asyncio.gather(receipt, receipt) == [Applied(1, applied=True)] * 2
    assert await receipt == Applied(1, applied=True)


async def test_an_abandoned_receipt_that_fails_disturbs_nobody(recwarn: pytest.WarningsRecorder) -> None:
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context))
    store = open_local("ada")
    store.commit(cell(1))
    await store.close(flush_timeout_s=0)
    gc.collect()
    assert (heard, list(recwarn)) == ([], [])


async def test_an_event_that_does_not_fit_is_refused_and_nothing_changes(store: Store) -> None:
    with pytest.raises(InvalidEventError, match=r"v1\.CellCreated\.position"):
        store.commit(CellCreated(cell_id=CellId("c"), cell_type="code", position="", source=""))
    assert store.status.pending == 0


async def test_an_event_above_the_limit_is_refused_with_its_size(store: Store) -> None:
    with pytest.raises(RejectedError, match=r"v1\.CellCreated was rejected \(too-large\): it has 26\d{4} bytes, the limit is 262144"):
        store.commit(cell(1, "x" * 262_144))
    assert store.query(CELLS) == []


async def test_a_query_takes_parameters(store: Store) -> None:
    store.commit(cell(1))
    store.commit(cell(2, "two"))
    assert [row.source for row in store.query(CELL, {"cellId": "c2"})] == ["two"]


async def test_a_subscription_hears_the_rows_now_and_each_time_they_differ(store: Store) -> None:
    heard: list[list[str]] = []
    store.subscribe(CELLS, lambda rows: heard.append([row.source for row in rows]))
    await store.synced()
    await asyncio.sleep(0)
    await store.commit(cell(1))
    await asyncio.sleep(0)
    await store.commit(CellSourceSet(cell_id=CellId("c1"), source="x"))
    await store.commit(NotebookMetadataSet(key="title", value='"t"'))  # type: ignore[arg-type]  # JSON text
    await store.commit(CellSourceSet(cell_id=CellId("c1"), source="y"))
    await asyncio.sleep(0)
    assert heard == [[], ["x"], ["y"]]


async def test_callbacks_never_come_from_inside_commit_and_one_loop_turn_is_one_callback(store: Store) -> None:
    heard: list[int] = []
    store.subscribe(CELLS, lambda rows: heard.append(len(rows)))
    for number in range(5):
        store.commit(cell(number))
    assert heard == []
    await store.wait_confirmed()
    await asyncio.sleep(0)
    assert heard == [5]


async def test_a_confirmed_subscription_never_sees_what_is_pending(store: Store) -> None:
    heard: list[tuple[str, int, int]] = []

    def hear(view: str) -> None:
        heard.append((view, len(store.query(CELLS)), len(store.query(CELLS, confirmed=True))))

    store.subscribe(CELLS, lambda rows: hear(f"confirmed {len(rows)}"), confirmed=True)
    await store.commit(cell(1))
    await asyncio.sleep(0)
    assert heard[-1] == ("confirmed 1", 1, 1)


async def test_a_subscription_that_ended_hears_nothing_more(store: Store) -> None:
    heard: list[Sequence[CellRow]] = []
    end = store.subscribe(CELLS, heard.append)
    store.commit(cell(1))
    end()
    end()
    await store.wait_confirmed()
    await asyncio.sleep(0)
    assert heard == []


async def test_a_callback_that_raises_does_not_keep_others_from_hearing(store: Store) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context["exception"]))
    heard: list[int] = []

    def fail(rows: Sequence[CellRow]) -> None:
        raise ValueError(len(rows))

    store.subscribe(CELLS, fail)
    store.subscribe(CELLS, lambda rows: heard.append(len(rows)))
    await store.commit(cell(1))
    await asyncio.sleep(0)
    assert (len(complaints), heard) == (1, [1])


async def test_the_status_is_heard_once_soon_and_on_each_change(store: Store) -> None:
    heard: list[StoreStatus] = []
    end = store.subscribe_status(heard.append)
    await store.synced()
    await store.commit(cell(1))
    await asyncio.sleep(0)
    end()
    await store.commit(cell(2))
    await asyncio.sleep(0)
    assert heard == [StoreStatus(connected=True, head=1, pending=0)]


async def test_a_store_answers_its_own_live_messages(store: Store) -> None:
    async def stop(message: LiveMessage) -> Json:
        return [message.client_id, message.data]

    end = store.on_live("runtime.stop", stop)
    assert await store.send_live("runtime.stop", {"sessionId": "r"}, to=store.store_session_id) == ["ada", {"sessionId": "r"}]
    end()
    with pytest.raises(TimeoutError):
        await store.send_live("runtime.stop", {}, to=store.store_session_id)


async def test_without_a_backend_nobody_else_can_be_reached(store: Store) -> None:
    assert await store.send_live("presence", {}) is None
    with pytest.raises(TimeoutError, match="there is no connection"):
        await store.send_live("runtime.stop", {}, to=StoreSessionId("other"))


async def test_a_closed_store_refuses_politely() -> None:
    store = open_local("ada")
    receipt = store.commit(cell(1))
    assert await store.close() == 0
    assert await store.close() == 0
    assert await receipt == Applied(1, applied=True)
    with pytest.raises(StoreClosedError):
        store.commit(cell(2))
    with pytest.raises(StoreClosedError):
        store.query(METADATA)
    assert not store.status.connected
