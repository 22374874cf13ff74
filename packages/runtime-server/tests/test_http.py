"""Who gets in, what REST answers, which headers stand on it: a real server on loopback."""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from runtime_schema.wire import Limits
from runtime_server import PortInUseError, RouteDeclarationError, Server, ServerConfig
from runtime_server.accounts import Accounts
from runtime_server.routes import Route, build_routes, json_response
from runtime_server.testing import RawClient
from runtime_server.web_app import web_routes


@dataclass
class Site:
    server: Server
    http: httpx.AsyncClient
    owner: httpx.AsyncClient
    token: str

    async def notebook(self) -> str:
        return (await self.owner.post("/api/notebooks", json={"title": "N"})).json()["id"]

    async def page(self) -> httpx.AsyncClient:
        """A browser that used a start link."""
        code = self.server.start_link().partition("#t=")[2]
        page = httpx.AsyncClient(base_url=self.server.url, headers={"Origin": self.server.url})
        assert (await page.post("/api/session", json={"code": code})).status_code == 204
        return page


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    server = Server(
        ServerConfig(data_folder=tmp_path, limits=replace(Limits(), batch_events=50), notebook_bytes=200_000, artifact_bytes=100_000)
    )
    await server.start()
    token = await server.create_token("test")
    async with (
        httpx.AsyncClient(base_url=server.url) as http,
        httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as owner,
    ):
        yield Site(server, http, owner, token)
    await server.stop()


async def test_every_route_refuses_anonymous_users_unless_it_says_otherwise(site: Site) -> None:
    paths = (await site.http.get("/api/openapi.json")).json()["paths"]
    public: set[str] = set()
    for path, operations in paths.items():
        for method, operation in operations.items():
            url = path.replace("{id}", "nb").replace("{sha256}", "a" * 64)
            if operation["x-permission"] == "public":
                public.add(f"{method} {path}")
            else:
                answer = await site.http.request(method, url)
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), url
    assert public == {"get /api/health", "get /api/openapi.json", "post /api/session"}


async def test_the_socket_refuses_anonymous_users_before_the_upgrade(site: Site) -> None:
    assert await _upgrade(site, {}) == 401
    assert await _upgrade(site, {"Authorization": "Bearer runt_wrong"}) == 401
    assert await _upgrade(site, {"Authorization": "Basic abc"}) == 401
    assert await _upgrade(site, {"Cookie": f"runt-{site.server.port}=wrong"}) == 401


async def _upgrade(site: Site, headers: dict[str, str], store_id: str = "nowhere", protocol: str = "runt-sync.v1") -> int:
    url = f"ws://127.0.0.1:{site.server.port}/sync/{store_id}"
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers=headers, subprotocols=[Subprotocol(protocol)], proxy=None)
    return refused.value.response.status_code


async def test_an_unknown_notebook_or_protocol_is_refused_before_the_upgrade(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.token}"}
    notebook = await site.notebook()
    assert await _upgrade(site, headers) == 404
    assert await _upgrade(site, headers, "a.b") == 404
    assert await _upgrade(site, headers, notebook, "runt-sync.v2") == 400


def test_a_route_without_a_permission_does_not_start() -> None:
    async def handler(_: Request) -> Response:
        return json_response(None)

    route = Route(method="GET", path="/api/x", permission=None, handler=handler, summary="")
    accounts: Any = Accounts.__new__(Accounts)
    with pytest.raises(RouteDeclarationError, match="GET /api/x declares no permission"):
        build_routes([route], accounts, "c", frozenset())


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.:{port}",
        "127.0.0.1:{port}@evil",
        "x 127.0.0.1:{port}",
        "evil.127.0.0.1:{port}",
    ],
)
async def test_another_host_is_misdirected(site: Site, host: str) -> None:
    host = host.format(port=site.server.port)
    answer = await site.http.get("/api/health", headers={"Host": host})
    assert answer.status_code == 421
    assert await _upgrade(site, {"Authorization": f"Bearer {site.token}"} | {"Host": host}) in (400, 421)


