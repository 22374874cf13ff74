"""What strangers and mistaken programs send to a running server: a code for each, and nobody else is harmed."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from harness.commands import expect_one_line
from harness.notebook_server import NotebookServer, free_port, notebook_bytes
from harness.processes import Processes, processes, run_to_end
from websockets.exceptions import ConnectionClosed

from runtime_schema.events import CellSourceSet
from runtime_schema.ids import CellId
from runtime_schema.queries import CELLS
from runtime_schema.store_types import RejectedError
from runtime_server.testing.raw_client import RawClient

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NotebookServer]:
    """A server that all of this must leave unharmed."""
    folder = tmp_path_factory.mktemp("bad-input")
    with processes(folder) as made:
        running = NotebookServer(made, folder / "data")
        await running.start()
        yield running
        assert await running.stop() == 0
        assert running.process is not None
        assert "Traceback" not in running.process.output


async def test_folder_of_another_server_is_refused(server: NotebookServer, tmp_path: Path) -> None:
    words = ["serve", "--data", str(server.data), "--port", str(free_port())]
    expect_one_line(words, tmp_path, 1, "another server is using", "--data")


def agent_words(server: NotebookServer, notebook: str, *more: str) -> list[str]:
    return ["agent", "--notebook", notebook, "--server", server.url, "--data", str(server.data.parent / "agent"), *more]


async def test_agent_with_a_token_of_nobody_says_so(server: NotebookServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("runt_invented\n")
    token.chmod(0o600)
    expect_one_line(agent_words(server, "x", "--token-file", str(token)), tmp_path, 6, server.url, "does not accept this token")


async def test_agent_refuses_a_token_file_that_others_can_read(server: NotebookServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(server.token)
    token.chmod(0o644)
    expect_one_line(agent_words(server, "x", "--token-file", str(token)), tmp_path, 2, "others may read it", "chmod 600")


async def test_agent_of_an_unknown_notebook_says_so(server: NotebookServer, tmp_path: Path) -> None:
    words = agent_words(server, "nobody-made-this", "--token-file", str(server.data / "token"))
    expect_one_line(words, tmp_path, 1, "has no notebook 'nobody-made-this'")


async def test_second_agent_of_a_notebook_is_refused_and_the_first_stays(
    server: NotebookServer, started: Processes, tmp_path: Path
) -> None:
    notebook = await server.import_notebook("one-runtime", notebook_bytes("1"))
    first = server.start_agent(notebook, started)
    await first.said(lambda text: "ready" in text or None, within_s=30, what="ready")
    status, _, err = run_to_end(
        agent_words(server, notebook, "--token-file", str(server.data / "token"), "--runtime-id", "second"), cwd=tmp_path
    )
    assert status == 3, err
    assert "Traceback" not in err
    assert first.status is None
    assert await first.stop() == 0


async def test_agent_whose_engine_cannot_start_says_why_and_shows_no_traceback(server: NotebookServer, tmp_path: Path) -> None:
    package = tmp_path / "damaged/IPython"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('it is damaged')")
    notebook = await server.import_notebook("damaged", notebook_bytes("1"))
    words = agent_words(server, notebook, "--token-file", str(server.data / "token"))
    status, _, err = run_to_end(words, cwd=tmp_path, environment={"PYTHONPATH": str(package.parent)})
    assert status == 7, err
    assert err.splitlines()[-1].endswith("ImportError: it is damaged")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "{}",
        '{"t":"dance"}',
        '{"t":"from"}',
        '{"t":"push","events":[{"n":"1","name":"v1.CellSourceSet","args":{}}]}',
        '{"t":"push","events":[],"extra":1}',
        '{"t":"ping"} {"t":"ping"}',
        "[" * 100_000,
        '{"t":"from","head":1e999}',
    ],
)
async def test_malformed_frame_ends_that_connection_with_a_code_and_no_other(server: NotebookServer, text: str) -> None:
    notebook = await server.import_notebook("frames", notebook_bytes("kept"))
    bystander = await server.store(notebook)
    async with RawClient(server.url, notebook, server.token) as client:
        await client.socket.send(text)
        await client.drain()
        assert await client.closed() == 4400
    await bystander.commit(CellSourceSet(cell_id=CellId("c0"), source="still here"))
    assert bystander.query(CELLS)[0].source == "still here"
    await bystander.close()


async def test_binary_and_oversized_frames_end_that_connection(server: NotebookServer) -> None:
    notebook = await server.import_notebook("frames", notebook_bytes("kept"))
    async with RawClient(server.url, notebook, server.token) as client:
        await client.socket.send(b"\x00\x01")
        await client.drain()
        assert await client.closed() == 4400
    async with RawClient(server.url, notebook, server.token) as client:
        with suppress(ConnectionClosed):  # the server reads the size first, and may be done before all is sent
            await client.socket.send("x" * (2 * 1024 * 1024))
        await client.drain()
        assert await client.closed() == 1009


async def test_oversized_event_is_refused_by_the_store_and_by_the_server(server: NotebookServer) -> None:
    notebook = await server.import_notebook("large", notebook_bytes("kept"))
    store = await server.store(notebook)
    with pytest.raises(RejectedError, match="the limit is 262144"):
        store.commit(CellSourceSet(cell_id=CellId("c0"), source="x" * 300_000))
    async with RawClient(server.url, notebook, server.token, head=None) as client:
        await client.push_event(1, "v1.CellSourceSet", {"cellId": "c0", "source": "x" * 300_000})
        rejection = await client.receive("reject")
        assert (rejection["n"], rejection["code"]) == (1, "too-large")
    assert store.query(CELLS)[0].source == "kept"
    await store.close()


async def test_event_with_wrong_args_is_rejected_with_its_field(server: NotebookServer) -> None:
    notebook = await server.import_notebook("args", notebook_bytes("kept"))
    async with RawClient(server.url, notebook, server.token, head=None) as client:
        await client.push_event(1, "v1.CellSourceSet", {"cellId": "c0", "source": 7})
        rejection = await client.receive("reject")
    assert (rejection["n"], rejection["code"]) == (1, "invalid")
    assert "source" in rejection["message"]


REQUESTS: list[tuple[str, str, bytes, dict[str, str], int, str]] = [
    ("GET", "/api/notebooks/nobody-made-this", b"", {}, 404, "not-found"),
    ("GET", "/api/nothing", b"", {}, 404, "not-found"),
    ("PUT", "/api/notebooks", b"", {}, 405, "method-not-allowed"),
    ("POST", "/api/notebooks", b'{"title":', {"Content-Type": "application/json"}, 400, "bad-request"),
    ("POST", "/api/notebooks", b'{"title": 7}', {"Content-Type": "application/json"}, 400, "bad-request"),
    ("POST", "/api/notebooks", b'{"title": "x"}', {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
    ("POST", "/api/notebooks/import", b'{"cells": 7}', {"Content-Type": "application/x-ipynb+json"}, 422, "invalid-notebook"),
    ("GET", "/api/me", b"", {"Authorization": "Bearer runt_invented"}, 401, "unauthorized"),
    ("GET", "/api/health", b"", {"Host": "evil.example"}, 421, "bad-host"),
    ("POST", "/api/notebooks", b"{}", {"Origin": "https://evil.example"}, 403, "bad-origin"),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "code"), REQUESTS)
async def test_wrong_request_is_answered_with_a_status_a_code_and_a_sentence(
    server: NotebookServer, method: str, path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await server.ask(method, path, body or None, headers=headers)
    assert (answer.status, answer.json["code"]) == (status, code), answer
    assert len(answer.json["message"]) > 10
