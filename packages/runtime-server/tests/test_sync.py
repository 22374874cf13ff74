"""The sync protocol against a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from runtime_schema.hashes import RULES_HASH, SCHEMA_HASH
from runtime_schema.wire import Limits
from runtime_server import EventLog, Server, ServerConfig
from runtime_server.log import Batch, Done, OpenedStore, PastEvent, Record
from runtime_server.testing import ManualClock, RawClient


@dataclass
class Running:
    server: Server
    token: str
    notebook: str

    def client(self, session: str = "s1", *, head: int | None = 0, greet: bool = True) -> RawClient:
        return RawClient(self.server.url, self.notebook, self.token, session, head=head, greet=greet)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    server = Server(ServerConfig(data_folder=tmp_path))
    await server.start()
    yield Running(server, await server.create_token("test"), (await server.notebooks.create("N")).id)
    await server.stop()


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[tuple[Running, ManualClock]]:
    """A server with small limits, whose time the test moves."""
    clock = ManualClock()
    limits = replace(Limits(), send_queue_bytes=64 * 1024, connections_per_user=2)
    config = ServerConfig(data_folder=tmp_path, limits=limits, monotonic_s=clock.monotonic_s, now_ms=clock.now_ms, tick_s=3600)
    server = Server(config)
    await server.start()
    yield Running(server, await server.create_token("test"), (await server.notebooks.create("N")).id), clock
    await server.stop()


async def test_two_clients_see_one_order(running: Running) -> None:
    async with running.client("a") as ann, running.client("b") as bob:
        await ann.events(1)
        await bob.events(1)
        await ann.push(1, "one", "two")
        assert await ann.receive("ack") == {"t": "ack", "session": "a", "n": 1, "count": 2, "first": 2}
        assert [(seq, event[1]["source"], event[2:]) for seq, event in await bob.events(2)] == [
            (2, "one", ["local", "a", 1]),
            (3, "two", ["local", "a", 2]),
        ]


async def test_resume_from_any_head_gives_the_rest(running: Running) -> None:
    async with running.client("a", head=1) as ann:
        await ann.push(1, *[str(n) for n in range(50)])
        await ann.receive("ack")
    for head in (0, 1, 17, 50):
        async with running.client("b", head=head) as bob:
            assert [seq for seq, _ in await bob.events(51 - head)] == list(range(head + 1, 52))


@pytest.mark.slow
async def test_resume_reads_pages_of_the_log_when_memory_has_less(tmp_path: Path) -> None:
    first = Server(ServerConfig(data_folder=tmp_path))
    await first.start()
    notebook, token = (await first.notebooks.create("N")).id, await first.create_token("t")
    async with RawClient(first.url, notebook, token, head=1) as ann:
        for start in range(1, 3001, 1000):
            await ann.push(start, *["x"] * 1000)
            await ann.receive("ack")
    await first.stop()
    second = Server(ServerConfig(data_folder=tmp_path))
    await second.start()
    async with RawClient(second.url, notebook, token, "b") as bob:
        assert bob.welcome["head"] == 3001
        assert bob.welcome["decided"] == {"s1": 3000}
        page = await bob.receive("events")
        assert (page["first"], len(page["events"])) == (1, 1000)
        assert [seq for seq, _ in await bob.events(2001)] == list(range(1001, 3002))
    await second.stop()


async def test_a_resend_is_answered_and_not_recorded_again(running: Running) -> None:
    async with running.client("a", head=1) as ann:
        await ann.push(1, "one")
        ack = await ann.receive("ack")
    async with running.client("a", head=2) as again:
        await again.push(1, "one")
        assert await again.receive("ack") == ack
        await again.push(1, "another")
        assert (await again.receive("reject"))["code"] == "conflict"


async def test_a_second_session_of_a_page_pushes_without_hearing_the_log(running: Running) -> None:
    async with running.client("page", head=1) as page, running.client("guest", head=None) as guest:
        await guest.push(1, "one")
        await guest.push_event(2, "v1.Unheard", {})
        assert ((frame := await guest.receive("reject"))["n"], frame["code"]) == (2, "invalid")
        assert [event[3:] for _, event in await page.events(1)] == [["guest", 1]]
        await page.push(1, "two")
        await page.receive("ack")
        await page.send({"t": "live", "topic": "runtime.stop", "data": 1, "to": "guest", "id": "m1"})
        assert (await guest.receive("live"))["id"] == "m1"
    async with running.client("guest", head=None) as again, running.client("reader") as reader:
        await again.push_event(2, "v1.Unheard", {})
        assert ((frame := await again.receive("reject"))["n"], frame["code"]) == (2, "invalid")
        await again.push(1, "one")
        await again.push(3, "three")
        assert [event[3:] for _, event in (await reader.events(4))[1:]] == [["guest", 1], ["page", 1], ["guest", 3]]
        await again.send({"t": "ping"})
        await again.receive("pong")


async def test_what_is_pushed_with_and_after_a_conflict_is_not_recorded(running: Running) -> None:
    async with running.client("a", head=1) as ann:
        await ann.push(1, "one")
        await ann.receive("ack")
    async with running.client("a", head=2) as clone:
        await clone.push(1, "another", "two")
        await clone.push(3, "three")
        assert [((frame := await clone.receive("reject"))["n"], frame["code"]) for _ in range(3)] == [(n, "conflict") for n in (1, 2, 3)]
        await clone.push(4, "four")
        assert (await clone.receive("reject"))["code"] == "conflict"
    async with running.client("a", head=2) as ann:
        assert ann.welcome["head"] == 2
        await ann.push(2, "two")
        assert (await ann.receive("ack"))["first"] == 3


async def test_a_hundred_equal_pushes_at_once_are_one_event(running: Running) -> None:
    async with running.client("a", head=1) as first, running.client("a", head=1) as second:
        for _ in range(50):
            await first.push(1, "one")
            await second.push(1, "one")
        for client in (first, second):
            acks = 0
            while acks < 50:
                frame = msgspec.json.decode(await client.socket.recv())
                assert frame["first"] == 2
                acks += frame["t"] == "ack"
    async with running.client("b") as reader:
        assert reader.welcome["head"] == 2


GREETING = {"t": "hello", "session": "s1", "rules": RULES_HASH, "schema": SCHEMA_HASH}


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "",
        "null",
        "[]",
        '{"t":"nothing"}',
        '{"session":"s"}',
        '{"t":"ping"} {"t":"ping"}',
        "\ufeff" + '{"t":"ping"}',
        "{'t':'ping'}",
        '{"t":"ping","extra":1}',
        '{"t":"ping","head":-1}',
        '{"t":"ping","head":9007199254740993}',
        '{"t":"ping","head":NaN}',
        '{"t":"ping","head":1e400}',
        '{"t":"ping","head":"1"}',
        '{"t":"ping","head":true}',
        "[" * 100_000,
        '{"t":"push","events":[{"n":0,"name":"x","args":{}}]}',
        '{"t":"push","events":[{"n":1,"name":"","args":{}}]}',
        '{"t":"push","events":[{"n":1,"name":"x"}]}',
        '{"t":"push","events":[{"n":1,"name":"x","args":{},"clientId":"server"}]}',
        '{"t":"push","session":"../x","events":[]}',
        '{"t":"push","session":"__proto__\\n","events":[]}',
        '{"t":"live","topic":"x","data":"\\ud800"}',
        '{"t":"live","topic":"x","data":{"a":1,"a":2}}',
        '{"t":"from","head":"latest"}',
        '{"t":"events","first":1,"events":[]}',
        b'{"t":"ping"}',
    ],
)
async def test_a_malformed_frame_ends_the_connection_and_nothing_else(running: Running, frame: str | bytes) -> None:
    async with running.client("a", head=1) as bystander, running.client("b", head=1) as bad:
        await bad.socket.send(frame)
        bye = await bad.receive("bye")
        assert bye["code"] == "bad-frame"
        assert len(bye["message"]) <= 400
        assert await bad.closed() == 4400
        await bystander.push(1, "still here")
        assert (await bystander.receive("ack"))["first"] == 2


@pytest.mark.parametrize(
    "hello", [{"session": ""}, {"session": "x" * 65}, {"session": "\u0000"}, {"head": -1}, {"head": 2**53}, {"rules": 1}]
)
async def test_a_malformed_hello_is_refused(running: Running, hello: dict[str, object]) -> None:
    async with running.client(greet=False) as client:
        await client.send(GREETING | hello)
        assert (await client.receive("bye"))["code"] == "bad-frame"


async def test_text_that_is_not_utf8_ends_the_connection(running: Running) -> None:
    async with running.client(head=1) as client:
        await client.socket.send(b'{"t":"ping"\xff}', text=True)
        assert await client.closed() == 1007


async def test_a_code_point_may_be_split_over_fragments(running: Running) -> None:
    async with running.client(head=1) as client:
        whole = '{"t":"live","topic":"é","data":1}'.encode()
        await client.socket.send([whole[:22], whole[22:]], text=True)
        await client.push(1, "after")
        await client.receive("ack")


async def test_a_frame_over_the_limit_ends_the_connection(running: Running) -> None:
    async with running.client(head=1) as client:
        with suppress(ConnectionClosed):  # the server reads the size first, and may be done before all is sent
            await client.socket.send("x" * (1024 * 1024 + 64 * 1024 + 1))
        assert await client.closed() == 1009


async def test_an_oversized_event_is_rejected_and_the_rest_is_taken(running: Running) -> None:
    async with running.client(head=1) as client:
        await client.push(1, "x" * 300_000, "small")
        assert (await client.receive("reject"))["code"] == "too-large"
        assert await client.receive("ack") == {"t": "ack", "session": "s1", "n": 2, "count": 1, "first": 2}


async def test_nul_and_emoji_round_trip(running: Running) -> None:
    text = "a\u0000b 👩‍👩‍👧 \u2028 é"
    async with running.client("a", head=1) as ann, running.client("b", head=1) as bob:
        await ann.push(1, text)
        ((_, event),) = await bob.events(1)
        assert event[1]["source"] == text


async def test_a_user_has_a_bounded_number_of_connections(small: tuple[Running, ManualClock]) -> None:
    running, _ = small
    async with running.client("a"), running.client("b"), running.client("c", greet=False) as third:
        assert (await third.receive("bye"))["code"] == "too-many"
        assert await third.closed() == 4429


async def test_who_does_not_greet_is_sent_away(small: tuple[Running, ManualClock]) -> None:
    running, clock = small
    async with running.client(greet=False) as silent, running.client("b", head=1) as other:
        clock.advance(5)
        running.server.rooms.tick()
        assert (await silent.receive("bye"))["code"] == "timeout"
        assert await silent.closed() == 4408
        await other.push(1, "x")


async def test_the_server_pings_with_its_head(small: tuple[Running, ManualClock]) -> None:
    running, clock = small
    async with running.client(head=1) as client:
        clock.advance(10)
        running.server.rooms.tick()
        assert await client.receive("ping") == {"t": "ping", "head": 1}


@pytest.mark.slow
async def test_a_slow_reader_slows_nobody_and_is_let_go(small: tuple[Running, ManualClock]) -> None:
    running, clock = small
    host = await running.server.rooms.open(running.notebook)
    assert host is not None
    async with running.client("ann", head=1) as ann, running.client("slow", head=1) as slow:
        slow.socket.transport.pause_reading()
        for n in range(1, 101):
            await ann.push(n, "x" * 200_000)
            await ann.receive("ack")
        assert host.queued_bytes <= 64 * 1024 + 1024 * 1024 + 65_536
        clock.advance(10)
        running.server.rooms.tick()
        await ann.push(101, "after")
        await ann.receive("ack")
        slow.socket.transport.resume_reading()
        await slow.drain()
    async with running.client("slow", head=1) as again:
        assert len(await again.events(101)) == 101


async def test_who_was_slow_for_a_while_catches_up_on_the_same_connection(small: tuple[Running, ManualClock]) -> None:
    running, _ = small
    async with running.client("ann", head=1) as ann, running.client("slow", head=1) as slow:
        slow.socket.transport.pause_reading()
        for n in range(1, 61):
            await ann.push(n, "x" * 200_000)
            await ann.receive("ack")
        slow.socket.transport.resume_reading()
        assert [seq for seq, _ in await slow.events(60)] == list(range(2, 62))
        await ann.push(61, "live again")
        assert [seq for seq, _ in await slow.events(1)] == [62]


async def test_a_runtime_that_goes_away_becomes_unreachable_and_resumes(small: tuple[Running, ManualClock]) -> None:
    running, clock = small
    started = {
        "sessionId": "r",
        "runtimeId": "me",
        "runtimeType": "python",
        "capabilities": ["code"],
        "info": "{}",
        "lostAfterMs": 60_000,
        "startedMs": 1,
    }
    async with running.client("page", head=1) as page:
        async with running.client("agent", head=1) as agent:
            await agent.push_event(1, "v1.RuntimeSessionStarted", started)
            await agent.receive("ack")
        assert [event[0] for _, event in await page.events(1)] == ["v1.RuntimeSessionStarted"]
        await page.send({"t": "ping"})
        await page.receive("pong")
        clock.advance(30)
        running.server.rooms.tick()
        ((_, unreachable),) = await page.events(1)
        assert (unreachable[0], unreachable[2]) == ("v1.RuntimeSessionUnreachable", "server")
        async with running.client("agent", head=3):
            assert [event[0] for _, event in await page.events(1)] == ["v1.RuntimeSessionResumed"]
            running.server.rooms.runtime_died("agent")
            ((_, terminated),) = await page.events(1)
            assert (terminated[0], terminated[1]["reason"]) == ("v1.RuntimeSessionTerminated", "crashed")


async def test_stopping_says_bye_and_keeps_what_was_taken(tmp_path: Path) -> None:
    server = Server(ServerConfig(data_folder=tmp_path))
    await server.start()
    notebook, token = (await server.notebooks.create("N")).id, await server.create_token("t")
    async with RawClient(server.url, notebook, token, head=1) as client:
        await client.push(1, "x")
        await client.receive("ack")
        stopping = asyncio.create_task(server.stop())
        assert (await client.receive("bye"))["code"] == "shutdown"
        assert await client.closed() == 1001
        await stopping


class FullLog(EventLog):
    """Passes everything to another log; while `full`, refuses appends."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.full = False

    async def create_store(self, store_id: str, title: str, path: str | None = None) -> bool:
        return await self.log.create_store(store_id, title, path)

    async def delete_store(self, store_id: str) -> bool:
        return await self.log.delete_store(store_id)

    async def open_store(self, store_id: str) -> OpenedStore | None:
        return await self.log.open_store(store_id)

    def append(self, batch: Batch, done: Done) -> None:
        if self.full:
            asyncio.get_running_loop().call_soon(done, "full")
        else:
            self.log.append(batch, done)

    async def read(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[bytes]:
        return await self.log.read(store_id, after, max_events, max_bytes)

    async def history(self, store_id: str, after: int, max_events: int, max_bytes: int) -> list[PastEvent]:
        return await self.log.history(store_id, after, max_events, max_bytes)

    async def size_after(self, store_id: str, after: int) -> int:
        return await self.log.size_after(store_id, after)

    async def records(self, store_id: str, session: str, first_n: int, last_n: int) -> list[Record]:
        return await self.log.records(store_id, session, first_n, last_n)

    async def active_stores(self) -> list[str]:
        return await self.log.active_stores()


async def test_a_full_disk_pauses_and_the_server_goes_on(tmp_path: Path) -> None:
    logs: list[FullLog] = []

    def wrap(log: EventLog) -> EventLog:
        logs.append(FullLog(log))
        return logs[-1]

    server = Server(ServerConfig(data_folder=tmp_path), wrap_log=wrap)
    await server.start()
    notebook, token = (await server.notebooks.create("N")).id, await server.create_token("t")
    async with RawClient(server.url, notebook, token, head=1) as client, RawClient(server.url, notebook, token, "b", head=1) as other:
        logs[0].full = True
        await client.push(1, "one")
        assert await client.receive("pause") == {"t": "pause", "session": "s1", "from": 1, "retryMs": 1000}
        await client.push(2, "two")
        assert (await client.receive("pause"))["from"] == 1
        logs[0].full = False
        await client.push(1, "one", "two")
        assert await client.receive("ack") == {"t": "ack", "session": "s1", "n": 1, "count": 2, "first": 2}
        assert [seq for seq, _ in await other.events(2)] == [2, 3]
    await server.stop()


async def test_rooms_that_nobody_needs_are_closed_and_opened_again(small: tuple[Running, ManualClock]) -> None:
    running, clock = small
    rooms = running.server.rooms
    before = await rooms.open(running.notebook)
    async with running.client(head=1) as client:
        clock.advance(120)
        rooms.tick()
        assert await rooms.open(running.notebook) is before
        await client.push(1, "x")
        await client.receive("ack")
    await running.server.notebooks.settle(running.notebook)
    clock.advance(120)
    rooms.tick()
    clock.advance(120)
    rooms.tick()
    after = await rooms.open(running.notebook)
    assert after is not None
    assert after is not before
    async with running.client("b", head=1) as client:
        assert client.welcome["head"] == 2
