"""The REST client against a small HTTP server: what it asks, and what it makes of every kind of answer."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from runtime_core.errors import ArtifactUnavailableError
from runtime_core.testing import check_artifact_store
from runtime_node import (
    FolderArtifacts,
    HttpArtifacts,
    Notebook,
    NotebookUnknownError,
    ServerAnswerError,
    ServerUnreachableError,
    UnauthorizedError,
    UrllibApi,
)

pytestmark = pytest.mark.slow


class RecordingServer(ThreadingHTTPServer):
    """Answers as it was told, keeps artifacts, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.artifacts: dict[str, tuple[bytes, str]] = {}
        self.asked: list[str] = []
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: RecordingServer  # pyright: ignore[reportIncompatibleVariableOverride]  # the one that makes these handlers

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""

    def answer(self) -> None:
        server = self.server
        server.asked.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sha256 = self.path.rpartition("/")[2]
        status, data = server.answers.get(self.path, (404, b""))
        if self.headers["Authorization"] != "Bearer right":
            status, data = 401, b'{"code": "unauthorized", "message": "no"}'
        elif server.broken:
            status, data = 507, b'{"code": "disk-full", "message": "the disk is full"}'
        elif "/artifacts/" in self.path and self.command == "PUT":
            server.artifacts[sha256] = body, self.headers["Content-Type"]
            status, data = 204, b""
        elif "/artifacts/" in self.path:
            found = server.artifacts.get(sha256)
            status, data = (404, b"") if found is None else (200, found[0])
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = answer


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def api(server: RecordingServer) -> UrllibApi:
    return UrllibApi(server.url, "right", timeout_s=5)


async def test_it_asks_who_the_token_is(server: RecordingServer, api: UrllibApi) -> None:
    server.answers["/api/me"] = 200, b'{"id": "local", "name": "x", "role": "owner"}'
    assert await api.me() == "local"


async def test_it_lists_and_imports_and_exports(server: RecordingServer, api: UrllibApi) -> None:
    server.answers["/api/notebooks"] = 200, json.dumps([{"id": "n1", "title": "One", "createdMs": 1}]).encode()
    server.answers["/api/notebooks/import?name=a%20b"] = 201, b'{"id": "n2", "title": "a b"}'
    server.answers["/api/notebooks/n2/export"] = 200, b"{}"
    assert await api.notebooks() == [Notebook(id="n1", title="One")]
    assert await api.import_notebook("a b", b"{}") == Notebook(id="n2", title="a b")
    assert await api.export_notebook("n2") == b"{}"


async def test_a_wrong_token_is_unauthorized(server: RecordingServer) -> None:
    with pytest.raises(UnauthorizedError, match="does not accept"):
        await UrllibApi(server.url, "wrong").me()


async def test_an_unknown_notebook_is_named(api: UrllibApi) -> None:
    with pytest.raises(NotebookUnknownError, match="has no notebook 'n9'"):
        await api.notebook("n9")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b"boom"), "with: status 500"),
        ((400, b'{"code": "bad-request", "message": "the reason"}'), "with: status 400, the reason"),
        ((200, b"<html>"), "something that is not JSON"),
        ((200, b"[]"), "something unexpected"),
        ((302, b""), "with: status 302"),
    ],
)
async def test_an_answer_that_does_not_fit_is_told(answer: tuple[int, bytes], said: str, server: RecordingServer, api: UrllibApi) -> None:
    server.answers["/api/me"] = answer
    with pytest.raises(ServerAnswerError) as caught:
        await api.me()
    assert said in str(caught.value)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(ServerUnreachableError, match="Connection refused"):
        await UrllibApi("http://127.0.0.1:1", "t").me()


async def test_artifacts_are_uploaded_once_and_then_fetched(
    server: RecordingServer, api: UrllibApi, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("artifacts")
    artifacts = HttpArtifacts(api, "n1", FolderArtifacts(folder))
    sha256 = artifacts.put(b"bytes", "image/png")
    assert server.asked == []
    await artifacts.ensure_uploaded(frozenset({sha256}))
    assert server.artifacts == {sha256: (b"bytes", "image/png")}
    assert list(folder.iterdir()) == [], "what the server has needs no place here"
    server.asked.clear()
    assert artifacts.put(b"bytes", "image/png") == sha256
    await artifacts.ensure_uploaded(frozenset({sha256}))
    assert server.asked == []
    assert await artifacts.get(sha256) == b"bytes"


async def test_what_could_not_be_uploaded_survives_the_process(
    server: RecordingServer, api: UrllibApi, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("artifacts")
    server.broken = True
    before = HttpArtifacts(api, "n1", FolderArtifacts(folder))
    sha256 = before.put(b"bytes", "image/png")
    with pytest.raises(ConnectionError, match="status 507"):
        await before.ensure_uploaded(frozenset({sha256}))
    server.broken = False
    await HttpArtifacts(api, "n1", FolderArtifacts(folder)).ensure_uploaded(frozenset({sha256}))
    assert server.artifacts == {sha256: (b"bytes", "image/png")}


async def test_bytes_that_are_not_here_are_the_servers_to_miss(api: UrllibApi, tmp_path_factory: pytest.TempPathFactory) -> None:
    artifacts = HttpArtifacts(api, "n1", FolderArtifacts(tmp_path_factory.mktemp("artifacts")))
    await artifacts.ensure_uploaded(frozenset({"0" * 64}))


async def test_other_bytes_than_asked_for_are_refused(
    server: RecordingServer, api: UrllibApi, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server.artifacts["0" * 64] = b"other", "text/plain"
    with pytest.raises(ArtifactUnavailableError, match="gave other bytes"):
        await HttpArtifacts(api, "n1", FolderArtifacts(tmp_path_factory.mktemp("a"))).get("0" * 64)


async def test_folder_artifacts_pass_the_kit(tmp_path_factory: pytest.TempPathFactory) -> None:
    async def make() -> FolderArtifacts:
        return FolderArtifacts(tmp_path_factory.mktemp("artifacts"))

    await check_artifact_store(make)


async def test_http_artifacts_pass_the_kit(api: UrllibApi, tmp_path_factory: pytest.TempPathFactory) -> None:
    async def make() -> HttpArtifacts:
        return HttpArtifacts(api, "n1", FolderArtifacts(tmp_path_factory.mktemp("artifacts")))

    await check_artifact_store(make)
