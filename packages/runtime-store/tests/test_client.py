"""Stores that follow a backend over real sockets on this machine; the backend is the one for tests."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from msgspec import Raw
from websockets.asyncio.client import connect as connect_socket
from websockets.asyncio.server import ServerConnection, serve

from runtime_schema.events import (
    CellCreated,
    CellSourceSet,
    DisplayAdded,
    ExecutionStarted,
    JsonText,
    NotebookMetadataSet,
    RuntimeSessionStarted,
)
from runtime_schema.ids import CellId, ExecutionId, OutputId, RuntimeId, RuntimeSessionId
from runtime_schema.json_text import Json
from runtime_schema.queries import CELLS, LATEST_SESSION, METADATA, CellRow
from runtime_schema.store_types import Applied, LiveMessage, RejectedError, StoreStatus
from runtime_store import Address, Store, connect
from runtime_store.file import StoreFile, Write
from runtime_store.frames import ConfirmedEvent, PushEvent, Standby
from runtime_store.sync_socket import SyncSocket
from runtime_store.testing import InMemoryBackend, InMemoryServer, Verdict

SHA = "a" * 64


@pytest.fixture
def backend() -> InMemoryBackend:
    return InMemoryBackend()


@pytest.fixture
async def server(backend: InMemoryBackend) -> AsyncIterator[InMemoryServer]:
    made = InMemoryServer(backend, "ada")
    await made.start()
    yield made
    await made.stop()


def no_jitter() -> float:
    return 0.0


def title(text: str) -> NotebookMetadataSet:
    return NotebookMetadataSet(key="title", value=JsonText(f'"{text}"'))


async def until_status(store: Store, *, connected: bool) -> StoreStatus:
    reached: asyncio.Future[StoreStatus] = asyncio.get_running_loop().create_future()

    def hear(status: StoreStatus) -> None:
        if status.connected == connected and not reached.done():
            reached.set_result(status)

    end = store.subscribe_status(hear)
    try:
        return await reached
    finally:
        end()


async def test_two_stores_see_each_others_events_and_the_backend_names_the_user(server: InMemoryServer) -> None:
    one, two = await connect(server.url, "nb"), await connect(server.url, "nb")
    await two.synced()
    seen: asyncio.Future[Sequence[CellRow]] = asyncio.get_running_loop().create_future()
    two.subscribe(CELLS, lambda rows: seen.set_result(rows) if rows else None)
    receipt = one.commit(CellCreated(cell_id=CellId("c"), cell_type="code", position="a0", source="x"))
    assert [row.id for row in one.query(CELLS)] == ["c"]
    assert await receipt == Applied(1, applied=True)
    assert [row.created_by for row in await seen] == ["ada"]
    assert (one.client_id, one.status) == ("ada", StoreStatus(connected=True, head=1, pending=0))
    assert await one.close() == await two.close() == 0


async def test_a_store_is_usable_before_and_without_a_connection_and_catches_up(server: InMemoryServer) -> None:
    await server.stop()
    store = await connect(server.url, "nb", random=no_jitter)
    receipt = store.commit(title("offline"))
    assert [row.value for row in store.query(METADATA)] == ['"offline"']
    status = await until_status(store, connected=False)
    assert status.pending == 1
    await server.start()
    assert await receipt == Applied(1, applied=True)
    assert store.status.problem is None
    await store.close()


async def test_a_cut_connection_is_opened_again_and_nothing_is_lost_or_doubled(server: InMemoryServer, backend: InMemoryBackend) -> None:
    store = await connect(server.url, "nb", random=no_jitter)
    receipts = [store.commit(title("one"))]
    await store.synced()
    await server.stop()
    receipts.append(store.commit(title("two")))
    await server.start()
    assert [await receipt for receipt in receipts] == [Applied(1, applied=True), Applied(2, applied=True)]
    assert len(backend.log) == 2
    await store.close()


async def test_a_pause_is_over_long_before_a_silent_connection_would_be(server: InMemoryServer, backend: InMemoryBackend) -> None:
    store, other = await connect(server.url, "nb"), await connect(server.url, "nb")

    async def answer(_: LiveMessage) -> Json:
        return None

    other.on_live("are you there", answer)
    await store.synced()
    await other.synced()
    backend.overloaded = True
    receipt = store.commit(title("later"))
    await store.send_live("are you there", None, to=other.store_session_id)  # a round trip: by then the commit was answered
    backend.overloaded = False
    assert await asyncio.wait_for(receipt, 10) == Applied(1, applied=True)
    await store.close()
    await other.close()


async def test_a_refused_event_is_taken_back_and_its_receipt_raises(server: InMemoryServer, backend: InMemoryBackend) -> None:
    def judge(event: PushEvent) -> Verdict:
        return ("forbidden", "read only") if b"one" in bytes(event.args) else None

    backend.judge = judge
    store = await connect(server.url, "nb")
    first, second = store.commit(title("one")), store.commit(title("two"))
    with pytest.raises(RejectedError, match=r"v1.NotebookMetadataSet was rejected \(forbidden\): read only"):
        await first
    assert await second == Applied(1, applied=True)
    assert [row.value for row in store.query(METADATA)] == ['"two"']
    await store.wait_confirmed()
    await store.close()


async def test_pending_events_survive_in_the_file_and_go_first_in_the_next_life(
    server: InMemoryServer, backend: InMemoryBackend, tmp_path: Path
) -> None:
    await server.stop()
    store = await connect(server.url, "nb", path=tmp_path / "n.store")
    store.commit(title("left"))
    store.commit(ExecutionStarted(execution_id=ExecutionId("e"), session_id=RuntimeSessionId("r"), execution_count=1, started_ms=1))
    store.commit(title("behind"))
    earlier = store.store_session_id
    assert await store.close(flush_timeout_s=0) == 3

    again = await connect(server.url, "nb", path=tmp_path / "n.store", random=no_jitter)
    assert [row.value for row in again.query(METADATA)] == ['"behind"']
    receipt = again.commit(title("new"))
    await server.start()
    assert await receipt == Applied(3, applied=True)
    assert [(event.store_session_id, event.n, bytes(event.args)) for event in backend.log] == [
        (earlier, 1, b'{"key":"title","value":"\\"left\\""}'),
        (earlier, 3, b'{"key":"title","value":"\\"behind\\""}'),
        (again.store_session_id, 1, b'{"key":"title","value":"\\"new\\""}'),
    ]
    await again.close()


async def test_a_runtime_session_that_an_earlier_life_left_open_is_told_as_crashed(server: InMemoryServer, tmp_path: Path) -> None:
    store = await connect(server.url, "nb", client_id="ada", path=tmp_path / "n.store")
    other = await connect(server.url, "nb", client_id="ada", path=tmp_path / "other.store")
    started = RuntimeSessionStarted(
        session_id=RuntimeSessionId("r"),
        runtime_id=RuntimeId("x"),
        runtime_type="echo",
        capabilities=("code",),
        info=JsonText("{}"),
        lost_after_ms=1,
        started_ms=1,
    )
    await store.commit(started)
    await store.close()
    await other.synced()
    await other.close()

    await (await connect(server.url, "nb", client_id="ada", path=tmp_path / "other.store")).close()
    again = await connect(server.url, "nb", client_id="ada", path=tmp_path / "n.store")
    await again.wait_confirmed()
    assert [(row.status, row.ended_reason) for row in again.query(LATEST_SESSION, confirmed=True)] == [("terminated", "crashed")]
    assert [event.name for event in server.backend.log] == ["v1.RuntimeSessionStarted", "v1.RuntimeSessionTerminated"]
    await again.close()


async def test_the_copy_in_the_file_is_there_without_a_server_and_only_the_rest_is_fetched(
    server: InMemoryServer, backend: InMemoryBackend, tmp_path: Path
) -> None:
    store = await connect(server.url, "nb", path=tmp_path / "n.store")
    await store.commit(title("kept"))
    await store.close()
    await server.stop()
    again = await connect(server.url, "nb", path=tmp_path / "n.store", random=no_jitter)
    assert [row.value for row in again.query(METADATA, confirmed=True)] == ['"kept"']
    backend.append(ConfirmedEvent("v1.NotebookMetadataSet", Raw(b'{"key":"k","value":"1"}'), "bob", "s", 1))
    await server.start()
    await again.synced()
    assert [row.key for row in again.query(METADATA)] == ["k", "title"]
    await again.close()


async def test_another_log_behind_the_same_address_is_loaded_anew(server: InMemoryServer, tmp_path: Path) -> None:
    store = await connect(server.url, "nb", path=tmp_path / "n.store", random=no_jitter)
    await store.commit(title("old"))
    await server.stop()
    receipt = store.commit(CellCreated(cell_id=CellId("c"), cell_type="code", position="a0", source="unsent"))
    server.backend = InMemoryBackend("another")
    await server.start()
    assert await receipt == Applied(1, applied=True)
    assert (store.query(METADATA), [row.source for row in store.query(CELLS)]) == ([], ["unsent"])
    assert "another log" in str(store.status.problem)
    before = store.dump()
    await store.close()
    again = await connect(server.url, "nb", path=tmp_path / "n.store")
    assert again.dump() == before
    await again.close()


async def test_artifacts_are_uploaded_before_the_event_that_names_them(server: InMemoryServer, backend: InMemoryBackend) -> None:
    uploads: list[tuple[frozenset[str], int]] = []

    class Uploader:
        async def ensure_uploaded(self, sha256s: frozenset[str]) -> None:
            uploads.append((sha256s, len(backend.log)))

    store = await connect(server.url, "nb", artifacts=Uploader())
    store.commit(title("before"))
    await store.wait_confirmed()
    store.commit(
        DisplayAdded(
            output_id=OutputId("o"),
            execution_id=ExecutionId("e"),
            session_id=RuntimeSessionId("r"),
            bundle={"image/png": {"type": "artifact", "sha256": SHA, "sizeBytes": 9}},
            metadata=JsonText("{}"),
        )
    )
    await store.wait_confirmed()
    assert uploads == [(frozenset({SHA}), 1)]
    assert len(backend.log) == 2
    await store.close()


async def test_live_messages_reach_one_store_or_all_and_are_answered(server: InMemoryServer) -> None:
    one, two = await connect(server.url, "nb"), await connect(server.url, "nb", live_timeout_s=0.05)
    await one.synced()
    await two.synced()
    heard: list[LiveMessage] = []

    async def answer(message: LiveMessage) -> Json:
        heard.append(message)
        return {"got": message.data}

    one.on_live("runtime.stop", answer)
    assert await two.send_live("runtime.stop", {"sessionId": "r"}, to=one.store_session_id) == {"got": {"sessionId": "r"}}
    assert heard == [LiveMessage(topic="runtime.stop", data={"sessionId": "r"}, sender=two.store_session_id, client_id="ada")]
    with pytest.raises(TimeoutError, match=r"runtime\.unknown was not answered"):
        await two.send_live("runtime.unknown", 1, to=one.store_session_id)

    to_all: asyncio.Future[Json] = asyncio.get_running_loop().create_future()

    async def listen(message: LiveMessage) -> Json:
        to_all.set_result(message.data)
        return None

    one.on_live("presence", listen)
    assert await two.send_live("presence", [1, "x"]) is None
    assert await to_all == [1, "x"]
    await one.close()
    await two.close()


async def test_an_offer_to_wait_goes_behind_what_was_committed_before_it(server: InMemoryServer, backend: InMemoryBackend) -> None:
    store = await connect(server.url, "nb")
    await store.commit(title("one"))
    store.stand_by(RuntimeSessionId("r"), 4, 99)
    store.commit(title("two"))
    await store.commit(title("three"))
    await store.commit(title("four"))
    assert backend.offers == [(3, Standby(session_id="r", execution_count=4, started_ms=99, n=1, head=1))]
    await store.close()


async def test_an_offer_to_wait_is_not_kept_for_a_later_connection(server: InMemoryServer, backend: InMemoryBackend) -> None:
    store = await connect(server.url, "nb", random=no_jitter)
    await store.synced()
    await server.stop()
    await until_status(store, connected=False)
    store.stand_by(RuntimeSessionId("r"), 1, 0)
    await asyncio.sleep(0)
    await server.start()
    await store.commit(title("one"))
    assert backend.offers == []
    await store.close()


async def test_who_is_not_let_in_learns_why() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        store = await connect(f"http://127.0.0.1:{port}", "nb", token="wrong")
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        store.subscribe_status(lambda status: told.set_result(status.problem) if status.problem and not told.done() else None)
        assert "does not let this client in" in await told
        assert await store.close(flush_timeout_s=0) == 0


async def test_many_commits_go_in_few_frames(server: InMemoryServer, backend: InMemoryBackend) -> None:
    store = await connect(server.url, "nb")
    await store.synced()
    store.commit(CellCreated(cell_id=CellId("c"), cell_type="code", position="a0", source=""))
    for number in range(3_000):
        store.commit(CellSourceSet(cell_id=CellId("c"), source=str(number)))
    await store.wait_confirmed()
    assert [event.n for event in backend.log] == list(range(1, 3_002))
    assert [row.source for row in store.query(CELLS)] == ["2999"]
    await store.close()


def test_an_address_makes_the_socket_url_origin_and_headers() -> None:
    address = Address("https://nb.example:8443/base/", "n1", token="t")
    assert address.socket_url == "wss://nb.example:8443/base/sync/n1"
    assert address.origin == "https://nb.example:8443"
    assert address.headers == {"Authorization": "Bearer t"}
    assert Address("ws://h:1", "n", cookie="k=v").headers == {"Cookie": "k=v"}
    assert Address("ws://h:1", "n").origin == "http://h:1"


async def test_a_copy_that_waits_for_no_disk_is_whole_for_whoever_reads_it(server: InMemoryServer, tmp_path: Path) -> None:
    path = tmp_path / "copy.runt"
    one, two = await connect(server.url, "nb"), await connect(server.url, "nb", path=path, power_safe=False)
    await one.commit(title("first"))
    await two.synced()
    with await two.at(1) as state:
        assert [row.value for row in state.query(METADATA)] == ['"first"']
    await one.commit(title("second"))
    await two.commit(title("third"))
    await two.close()
    await one.close()
    await server.stop()
    again = await connect(server.url, "nb", path=path, power_safe=False)
    assert [row.value for row in again.query(METADATA)] == ['"third"']
    assert again.status.head == 3
    await again.close(0)


async def test_a_copy_is_written_soon_though_nobody_commits(
    server: InMemoryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, write = asyncio.Event(), StoreFile.write

    def write_and_tell(file: StoreFile, what: Write) -> None:
        write(file, what)
        written.set()

    monkeypatch.setattr(StoreFile, "write", write_and_tell)
    one, two = await connect(server.url, "nb"), await connect(server.url, "nb", path=tmp_path / "copy.runt", power_safe=False)
    await two.synced()
    await asyncio.wait_for(written.wait(), 10)  # whose log it is
    written.clear()
    await one.commit(title("first"))
    await asyncio.wait_for(written.wait(), 10)
    await one.close()
    await two.close()


async def test_what_was_sent_before_it_was_written_and_is_not_decided_is_written_soon(
    server: InMemoryServer, backend: InMemoryBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: asyncio.Queue[Write] = asyncio.Queue()
    write = StoreFile.write

    def write_and_tell(file: StoreFile, what: Write) -> None:
        write(file, what)
        written.put_nowait(what)

    monkeypatch.setattr(StoreFile, "write", write_and_tell)
    backend.overloaded = True
    store = await connect(server.url, "nb", path=tmp_path / "agent.runt", power_safe=False)
    await store.synced()
    while (await asyncio.wait_for(written.get(), 10)).reset_to is None:
        pass  # nothing else is to be written once it is known whose log it is
    store.commit(title("one"))
    store.commit(title("two"))
    soon = await asyncio.wait_for(written.get(), 10)
    assert [entry.event.args["value"] for entry in soon.pending] == ['"one"', '"two"']
    assert await store.close(flush_timeout_s=0) == 2
    backend.overloaded = False
    again = await connect(server.url, "nb", path=tmp_path / "agent.runt", power_safe=False)
    await again.wait_confirmed()
    assert [bytes(event.args) for event in backend.log] == [b'{"key":"title","value":"\\"one\\""}', b'{"key":"title","value":"\\"two\\""}']
    await again.close()


async def test_messages_are_heard_whole_and_from_the_first() -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send("early")
        await socket.recv()
        await socket.send(["in ", "three ", "parts"])
        await socket.send(b"bytes")

    async with serve(talk, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        async with connect_socket(f"ws://127.0.0.1:{port}", create_connection=SyncSocket) as socket:
            assert isinstance(socket, SyncSocket)
            heard: list[bytes] = []
            await socket.send("listens later")
            await socket.wait_closed()
            socket.listen(heard.append, lambda: None)
            assert heard == [b"early", b"in three parts", b"bytes"]


async def test_a_word_follows_the_messages_that_were_read_at_once() -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send("one")

    async with serve(talk, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        async with connect_socket(f"ws://127.0.0.1:{port}", create_connection=SyncSocket) as socket:
            assert isinstance(socket, SyncSocket)
            heard: list[bytes] = []
            socket.listen(heard.append, lambda: heard.append(b"(read)"))
            await socket.send("listens")
            await socket.wait_closed()
            assert heard[:2] == [b"one", b"(read)"]
