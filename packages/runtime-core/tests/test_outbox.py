"""Committing in order, counting what is unconfirmed, and closing."""

import asyncio

import pytest

from runtime_core import RejectedError, RuntimeAgentOptions
from runtime_core.outbox import EVENT_OVERHEAD_BYTES, Outbox
from runtime_core.testing import InMemoryBackend, ManualClock, settle
from runtime_schema.events import CellCreated, CellSourceSet, Event, JsonText, NotebookMetadataSet
from runtime_schema.ids import CellId

CELL = CellCreated(cell_id=CellId("c"), cell_type="code", position="a0", source="")
INVALID = NotebookMetadataSet(key="title", value=JsonText("not JSON"))


def outbox(backend: InMemoryBackend, limit_bytes: int = 1000, clock: ManualClock | None = None) -> tuple[Outbox, list[tuple[Event, str]]]:
    rejected: list[tuple[Event, str]] = []

    def note(event: Event, error: Exception) -> None:
        assert isinstance(error, RejectedError)
        rejected.append((event, error.code))

    options = RuntimeAgentOptions(
        runtime_id="r", runtime_type="test", client_id="local", unconfirmed_limit_bytes=limit_bytes, offline_limit_bytes=2 * limit_bytes
    )
    return Outbox(backend.store("store"), options, clock or ManualClock(), note), rejected


async def test_unconfirmed_bytes_are_counted_until_the_receipt() -> None:
    made, _ = outbox(InMemoryBackend())
    made.commit(CELL, 100)
    assert made.unconfirmed_bytes == 100 + EVENT_OVERHEAD_BYTES
    await settle()
    assert made.unconfirmed_bytes == 0


async def test_rejected_event_is_reported_and_counted_off() -> None:
    backend = InMemoryBackend()
    backend.rejections["v1.CellCreated"] = ("forbidden", "no")
    made, rejected = outbox(backend)
    made.commit(CELL)
    await settle()
    assert rejected == [(CELL, "forbidden")]
    assert made.unconfirmed_bytes == 0


async def test_event_that_does_not_fit_is_a_rejection() -> None:
    made, rejected = outbox(InMemoryBackend())
    made.commit(INVALID)
    receipt = made.request(INVALID)
    await settle()
    assert rejected == [(INVALID, "invalid")]
    assert isinstance(receipt.exception(), RejectedError)


async def test_closed_outbox_drops_everything_and_keeps_nobody_waiting() -> None:
    backend = InMemoryBackend()
    made, _ = outbox(backend, limit_bytes=10)
    made.commit(CELL, 100)
    waiting = asyncio.ensure_future(made.ready())
    made.close()
    await waiting
    made.commit(CellSourceSet(cell_id=CellId("c"), source="x"))
    receipt = made.request(CellSourceSet(cell_id=CellId("c"), source="y"))
    await settle()
    assert not receipt.done()
    assert [event.name for event in backend.events] == ["v1.CellCreated"]


async def test_store_that_takes_nothing_more_is_told_like_a_refusal_and_raised_in_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(event: Event) -> None:
        raise OSError("the disk is full")

    heard: list[Exception] = []
    options = RuntimeAgentOptions(runtime_id="r", runtime_type="test", client_id="local")
    store = InMemoryBackend().store("store")
    monkeypatch.setattr(store, "commit", broken)
    made = Outbox(store, options, ManualClock(), lambda event, error: heard.append(error))
    made.commit(CELL)
    await settle()
    assert [type(error) for error in heard] == [OSError]
