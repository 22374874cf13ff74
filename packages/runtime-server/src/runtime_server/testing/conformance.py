"""What every event log must do, as plain asserts over the port."""

import asyncio
from collections.abc import Awaitable, Callable

from runtime_server.log import Batch, Decision, EventLog, Outcome, Record, SessionHead

MakeLog = Callable[[], Awaitable[EventLog]]


async def check_event_log(make: MakeLog) -> None:
    """Check an event log.

    Args:
        make: Gives an empty log; what it opened is the caller's to close.
    """
    await _check_stores(await make())
    await _check_appends(await make())
    await _check_order(await make())
    await _check_pages(await make())
    await _check_marks(await make())


async def _check_stores(log: EventLog) -> None:
    assert await log.open_store("a") is None
    assert await log.create_store("a", "A")
    assert not await log.create_store("a", "again")
    opened = await log.open_store("a")
    assert opened is not None
    assert (opened.head, opened.sessions, list(opened.marked)) == (0, {}, [])
    assert await _append(log, Batch("nowhere", 1, (_event("s", 1),))) == "out-of-order"
    assert await log.delete_store("a")
    assert not await log.delete_store("a")
    assert await log.open_store("a") is None
    assert await log.create_store("a", "A")
    anew = await log.open_store("a")
    assert anew is not None
    assert anew.backend != opened.backend, "another log is another backend"


async def _check_appends(log: EventLog) -> None:
    await log.create_store("a", "A")
    reject = Decision("s", 3, "ann", b"d3", None, "invalid", "no")
    assert await _append(log, Batch("a", 1, (_event("s", 1), reject, _event("s", 4)))) == "durable"
    assert await _append(log, Batch("a", 3, (_event("t", 7),))) == "durable"
    opened = await log.open_store("a")
    assert opened is not None
    assert opened.head == 3
    assert opened.sessions == {"s": SessionHead("ann", 4), "t": SessionHead("ann", 7)}
    assert await log.records("a", "s", 1, 9) == [
        Record(1, b"d1", 1, None, ""),
        Record(3, b"d3", None, "invalid", "no"),
        Record(4, b"d4", 2, None, ""),
    ]
    assert await log.records("a", "s", 2, 2) == []
    assert await log.read("a", 0, 10, 1_000) == [b"s1", b"s4", b"t7"]


async def _check_order(log: EventLog) -> None:
    await log.create_store("a", "A")
    await log.create_store("b", "B")
    heard: list[tuple[str, Outcome]] = []
    last = asyncio.get_running_loop().create_future()
    log.append(Batch("a", 1, (_event("s", 1),)), lambda outcome: heard.append(("first", outcome)))
    log.append(Batch("a", 3, (_event("s", 3),)), lambda outcome: heard.append(("gap", outcome)))
    log.append(Batch("a", 2, (_event("s", 2),)), lambda outcome: heard.append(("second", outcome)))
    log.append(Batch("b", 1, (_event("s", 1),)), lambda outcome: (heard.append(("other", outcome)), last.set_result(None))[1])
    await last
    assert heard == [("first", "durable"), ("gap", "out-of-order"), ("second", "durable"), ("other", "durable")]
    assert await log.read("a", 0, 10, 1_000) == [b"s1", b"s2"]


async def _check_pages(log: EventLog) -> None:
    await log.create_store("a", "A")
    await _append(log, Batch("a", 1, tuple(_event("s", n) for n in range(1, 10))))
    assert await log.read("a", 0, 3, 1_000) == [b"s1", b"s2", b"s3"]
    assert await log.read("a", 3, 100, 5) == [b"s4", b"s5"]
    assert await log.read("a", 8, 100, 1) == [b"s9"], "one event fits any page"
    assert await log.read("a", 9, 100, 1_000) == []
    assert await log.read("nowhere", 0, 100, 1_000) == []
    assert [event.body for event in await log.history("a", 3, 100, 5)] == [b"s4", b"s5"]
    assert await log.size_after("a", 7) == 4
    assert await log.size_after("a", 9) == await log.size_after("nowhere", 0) == 0


async def _check_marks(log: EventLog) -> None:
    await log.create_store("a", "A")
    assert await log.active_stores() == []
    await _append(log, Batch("a", 1, (_event("s", 1), _event("s", 2)._replace(marked=True)), active=True))
    await _append(log, Batch("a", 3, (_event("s", 3),)))
    opened = await log.open_store("a")
    assert opened is not None
    assert [event.body for event in opened.marked] == [b"s2"]
    assert await log.active_stores() == ["a"]
    await _append(log, Batch("a", 4, (), active=False))
    assert await log.active_stores() == []


async def _append(log: EventLog, batch: Batch) -> Outcome:
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    log.append(batch, future.set_result)
    return await future


def _event(session: str, n: int) -> Decision:
    return Decision(session, n, "ann", f"d{n}".encode(), f"{session}{n}".encode())