async def test_two_hosts_are_a_bad_request(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    host = f"127.0.0.1:{site.server.port}"
    writer.write(f"GET /api/health HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
async def test_our_own_hosts_are_answered(site: Site, host: str) -> None:
    assert (await site.http.get("/api/health", headers={"Host": host.format(port=site.server.port)})).status_code == 200


FOREIGN = [
    "https://evil.example", "null", "file://", "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1:{port}",
    "http://127.0.0.1:{port}.evil.com", "http://LOCALHOST:{port}", "http://localhost.:{port}", "http://x.localhost:{port}",
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_origin_gets_neither_socket_nor_change(site: Site, origin: str) -> None:
    origin = origin.format(port=site.server.port)
    page = await site.page()
    cookie = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    assert await _upgrade(site, {"Cookie": cookie, "Origin": origin}, await site.notebook()) == 403
    answer = await page.post("/api/notebooks", json={"title": "x"}, headers={"Origin": origin})
    assert answer.status_code == 403
    await page.aclose()


async def test_a_cookie_without_an_origin_changes_nothing(site: Site) -> None:
    page = await site.page()
    del page.headers["Origin"]
    assert (await page.get("/api/me")).json() == {"id": "local", "name": "local", "role": "owner"}
    assert (await page.post("/api/notebooks", json={})).json()["code"] == "cross-site"
    assert (await page.post("/api/notebooks", json={}, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert (await page.post("/api/notebooks", json={}, headers={"Sec-Fetch-Site": "same-origin"})).status_code == 201
    cookie = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    assert await _upgrade(site, {"Cookie": cookie}, await site.notebook()) == 403
    await page.aclose()


async def test_our_own_page_may_use_the_socket(site: Site) -> None:
    page = await site.page()
    cookie = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    url = f"ws://127.0.0.1:{site.server.port}/sync/{await site.notebook()}"
    headers = {"Cookie": cookie, "Origin": site.server.url}
    async with connect(url, additional_headers=headers, subprotocols=[Subprotocol("runt-sync.v1")], proxy=None) as socket:
        assert socket.subprotocol == "runt-sync.v1"
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
    await page.aclose()


async def test_a_start_link_works_once(site: Site) -> None:
    link = site.server.start_link()
    assert link.startswith(f"{site.server.url}/#t=")
    code = link.partition("#t=")[2]
    first = await site.http.post("/api/session", json={"code": code})
    cookie = first.headers["set-cookie"]
    assert cookie.startswith(f"runt-{site.server.port}=")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} >= {"httponly", "samesite=strict", "path=/"}
    assert (await site.http.post("/api/session", json={"code": code})).status_code == 401
    assert (await site.http.post("/api/session", json={"code": "x"})).status_code == 401
    assert (await site.http.post("/api/session", content=b"{}", headers={"Content-Type": "text/plain"})).status_code == 415


async def test_an_owner_lets_another_browser_in(site: Site) -> None:
    made = await site.owner.post("/api/start-codes")
    assert made.status_code == 201
    assert (await site.http.post("/api/session", json=made.json())).status_code == 204
    assert (await site.http.post("/api/session", json=made.json())).status_code == 401


async def test_an_owner_makes_tokens_and_a_runner_does_not(site: Site) -> None:
    made = (await site.owner.post("/api/tokens", json={"name": "cluster"})).json()
    assert made == {"token": made["token"], "name": "cluster", "role": "runner"}
    as_runner = {"Authorization": f"Bearer {made['token']}"}
    assert (await site.http.get("/api/me", headers=as_runner)).json() == {"id": "local", "name": "cluster", "role": "runner"}
    for path in ("/api/tokens", "/api/start-codes"):
        assert (await site.http.post(path, json={"name": "more"}, headers=as_runner)).status_code == 403
    assert (await site.owner.post("/api/tokens", json={"name": "x", "role": "king"})).status_code == 400


async def test_a_browser_session_and_a_token_survive_a_restart(tmp_path: Path) -> None:
    first = Server(ServerConfig(data_folder=tmp_path))
    await first.start()
    token = await first.create_token("agent", "runner")
    code = first.start_link().partition("#t=")[2]
    async with httpx.AsyncClient(base_url=first.url) as http:
        cookie = (await http.post("/api/session", json={"code": code})).cookies
    await first.stop()
    second = Server(ServerConfig(data_folder=tmp_path, port=first.port))
    await second.start()
    async with httpx.AsyncClient(base_url=second.url) as http:
        assert (await http.get("/api/me", headers={"Authorization": f"Bearer {token}"})).json()["role"] == "runner"
        http.cookies = cookie
        assert (await http.get("/api/me")).json()["role"] == "owner"
    await second.stop()
    stored = (tmp_path / "runt.sqlite3").read_bytes()
    assert token.encode() not in stored
    assert next(iter(dict(cookie).values())).encode() not in stored


async def test_roles_bound_what_a_token_may_do(site: Site) -> None:
    notebook = await site.notebook()
    runner, viewer = await site.server.create_token("r", "runner"), await site.server.create_token("v", "viewer")
    as_runner, as_viewer = {"Authorization": f"Bearer {runner}"}, {"Authorization": f"Bearer {viewer}"}
    digest = hashlib.sha256(b"x").hexdigest()
    assert (await site.http.delete(f"/api/notebooks/{notebook}", headers=as_runner)).status_code == 403
    assert (await site.http.put(f"/api/notebooks/{notebook}/artifacts/{digest}", content=b"x", headers=as_runner)).status_code == 204
    assert (await site.http.put(f"/api/notebooks/{notebook}/artifacts/{digest}", content=b"x", headers=as_viewer)).status_code == 403
    assert (await site.http.get(f"/api/notebooks/{notebook}", headers=as_viewer)).status_code == 200


async def test_a_viewer_sees_events_and_changes_nothing(site: Site) -> None:
    notebook, viewer = await site.notebook(), await site.server.create_token("v", "viewer")
    async with (
        RawClient(site.server.url, notebook, site.token, "owner", head=1) as owner,
        RawClient(site.server.url, notebook, viewer, "viewer", head=1) as looking,
    ):
        assert looking.welcome["user"]["role"] == "viewer"
        await looking.push(1, "mine", "mine too")
        assert [(await looking.receive("reject"))["code"] for _ in range(2)] == ["forbidden", "forbidden"]
        await owner.push(1, "theirs")
        assert [event[1]["source"] for _, event in await looking.events(1)] == ["theirs"]
        await looking.send({"t": "live", "topic": "runtime.stop", "data": None, "to": "owner", "id": "m1"})
        await looking.send({"t": "live", "topic": "presence", "data": {"cell": "c"}})
        await owner.receive("ack")
        assert (await owner.receive("live"))["topic"] == "presence"


@pytest.mark.parametrize("query", ["token=x", "access_token=", "Token=x", "a=1&token=x", "%74oken=x", "q=runt_" + "a" * 43])
async def test_a_token_in_a_url_is_refused(site: Site, query: str) -> None:
    for path in ("/", "/api/health", "/api/notebooks"):
        answer = await site.owner.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "token-in-url")
    assert await _upgrade(site, {"Authorization": f"Bearer {site.token}"}, f"{await site.notebook()}?{query}") == 400


async def test_other_queries_are_no_tokens(site: Site) -> None:
    assert (await site.owner.get("/api/notebooks?name=runt_notes.ipynb&tokens=3")).status_code == 200


async def test_small_frames_leave_at_once(site: Site) -> None:
    """Nagle's algorithm would hold a small frame back until the one before it is acknowledged."""
    async with RawClient(site.server.url, await site.notebook(), site.token) as client:
        accepted = _socket_connected_to(client.socket.transport.get_extra_info("sockname"))
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        accepted.close()


def _socket_connected_to(address: object) -> socket.socket:
    """Find this process's socket whose other end has this address."""
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            found = socket.socket(fileno=os.dup(int(name)))
            with contextlib.suppress(OSError):
                if found.getpeername() == address:
                    return found
            found.close()
    raise AssertionError(f"nothing here is connected to {address}")


async def test_notebooks_are_made_listed_renamed_and_deleted(site: Site) -> None:
    made = (await site.owner.post("/api/notebooks", json={"title": "First"})).json()
    assert made["title"] == "First"
    assert set(made) == {"id", "title", "createdMs", "updatedMs"}
    url = f"/api/notebooks/{made['id']}"
    assert (await site.owner.patch(url, json={"title": "Second"})).json()["title"] == "Second"
    assert [entry["title"] for entry in (await site.owner.get("/api/notebooks")).json()] == ["Second"]
    async with RawClient(site.server.url, made["id"], site.token) as client:
        assert [event[1]["value"] for _, event in await client.events(2)] == ['"First"', '"Second"']
        assert (await site.owner.delete(url)).status_code == 204
        assert (await client.receive("bye"))["code"] == "not-found"
        assert await client.closed() == 4404
    assert (await site.owner.get(url)).status_code == 404
    assert (await site.owner.delete(url)).status_code == 404
    assert (await site.owner.patch(url, json={"title": "x"})).status_code == 404


async def test_a_title_set_by_an_event_is_listed(site: Site) -> None:
    notebook = await site.notebook()
    async with RawClient(site.server.url, notebook, site.token, head=1) as client:
        await client.push_event(1, "v1.NotebookMetadataSet", {"key": "title", "value": '"From the page"'})
        await client.receive("ack")
        await site.server.notebooks.settle(notebook)
    assert (await site.owner.get(f"/api/notebooks/{notebook}")).json()["title"] == "From the page"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"title":""}', b'{"title":1}', b'{"titel":"x"}', b'{"title":"' + b"x" * 300 + b'"}'])
async def test_a_body_that_does_not_fit_is_a_bad_request(site: Site, body: bytes) -> None:
    answer = await site.owner.post("/api/notebooks", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


async def test_unknown_paths_and_methods_are_coded_errors(site: Site) -> None:
    assert (await site.owner.get("/api/notebooks/..%2f..%2fetc")).status_code == 404
    assert (await site.owner.put("/api/health")).json() == {"code": "method-not-allowed", "message": "there is no such operation"}
    assert (await site.http.get("/assets/../server.py")).status_code == 404


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 40_000).decode()
NOTEBOOK: dict[str, Any] = {
    "cells": [
        {
            "cell_type": "code", "execution_count": 3, "id": "one", "metadata": {"tags": ["x"]}, "source": ["print(1)\n", "plot()"],
            "outputs": [
                {"name": "stdout", "output_type": "stream", "text": ["1\n"]},
                {"data": {"image/png": PNG + "\n", "text/plain": ["<Figure>"]}, "metadata": {}, "output_type": "display_data"},
            ],
        },
        {"cell_type": "markdown", "id": "two", "metadata": {}, "source": ["# é"]},
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip


async def test_an_ipynb_comes_out_as_it_went_in(site: Site) -> None:
    answer = await site.owner.post(
        "/api/notebooks/import?name=Häuser.ipynb",
        content=json.dumps(NOTEBOOK).encode(),
        headers={"Content-Type": "application/x-ipynb+json"},
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["title"] == "Häuser"
    exported = await site.owner.get(f"/api/notebooks/{made['id']}/export")
    assert exported.headers["content-disposition"] == "attachment; filename*=UTF-8''H%C3%A4user.ipynb"
    found = exported.json()
    image = found["cells"][0]["outputs"][1]["data"]
    assert base64.b64decode(image["image/png"]) == base64.b64decode(PNG)
    image["image/png"] = NOTEBOOK["cells"][0]["outputs"][1]["data"]["image/png"]
    assert found == NOTEBOOK


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        (b"not json", 422, "not a readable .ipynb"),
        (b'{"nbformat":3}', 422, "nbformat"),
        (b'{"nbformat":"4"}', 422, "nbformat"),
        (b'{"nbformat":4,"cells":[{"cell_type":"code","source":1}]}', 422, "cells[0].source"),
        (b"x" * 200_001, 413, "200000 bytes"),
    ],
)
async def test_a_bad_ipynb_says_where_and_leaves_nothing(site: Site, body: bytes, status: int, where: str) -> None:
    answer = await site.owner.post("/api/notebooks/import", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert where in answer.json()["message"]
    assert (await site.owner.get("/api/notebooks")).json() == []


async def test_an_import_in_many_batches_is_whole(site: Site) -> None:
    cells: list[dict[str, Any]] = [{"cell_type": "raw", "id": f"c{n}", "metadata": {}, "source": []} for n in range(400)]
    body = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    made = (await site.owner.post("/api/notebooks/import", content=body, headers={"Content-Type": "application/json"})).json()
    assert (await site.owner.get(f"/api/notebooks/{made['id']}/export")).json()["cells"] == cells


async def test_artifacts_are_kept_by_their_hash(site: Site, tmp_path: Path) -> None:
    notebook, other = await site.notebook(), await site.notebook()
    for content, media_type in ((b"\x89PNG\r\n\x1a\n...", "image/png"), (b"<script>alert(1)</script>", "application/octet-stream")):
        digest = hashlib.sha256(content).hexdigest()
        url = f"/api/notebooks/{notebook}/artifacts/{digest}"
        assert (await site.owner.get(url)).status_code == 404
        for _ in range(2):
            assert (await site.owner.put(url, content=content, headers={"Content-Type": "text/html"})).status_code == 204
        answer = await site.owner.get(url)
        assert answer.content == content
        assert answer.headers["content-type"] == media_type
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]
        assert ("content-disposition" in answer.headers) == (media_type != "image/png")
        head = await site.owner.head(url)
        assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(content)), b"")
        assert (await site.owner.get(f"/api/notebooks/{other}/artifacts/{digest}")).status_code == 404
    await site.owner.delete(f"/api/notebooks/{notebook}")
    assert not (tmp_path / "artifacts" / notebook).exists()


async def test_bytes_that_do_not_fit_their_name_leave_nothing(site: Site, tmp_path: Path) -> None:
    notebook = await site.notebook()
    base = f"/api/notebooks/{notebook}/artifacts"
    assert (await site.owner.put(f"{base}/{'a' * 64}", content=b"x")).json()["code"] == "hash-mismatch"
    assert (await site.owner.put(f"{base}/{hashlib.sha256(b'x').hexdigest()}", content=b"x" * 100_001)).status_code == 413
    assert (await site.owner.put(f"{base}/{'A' * 64}", content=b"x")).status_code == 400
    assert (await site.owner.put(f"{base}/..%2f..%2fx", content=b"x")).status_code in (400, 404, 405)
    assert (await site.owner.put(f"/api/notebooks/nowhere/artifacts/{'a' * 64}", content=b"x")).status_code == 404
    folder = tmp_path / "artifacts" / notebook
    assert list(folder.iterdir()) == [] if folder.exists() else True


@pytest.mark.parametrize("path", ["/", "/nb/abc", "/api/health", "/api/me", "/nothing"])
async def test_every_answer_carries_the_security_headers(site: Site, path: str) -> None:
    headers = (await site.http.get(path)).headers
    assert "script-src 'self' 'wasm-unsafe-eval'" in headers["content-security-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "credentialless"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


async def test_the_built_app_is_served_and_a_missing_one_says_how_to_build(tmp_path: Path) -> None:
    async def get(folder: Path, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=web_routes(folder)))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path)

    missing = await get(tmp_path / "none", "/")
    assert missing.status_code == 503
    assert "make ui" in missing.text
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>app</p>")
    (tmp_path / "output-frame.html").write_text("<p>frame</p>")
    (tmp_path / "assets" / "a-1.js").write_text("1")
    assert (await get(tmp_path, "/nb/x")).text == "<p>app</p>"
    assert (await get(tmp_path, "/")).headers["cache-control"] == "no-store"
    script = await get(tmp_path, "/assets/a-1.js")
    assert (script.headers["content-type"], "immutable" in script.headers["cache-control"]) == ("text/javascript; charset=utf-8", True)
    frames = [await get(tmp_path, path) for path in ("/output-frame.html", "/output-frame.html?v=1")]
    assert all(frame.headers["content-security-policy"].startswith("sandbox allow-scripts;") for frame in frames)
    assert [frame.headers["cache-control"].split(",")[0] for frame in frames] == ["no-cache", "public"]
    assert (await get(tmp_path, "/index.html")).status_code == 404


async def test_a_port_in_use_is_one_clear_line(site: Site, tmp_path: Path) -> None:
    second = Server(ServerConfig(data_folder=tmp_path / "other", port=site.server.port))
    with pytest.raises(PortInUseError, match=f"port {site.server.port} on 127.0.0.1 is in use; choose another"):
        await second.start()


async def test_openapi_describes_every_type_it_names(site: Site) -> None:
    described = (await site.http.get("/api/openapi.json")).json()
    assert described["openapi"] == "3.1.0"
    text = json.dumps(described)
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in described["components"]["schemas"]
    assert described["paths"]["/api/notebooks"]["post"]["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith(
        "Notebook"
    )
