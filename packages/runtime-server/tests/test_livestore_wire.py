"""LiveStore's protocol against a real server on loopback, frame by frame; real LiveStore clients are tested in tests/livestore."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from runtime_schema.hashes import RULES_HASH
from runtime_schema.wire import Limits
from runtime_server import Server, ServerConfig
from runtime_server.accounts import Role
from runtime_server.livestore.turns import TURN_S
from runtime_server.testing import RawClient

Message = dict[str, Any]  # Any: JSON of a message, as the server sent it
NOBODY: Message = {"_tag": "None"}


class Client:
    """One WebSocket that speaks as LiveStore does. `pull` begins request 0, which `chunk` reads."""

    def __init__(self, url: str, store_id: str, token: str | None, *, client_id: str = "local/test", **headers: str) -> None:
        self.backend = ""
        self._url = f"{url.replace('http', 'ws', 1)}/livestore?storeId={store_id}&payload=%2522x%2522&transport=ws"
        self._headers = headers | ({} if token is None else {"Authorization": f"Bearer {token}"})
        self._store_id = store_id
        self._client_id = client_id
        self._requests = 0
        self.socket: ClientConnection

    async def __aenter__(self) -> "Client":
        self.socket = await connect(self._url, additional_headers=self._headers, compression=None, max_size=None, proxy=None)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        await self.socket.close()

    async def send(self, message: object) -> None:
        await self.socket.send(msgspec.json.encode(message).decode())

    async def next(self) -> Message:
        """Give the next message; a chunk is acknowledged, as LiveStore does."""
        found: Message = msgspec.json.decode(await self.socket.recv())
        if found["_tag"] == "Chunk":
            await self.send({"_tag": "Ack", "requestId": found["requestId"]})
        return found

    async def receive(self, tag: str) -> Message:
        found = await self.next()
        assert found["_tag"] == tag, found
        return found

    async def call(self, tag: str, **payload: object) -> str:
        self._requests += 1
        request_id = str(self._requests - 1)
        body = {"storeId": self._store_id, "payload": {"rules": RULES_HASH}} | payload
        await self.send({"_tag": "Request", "id": request_id, "tag": f"SyncWsRpc.{tag}", "payload": body, "headers": []})
        return request_id

    async def pull(self, cursor: Message = NOBODY, *, live: bool = True) -> list[Message]:
        await self.call("Pull", cursor=cursor, live=live)
        return await self.chunk()

    async def chunk(self) -> list[Message]:
        """Give the events of the next chunk."""
        (value,) = (await self.receive("Chunk"))["values"]
        self.backend = value["backendId"]
        return [item["eventEncoded"] for item in value["batch"]]

    def event(self, seq: int, source: str = "1", **changes: object) -> Message:
        args = {"cellId": "c", "source": source}
        author = {"clientId": self._client_id, "sessionId": "s1"}
        return {"name": "v1.CellSourceSet", "args": args, "seqNum": seq, "parentSeqNum": seq - 1, **author, **changes}

    async def start_push(self, *events: Message, backend: Message = NOBODY, **changes: object) -> str:
        return await self.call("Push", batch=events, backendId=backend, **changes)

    async def push(self, *events: Message, backend: Message = NOBODY, **changes: object) -> Message:
        """Push and give the exit, past any chunks."""
        request_id = await self.start_push(*events, backend=backend, **changes)
        return await self.exit(request_id)

    async def exit(self, request_id: str) -> Message:
        while True:
            found = await self.next()
            if found["_tag"] == "Exit":
                assert found["requestId"] == request_id
                return found["exit"]


SUCCESS: Message = {"_tag": "Success", "value": {}}


def error_of(exit_: Message) -> Message:
    assert exit_["_tag"] == "Failure", exit_
    assert exit_["cause"]["_tag"] == "Fail", exit_  # never a defect: it would end the client
    return exit_["cause"]["error"]


def problem_of(exit_: Message) -> str:
    error = error_of(exit_)
    assert error["_tag"] == "UnknownError", error
    return error["cause"]["message"]


@dataclass
class Running:
    server: Server
    notebook: str
    token: str

    def client(self, client_id: str = "local/test") -> Client:
        return Client(self.server.url, self.notebook, self.token, client_id=client_id)

    def raw(self, session: str = "raw", *, head: int | None = 0) -> RawClient:
        return RawClient(self.server.url, self.notebook, self.token, session, head=head)

    async def as_role(self, role: Role) -> Client:
        return Client(self.server.url, self.notebook, await self.server.create_token(role, role))

    async def http(self, tag: str, **payload: object) -> list[Message]:
        body: Message = {
            "_tag": "Request",
            "id": "0",
            "tag": f"SyncHttpRpc.{tag}",
            "payload": {"storeId": self.notebook} | payload,
            "headers": [],
        }
        async with httpx.AsyncClient() as http:
            answer = await http.post(
                f"{self.server.url}/livestore?storeId={self.notebook}&transport=http",
                json=body,
                headers={"Authorization": f"Bearer {self.token}", "x-livestore-store-id": self.notebook},
            )
        assert answer.status_code == 200, answer.text
        return answer.json()


async def run_server(folder: Path, limits: Limits | None = None) -> Running:
    server = Server(ServerConfig(data_folder=folder, limits=limits or Limits()))
    await server.start()
    return Running(server, (await server.notebooks.create("N")).id, await server.create_token("test"))


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    made = await run_server(tmp_path)
    yield made
    await made.server.stop()


async def test_a_ping_is_answered(running: Running) -> None:
    async with running.client() as ann:
        await ann.send({"_tag": "Ping"})
        assert await ann.receive("Pong") == {"_tag": "Pong"}


async def test_what_one_side_records_the_other_hears(running: Running) -> None:
    async with running.client() as ann, running.raw() as raw:
        (title,) = await ann.pull()
        assert (title["name"], title["seqNum"], title["parentSeqNum"], title["clientId"]) == ("v1.NotebookMetadataSet", 1, 0, "server")
        await raw.events(1)
        await raw.push(1, "ours")
        (heard,) = await ann.chunk()
        assert heard == {
            "name": "v1.CellSourceSet",
            "args": {"cellId": "c", "source": "ours"},
            "seqNum": 2,
            "parentSeqNum": 1,
            "clientId": "local",
            "sessionId": "raw",
        }
        await raw.receive("ack")
        assert await ann.push(ann.event(3, "theirs")) == SUCCESS
        assert await raw.events(1) == [(3, ["v1.CellSourceSet", {"cellId": "c", "source": "theirs"}, "local", "test__s1", 3])]


async def test_rule_2_the_pusher_hears_its_own_events_too(running: Running) -> None:
    async with running.client() as ann, running.client("local/other") as bob:
        await ann.pull()
        await bob.pull()
        events = [ann.event(2, "a"), ann.event(3, "b", clientId="local", sessionId="tab")]
        request_id = await ann.start_push(*events)
        got: dict[str, object] = {}
        while len(got) < 2:
            found = await ann.next()
            got[found["_tag"]] = found
        assert got["Exit"] == {"_tag": "Exit", "requestId": request_id, "exit": SUCCESS}
        heard = await bob.chunk()
        heard += [] if len(heard) == 2 else await bob.chunk()
        assert heard == events


async def test_rules_1_and_3_a_push_behind_the_head_is_told_and_the_missing_events_come(running: Running) -> None:
    async with running.client() as ann, running.raw() as raw:
        await ann.pull()
        await raw.events(1)
        await raw.push(1, "first")
        await raw.receive("ack")
        assert error_of(await ann.push(ann.event(2))) == {"_tag": "ServerAheadError", "minimumExpectedNum": 3, "providedNum": 2}
    async with running.client() as ann:
        assert error_of(await ann.push(ann.event(2)))["_tag"] == "ServerAheadError"
        assert [event["seqNum"] for event in await ann.pull()] == [1, 2]


async def test_rule_1_a_chain_with_a_gap_is_refused_whole(running: Running) -> None:
    async with running.client() as ann:
        await ann.pull()
        assert "does not follow" in problem_of(await ann.push(ann.event(2), ann.event(4)))
        assert "has 1" in problem_of(await ann.push(ann.event(9)))
        assert await ann.push(ann.event(2)) == SUCCESS


async def test_rule_5_events_whose_args_do_not_fit_are_refused_and_none_of_their_batch_is_recorded(running: Running) -> None:
    async with running.client() as ann, running.raw() as raw:
        await raw.events(1)
        assert "cellId: missing" in problem_of(await ann.push(ann.event(2), ann.event(3, args={"source": "x"})))
        assert "server's to commit" in problem_of(await ann.push(ann.event(2, name="v1.RuntimeSessionResumed", args={"sessionId": "R"})))
        assert "args are missing" in problem_of(await ann.push({name: value for name, value in ann.event(2).items() if name != "args"}))
        assert "args" in problem_of(await ann.push(ann.event(2, args=None)))
        assert await ann.push(ann.event(2, "good")) == SUCCESS
        assert [event[1]["source"] for _, event in await raw.events(1)] == ["good"]


async def test_rule_6_events_that_nobody_here_knows_are_kept_for_those_who_do(running: Running) -> None:
    async with running.client() as ann, running.raw() as raw:
        await raw.events(1)
        assert await ann.push(ann.event(2, name="x1.StickerPlaced", args={"at": [1.5, None]})) == SUCCESS
        assert [event[:2] for _, event in await raw.events(1)] == [["x1.StickerPlaced", {"at": [1.5, None]}]]
        assert "name" in problem_of(await ann.push(ann.event(3, name='x"')))
    async with running.client("local/other") as bob:
        assert [event["name"] for event in await bob.pull()] == ["v1.NotebookMetadataSet", "x1.StickerPlaced"]


async def test_rule_6_another_backend_id_is_told(running: Running) -> None:
    some = {"_tag": "Some", "value": {"backendId": "old", "eventSequenceNumber": 1}}
    async with running.client() as ann:
        await ann.pull()
        expected = {"_tag": "BackendIdMismatchError", "expected": ann.backend, "received": "old"}
        assert error_of(await ann.push(ann.event(2), backend={"_tag": "Some", "value": "old"})) == expected
        assert error_of(await ann.exit(await ann.call("Pull", cursor=some, live=True))) == expected
        assert await ann.push(ann.event(2), backend={"_tag": "Some", "value": ann.backend}) == SUCCESS


async def test_rule_7_chunks_hold_100_events_and_say_how_many_follow(running: Running) -> None:
    async with running.raw(head=1) as raw:
        await raw.push(1, *["x"] * 249)
        await raw.receive("ack")
    async with running.client() as ann:
        await ann.call("Pull", cursor=NOBODY, live=False)
        seen: list[tuple[int, Message]] = []
        for _ in range(3):
            (value,) = (await ann.receive("Chunk"))["values"]
            seen.append((len(value["batch"]), value["pageInfo"]))
        assert seen == [
            (100, {"_tag": "MoreKnown", "remaining": 150}),
            (100, {"_tag": "MoreKnown", "remaining": 50}),
            (50, {"_tag": "NoMore"}),
        ]
        assert await ann.exit("0") == {"_tag": "Success"}
        assert "at most 100" in problem_of(await ann.push(*[ann.event(251 + n) for n in range(101)]))


@pytest.mark.slow
async def test_rule_7_chunks_have_at_most_900_000_bytes(running: Running) -> None:
    async with running.raw(head=1) as raw:
        for n in range(1, 9):
            await raw.push(n, "é" * 100_000)
            await raw.receive("ack")
    async with running.client() as ann:
        await ann.call("Pull", cursor=NOBODY, live=True)
        events = 0
        while events < 9:
            message = await ann.next()
            assert len(msgspec.json.encode(message)) <= 900_000
            events += len(message["values"][0]["batch"])


async def test_a_client_that_has_not_taken_a_chunk_is_sent_the_rest_in_one(running: Running) -> None:
    async with running.client() as ann, running.raw(head=1) as raw:
        await ann.call("Pull", cursor=NOBODY, live=True)
        first: Message = msgspec.json.decode(await ann.socket.recv())
        for n in range(1, 6):
            await raw.push(n, str(n))
            await raw.receive("ack")
        await ann.send({"_tag": "Ack", "requestId": first["requestId"]})
        assert [event["seqNum"] for event in await ann.chunk()] == [2, 3, 4, 5, 6]


async def test_a_client_resumes_after_what_it_has(running: Running) -> None:
    async with running.client() as ann:
        await ann.pull()
        assert await ann.push(*[ann.event(n) for n in range(2, 6)]) == SUCCESS
        backend = ann.backend
    async with running.client() as ann:
        some = {"_tag": "Some", "value": {"backendId": backend, "eventSequenceNumber": 3}}
        assert [event["seqNum"] for event in await ann.pull(some)] == [4, 5]
    async with running.client() as ann:
        beyond = {"_tag": "Some", "value": {"backendId": backend, "eventSequenceNumber": 6}}
        assert "older copy" in problem_of(await ann.exit(await ann.call("Pull", cursor=beyond, live=True)))


async def test_an_interrupted_request_ends(running: Running) -> None:
    async with running.client() as ann:
        await ann.pull()
        for request_id in ("0", "77"):
            await ann.send({"_tag": "Interrupt", "requestId": request_id})
            assert (await ann.exit(request_id))["cause"] == {"_tag": "Interrupt", "fiberId": {"_tag": "None"}}
        await ann.send({"_tag": "Ack", "requestId": "0"})
        assert await ann.push(ann.event(2)) == SUCCESS
        assert [event["seqNum"] for event in await ann.pull()] == [1, 2]


async def test_calls_that_there_are_not_are_answered_and_frames_that_there_are_not_end_the_connection(running: Running) -> None:
    async with running.client() as ann:
        assert "there is no SyncWsRpc.Drop" in problem_of(await ann.exit(await ann.call("Drop")))
        assert "this connection is for" in problem_of(await ann.exit(await ann.call("Pull", storeId="other", cursor=NOBODY, live=True)))
        await ann.socket.send("nonsense")
        with pytest.raises(ConnectionClosed):
            await ann.socket.recv()
        assert ann.socket.close_code == 4400


async def test_the_clientid_is_the_users(running: Running) -> None:
    async with running.client() as ann:
        for client_id in ("bob", "server", "local/a_b", "localx"):
            assert "this connection is local's" in problem_of(await ann.push(ann.event(2, clientId=client_id)))


async def test_a_session_of_the_other_protocol_is_not_taken_over(running: Running) -> None:
    async with running.raw("raw", head=1) as raw, running.client() as ann:
        await raw.push(1, "x")
        await raw.receive("ack")
        await raw.push(7, "y")
        await raw.receive("ack")
        assert "has had event 7" in problem_of(await ann.push(ann.event(4, clientId="local", sessionId="raw")))
        title = (await ann.pull())[0]
        assert "somebody else's" in problem_of(await ann.push(ann.event(4, clientId="local", sessionId=title["sessionId"])))


async def test_a_client_of_other_rules_edits_but_starts_no_runtime(running: Running) -> None:
    args = {
        "sessionId": "R",
        "runtimeId": "r",
        "runtimeType": "echo",
        "capabilities": ["code"],
        "info": "{}",
        "lostAfterMs": 1,
        "startedMs": 1,
    }
    async with running.client() as ann:
        started = ann.event(2, name="v1.RuntimeSessionStarted", args=args)
        assert "needs the rules of this server" in problem_of(await ann.push(started, payload={"rules": "other"}))
        assert await ann.push(ann.event(2), payload={}) == SUCCESS
        assert await ann.push({**started, "seqNum": 3, "parentSeqNum": 2}) == SUCCESS


@pytest.mark.parametrize("role", ["viewer", "runner"])
async def test_a_viewer_looks_and_a_runner_writes(running: Running, role: Role) -> None:
    async with await running.as_role(role) as ann:
        assert len(await ann.pull()) == 1
        exit_ = await ann.push(ann.event(2))
        assert exit_ == SUCCESS if role == "runner" else "only look" in problem_of(exit_)


async def refusal(client: Client) -> int:
    with pytest.raises(InvalidStatus) as found:
        async with client:
            pass
    return found.value.response.status_code


async def test_nobody_comes_in_without_proof_or_from_elsewhere(running: Running) -> None:
    server, notebook, token = running.server, running.notebook, running.token
    cookie = await server._accounts.open_session(server.start_link().partition("#t=")[2])  # pyright: ignore[reportPrivateUsage]  # as a browser does
    by_cookie = {"Cookie": f"runt-{server.port}={cookie}"}
    assert await refusal(Client(server.url, notebook, None)) == 401
    assert await refusal(Client(server.url, notebook, "runt_" + "x" * 43)) == 401
    assert await refusal(Client(server.url, "nowhere", token)) == 404
    assert await refusal(Client(server.url, notebook, None, **by_cookie)) == 403
    assert await refusal(Client(server.url, notebook, None, Origin="https://evil.example", **by_cookie)) == 403
    assert await refusal(Client(server.url, notebook, token, Origin="https://evil.example")) == 403
    async with Client(server.url, notebook, None, Origin=server.url, **by_cookie) as ann:
        assert len(await ann.pull()) == 1


async def test_a_token_in_the_payload_stands_in_the_url_and_is_refused(running: Running) -> None:
    payload = quote(quote(f'{{"authToken":"{running.token}"}}', safe=""), safe="")
    url = f"{running.server.url}/livestore?storeId={running.notebook}&payload={payload}&transport=http"
    async with httpx.AsyncClient() as http:
        answer = await http.post(url, json=[])
    assert (answer.status_code, answer.json()["code"]) == (400, "token-in-url")


async def test_a_user_has_only_so_many_connections(tmp_path: Path) -> None:
    running = await run_server(tmp_path, replace(Limits(), connections_per_user=1))
    async with running.client() as ann:
        assert await refusal(running.client()) == 429
        await ann.pull()
    await running.server.stop()


async def test_a_server_that_stops_sends_livestore_clients_away(tmp_path: Path) -> None:
    running = await run_server(tmp_path)
    async with running.client() as ann:
        await ann.pull()
        await running.server.stop()
        with pytest.raises(ConnectionClosed):
            await ann.socket.recv()
        assert ann.socket.close_code == 1001


async def test_a_room_with_a_livestore_client_stays_open(running: Running) -> None:
    async with running.client() as ann:
        await ann.pull()
        host = await running.server.rooms.open(running.notebook)
        assert host is not None
        assert (host.room.idle, host.idle) == (True, False)


async def test_http_pulls_pushes_and_pings(running: Running) -> None:
    (chunk, end) = await running.http("Pull", cursor=NOBODY)
    (value,) = chunk["values"]
    assert [item["eventEncoded"]["seqNum"] for item in value["batch"]] == [1]
    assert end == {"_tag": "Exit", "requestId": "0", "exit": {"_tag": "Success"}}
    event = {"name": "v1.CellSourceSet", "args": {"cellId": "c", "source": "1"}, "seqNum": 2, "parentSeqNum": 1}
    event |= {"clientId": "local/test", "sessionId": "s1"}
    (exit_,) = await running.http("Push", batch=[event], backendId=NOBODY)
    assert exit_["exit"] == SUCCESS
    (exit_,) = await running.http("Push", batch=[event], backendId=NOBODY)
    assert error_of(exit_["exit"])["_tag"] == "ServerAheadError"
    (exit_,) = await running.http("Ping")
    assert exit_["exit"] == {"_tag": "Success", "value": {"_tag": "SyncMessage.Pong"}}


async def test_http_refuses_what_is_no_request(running: Running) -> None:
    url = f"{running.server.url}/livestore?storeId={running.notebook}"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {running.token}"}) as http:
        assert (await http.post(url, content=b"nonsense")).status_code == 400
        assert (await http.post(url, content=b"[]")).json() == []
        assert (await http.post(url, content=b"x" * 2_000_000)).status_code == 413
    async with httpx.AsyncClient() as http:
        assert (await http.post(url, content=b"[]")).status_code == 401


async def two_rejections(ann: Client) -> None:
    for _ in range(2):
        assert error_of(await ann.push(ann.event(1)))["_tag"] == "ServerAheadError"


async def test_after_two_rejections_others_wait_for_that_clients_push(running: Running) -> None:
    async with running.client() as ann, running.raw(head=1) as raw, running.client("local/other") as bob:
        await two_rejections(ann)
        await raw.push(1, "waits")
        await raw.push(2, "waits too")
        waiting = await bob.start_push(bob.event(2))
        await bob.send({"_tag": "Ping"})
        await bob.receive("Pong")  # its push was taken up by then
        assert await ann.push(ann.event(2, "in turn")) == SUCCESS
        assert (await raw.events(1))[0][1][1]["source"] == "in turn"
        assert error_of(await bob.exit(waiting))["_tag"] == "ServerAheadError"
        acknowledged = 0
        while acknowledged < 2:  # in one frame, or in two
            acknowledged += (await raw.receive("ack"))["count"]


@pytest.mark.slow
async def test_a_client_that_numbers_anew_gets_through_while_others_append_50_events_a_second(running: Running) -> None:
    async with running.client() as ann, running.raw(head=None) as raw:
        head = (await ann.pull())[-1]["seqNum"]

        async def append_for_ever() -> None:
            for n in range(1, 10_000):
                await raw.push(n, str(n))
                await asyncio.sleep(1 / 50)

        others = asyncio.create_task(append_for_ever())
        tries: list[int] = []
        for _ in range(5):
            tries.append(0)
            pushed = False
            while not pushed:
                # As LiveStore does: after a rejection it waits for news, numbers its event anew, and pushes again.
                known, answered = head, False
                tries[-1] += 1
                request_id = await ann.start_push(ann.event(known + 1))
                while not answered or not (pushed or head > known):
                    message = await ann.next()
                    if message["_tag"] == "Chunk":
                        head = message["values"][0]["batch"][-1]["eventEncoded"]["seqNum"]
                    else:
                        assert message["requestId"] == request_id
                        answered, pushed = True, message["exit"] == SUCCESS
                head = max(head, known + 1)
        others.cancel()
        await asyncio.gather(others, return_exceptions=True)
        assert max(tries) <= 3


async def test_a_turn_ends_with_its_client(running: Running) -> None:
    async with running.raw(head=1) as raw:
        async with running.client() as ann:
            await two_rejections(ann)
            await raw.push(1, "waits")
        assert (await raw.receive("ack"))["n"] == 1


@pytest.mark.slow
async def test_a_turn_that_is_not_used_ends(running: Running) -> None:
    async with running.client() as ann, running.raw(head=1) as raw:
        await two_rejections(ann)
        began = asyncio.get_running_loop().time()
        await raw.push(1, "waits")
        assert (await raw.receive("ack"))["n"] == 1
        # Never sooner than the turn lasts, but for the time that the push took to come.
        assert asyncio.get_running_loop().time() - began > TURN_S / 2
