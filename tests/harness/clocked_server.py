"""A server in the test's own process, whose clock the test puts ahead: leases run out without anybody waiting for them."""

import time
from dataclasses import dataclass, field

from runtime_schema.wire import Limits
from runtime_server import Server, ServerConfig

from .notebook_server import NotebookServer


@dataclass(slots=True)
class ClockedServer(NotebookServer):
    """Starts and stops on the running event loop; everything else is as with a server of its own process."""

    limits: Limits = field(default_factory=Limits)
    ahead_s: float = 0.0
    server: Server | None = None

    async def start(self) -> None:
        """Start it; `link` is its start link, and its tokens are where those of a server process are."""
        config = ServerConfig(
            data_folder=self.data, port=self.port, limits=self.limits, monotonic_s=lambda: time.monotonic() + self.ahead_s
        )
        self.server = Server(config)
        await self.server.start()
        self.link = self.server.start_link()
        (self.data / "token").write_text(await self.server.create_token("test"))
        (self.data / "runner-token").write_text(await self.server.create_token("agents", "runner"))

    def put_ahead(self, seconds: float) -> None:
        """Let so much time have passed for the server, and let it see that."""
        assert self.server is not None
        self.ahead_s += seconds
        self.server.rooms.tick()

    async def stop(self) -> int:
        """Stop it; gives 0."""
        assert self.server is not None
        await self.server.stop()
        return 0
