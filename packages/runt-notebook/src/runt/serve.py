"""The server of this machine inside our process: where it listens, its tokens, and the note that lets other commands find it."""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runtime_node.credentials import TOKEN_FILE, LocalServer, announce_server, find_server, read_token, write_private
from runtime_node.errors import CredentialError, RuntimeNodeError
from runtime_node.processes import is_same_process, process_created_s
from runtime_node.server_api import UrllibApi
from runtime_node.signals import StopSignals
from runtime_server import DistributionError, FolderInUseError, PortInUseError, Server, ServerConfig

from .address import DEFAULT_PORT
from .errors import FailedError, UsageError

RUNNER_TOKEN_FILE = "runner-token"
_LOCAL_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that can be used now. `server` is None when another process of this user runs it."""

    api: UrllibApi
    url: str
    token: str
    server: Server | None

    async def link(self, notebook: str | None) -> str:
        """Give the address to open in a browser, with a code that lets it in, once."""
        page = "/" if notebook is None else f"/nb/{notebook}"
        return f"{self.url}{page}#t={await self.api.make_start_code()}"


@asynccontextmanager
async def own_server(data: Path, port: int | None, host: str = _LOCAL_HOST, pyodide: Path | str | None = None) -> AsyncGenerator[Running]:
    """Run a server while entered; other commands of this user find it.

    Args:
        data: Its folder.
        port: Where to listen; None takes the port of the last time, so that what was connected finds it again.
        host: The address to listen on.
        pyodide: The Python that pages run: a folder, an https address, or None for the server's own.

    Raises:
        UsageError: `pyodide` is no such thing.
        FailedError: The port or the folder is in use, or the folder cannot be used.
    """
    server = await _start(data, port, host, pyodide)
    try:
        owner = await _token(server, data / TOKEN_FILE, "owner")
        await _token(server, data / RUNNER_TOKEN_FILE, "runner")
        announce_server(data, LocalServer(url=server.url, pid=os.getpid(), created_s=process_created_s(os.getpid()) or 0.0))
        yield Running(api=UrllibApi(server.url, owner), url=server.url, token=owner, server=server)
    finally:
        announce_server(data, LocalServer(url=server.url))
        await server.stop()


async def find_running(data: Path) -> Running | None:
    """Find the server that another process runs on this folder, if it answers."""
    found = find_server(data)
    if found is None or found.pid is None or not is_same_process(found.pid, found.created_s):
        return None  # whoever listens there now shall not see the token
    try:
        token = read_token(data / TOKEN_FILE)
        api = UrllibApi(found.url, token, timeout_s=5)
        await api.me()
    except (CredentialError, RuntimeNodeError):
        return None
    return Running(api=api, url=found.url, token=token, server=None)


@asynccontextmanager
async def any_server(data: Path) -> AsyncGenerator[Running]:
    """Use the server that runs on this folder, or run one for a moment.

    Raises:
        FailedError: Neither works.
    """
    found = await find_running(data)
    if found is not None:
        yield found
        return
    server = await _start(data, 0, _LOCAL_HOST)
    try:
        token = await _token(server, data / TOKEN_FILE, "owner")
        yield Running(api=UrllibApi(server.url, token), url=server.url, token=token, server=server)
    finally:
        await server.stop()


async def serve_until_stopped(data: Path, host: str, port: int | None, pyodide: Path | str | None, say: Callable[[str], None]) -> int:
    """Be a server until a signal; returns the status to exit with."""
    with StopSignals() as signals:
        async with own_server(data, port, host, pyodide) as running:
            say(f"Notebooks are served at\n\n    {await running.link(None)}\n")
            say(f"They are kept in {data}. Press Ctrl-C to stop.")
            await signals.asked.wait()
    return 0


async def _start(data: Path, port: int | None, host: str, pyodide: Path | str | None = None) -> Server:
    _make_folder(data)
    problem: PortInUseError | None = None
    for candidate in _ports(data, port):
        server = Server(ServerConfig(data_folder=data, host=host, port=candidate, pyodide=pyodide))
        try:
            await server.start()
        except PortInUseError as exc:
            problem = exc
        except DistributionError as exc:
            raise UsageError("bad-pyodide", str(exc)) from exc
        except FolderInUseError as exc:
            raise FailedError("folder-in-use", str(exc)) from exc
        except OSError as exc:
            hint = (
                "ports below 1024 are the administrator's; choose another with --port"
                if exc.errno == errno.EACCES
                else "check --host and --data"
            )
            raise FailedError("cannot-listen", f"cannot listen on {host}, port {candidate}: {exc.strerror} ({hint})") from exc
        else:
            return server
    raise FailedError("port-in-use", str(problem)) from problem


def _ports(data: Path, port: int | None) -> list[int]:
    if port is not None:
        return [port]
    last = find_server(data)
    return list(dict.fromkeys([*([last.port] if last is not None and last.port else []), DEFAULT_PORT, 0]))


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise FailedError(
            "unusable-folder", f"{data} cannot be used as the data folder: {exc.strerror} (choose another with --data)"
        ) from exc


async def _token(server: Server, path: Path, role: Literal["owner", "runner"]) -> str:
    """Give this machine's token of a role, made anew when the server does not know it."""
    try:
        token = read_token(path)
        await UrllibApi(server.url, token).me()
    except (CredentialError, RuntimeNodeError):
        token = await server.create_token(f"this machine ({role})", role)
        await asyncio.to_thread(write_private, path, token + "\n")
    return token
