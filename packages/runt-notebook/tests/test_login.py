"""`runt login` against a real server: whose token it is, where it is kept, and what is refused."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runt.errors import UsageError
from runt.login import list_logins, log_in, log_out
from runtime_node import CredentialError, UnauthorizedError, find_login
from runtime_node.credentials import login_file
from runtime_server import Server, ServerConfig


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # where macOS keeps it
    made = Server(ServerConfig(data_folder=tmp_path / "data"))
    await made.start()
    yield made
    await made.stop()


def give(monkeypatch: pytest.MonkeyPatch, token: str) -> list[str]:
    """Put a token on stdin; gives where sentences will be."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
    return []


async def test_a_token_is_kept_for_its_server_and_forgotten(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await server.create_token("agent")
    said = give(monkeypatch, token)
    await asyncio.to_thread(log_in, f"{server.url}/", said.append)
    assert said[0].startswith(f"Logged in to {server.url} as local.")
    assert token not in said[0]
    assert find_login(server.url) == token
    kept = login_file()
    assert kept.is_relative_to(tmp_path)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text()) == {server.url: token}
    list_logins(said.append)
    assert said[1:] == [server.url]
    kept.chmod(0o644)
    with pytest.raises(CredentialError, match="others may read it"):
        find_login(server.url)
    kept.chmod(0o600)
    log_out(server.url, said.append)
    assert find_login(server.url) is None
    with pytest.raises(UsageError, match="there is no login"):
        log_out(server.url, said.append)


async def test_a_token_that_the_server_refuses_is_not_kept(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    said = give(monkeypatch, "runt_invented")
    with pytest.raises(UnauthorizedError):
        await asyncio.to_thread(log_in, server.url, said.append)
    give(monkeypatch, "")
    with pytest.raises(UsageError, match="no token was given"):
        await asyncio.to_thread(log_in, server.url, said.append)
    assert find_login(server.url) is None
    assert said == []
