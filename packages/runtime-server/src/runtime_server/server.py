"""The composition root of the server: builds the parts from a config, listens, stops in order."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Generator
from functools import partial
from importlib.metadata import version
from typing import Any, final

import uvicorn

from . import accounts as accounts_module
from . import sqlite_log
from .accounts import Accounts, Role
from .api import Api
from .app import build_app
from .artifacts import ArtifactFolder
from .config import ServerConfig
from .database import Database
from .distribution import open_distribution
from .errors import PortInUseError
from .images import ImageFolder
from .livestore.endpoint import LiveStoreEndpoint
from .log import EventLog
from .notebooks import Notebooks, set_title
from .rooms import Rooms
from .sqlite_log import SqliteEventLog
from .sync_endpoint import SyncEndpoint
from .sync_socket import SyncSocket


class Server:
    """One server on one data folder. `start`, use, `stop`, all on the running event loop.

    After `start`: `port`, `url`, `rooms`, `notebooks`.
    """

    rooms: Rooms
    notebooks: Notebooks

    def __init__(self, config: ServerConfig, *, wrap_log: Callable[[EventLog], EventLog] = lambda log: log) -> None:
        """Take the settings.

        Args:
            config: The settings.
            wrap_log: Puts something between the server and its event log, such as a test's faults.
        """
        self.config = config
        self._wrap_log = wrap_log
        self.port = config.port
        self._database: Database | None = None
        self._listener: _Listener | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the server answers, without a final slash."""
        host = "127.0.0.1" if self.config.host in ("", "0.0.0.0") else self.config.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def start(self) -> None:
        """Open the data folder, listen, watch over runtimes.

        Raises:
            DistributionError: The Python chosen for pages is none.
            FolderInUseError: Another server has the folder.
            PortInUseError: Another process has the port.
            UnsafeStorageError: Events would not be safe there.
        """
        config = self.config
        distribution = open_distribution(config.pyodide)
        database = Database(config.data_folder, sqlite_log.DDL + accounts_module.DDL)
        try:
            listening = _listen(config.host, config.port)
        except BaseException:
            await database.close()
            raise
        self._database = database
        self.port = listening.getsockname()[1]
        self._accounts = Accounts(database, config.now_ms, config.session_days)
        await self._accounts.load()
        log = self._wrap_log(SqliteEventLog(database, config.now_ms))
        artifacts = ArtifactFolder(config.data_folder / "artifacts", config.artifact_bytes)
        images = ImageFolder(config.data_folder / "images")
        self.rooms = Rooms(log, images, config, partial(set_title, database), artifacts.has)
        self.notebooks = Notebooks(database=database, log=log, rooms=self.rooms, artifacts=artifacts, images=images, now_ms=config.now_ms)
        cookie_name = f"runt-{self.port}"
        hosts = _own_hosts(config.host, self.port) | {host.lower() for host in config.hosts}
        origins = frozenset(f"http://{host}" for host in hosts) | config.origins
        api = Api(
            config=config,
            accounts=self._accounts,
            notebooks=self.notebooks,
            artifacts=artifacts,
            cookie_name=cookie_name,
            version=version("runtime-server"),
        )
        sync = SyncEndpoint(rooms=self.rooms, accounts=self._accounts, cookie_name=cookie_name, origins=origins)
        livestore = LiveStoreEndpoint(
            rooms=self.rooms,
            accounts=self._accounts,
            cookie_name=cookie_name,
            origins=origins,
            frame_bytes=config.limits.frame_bytes,
        )
        app = build_app(api.table(), sync, livestore, self._accounts, cookie_name, frozenset(hosts), origins, distribution)
        await self.rooms.start()
        self._listener = _Listener(_uvicorn_config(app, config))
        self._serving = asyncio.create_task(self._listener.serve(sockets=[listening]))
        await self._listener.ready.wait()

    def start_link(self) -> str:
        """Make a link that opens the app once: the code is in its fragment, which no server and no Referer sees."""
        return f"{self.url}/#t={self._accounts.create_code()}"

    async def create_token(self, name: str, role: Role = "owner") -> str:
        """Make a bearer token for an agent or a script; it is shown here and nowhere again."""
        return await self._accounts.create_token(name, role)

    async def stop(self) -> None:
        """Say bye to everybody, finish what was taken, release the folder and the port."""
        if self._listener is None or self._serving is None or self._database is None:
            return
        await self.rooms.stop()
        self._listener.should_exit = True
        await self._serving
        await self._database.close()
        self._listener = self._serving = self._database = None


@final
class _Listener(uvicorn.Server):
    """uvicorn inside somebody else's event loop: signals stay theirs, and the start is announced."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _uvicorn_config(app: Any, config: ServerConfig) -> uvicorn.Config:  # Any: uvicorn's own type of application
    return uvicorn.Config(
        app,
        ws=SyncSocket,
        ws_max_size=config.limits.frame_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=15.0,
        ws_ping_timeout=20.0,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=16 * 1024,
        timeout_graceful_shutdown=2,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)
    except OSError as exc:
        listening.close()
        if exc.errno == errno.EADDRINUSE:
            raise PortInUseError(host, port) from None
        raise
    listening.setblocking(False)
    return listening


def _own_hosts(host: str, port: int) -> set[str]:
    names = ["127.0.0.1", "localhost", "[::1]"]
    if host not in ("", "0.0.0.0", "::"):
        names.append(f"[{host}]" if ":" in host else host.lower())
    return {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set[str]())
