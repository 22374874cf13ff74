"""What most measures need: a real server process on a folder of its own, a notebook, clients, a real runtime process."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtime_store import Store, connect


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that `share` percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share / 100 * (len(ordered) - 1)))]


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_notebook(url: str, token: str) -> str:
    """Make a notebook on a server and give its id."""
    request = urllib.request.Request(
        f"{url}/api/notebooks",
        data=b'{"title":"benchmark"}',
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["id"])


@dataclass
class Stack:
    """A running server, which took `server_s` to answer; `processes` are it and its runtimes."""

    folder: Path
    port: int
    token: str
    server_s: float = 0.0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    @property
    def url(self) -> str:
        """Where the server answers."""
        return f"http://127.0.0.1:{self.port}"

    def notebook(self) -> str:
        """Make a notebook and give its id."""
        return make_notebook(self.url, self.token)

    async def client(self, notebook: str, *, images: bool = True) -> Store:
        """Open a client of a notebook, caught up."""
        store = await connect(self.url, notebook, token=self.token, images=images)
        await store.synced()
        return store

    def runtime(self, notebook: str) -> subprocess.Popen[bytes]:
        """Start a Python runtime of a notebook."""
        return self.spawn("agent", "--notebook", notebook, "--server", self.url, "--runtime", "python")

    def spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Run `runt …`; it is ended with the stack."""
        process = subprocess.Popen(
            command(*arguments),
            env=os.environ | {"RUNT_TOKEN": self.token, "RUNT_DATA": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process


def command(*arguments: str) -> list[str]:
    """Give the command line of `runt …`."""
    return [sys.executable, "-m", "runt", *arguments]


def wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    """Poll until a server answers.

    Raises:
        RuntimeError: Its process ended instead.
    """
    while process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"{url}/api/health", timeout=1).read()
            return
        time.sleep(0.005)
    raise RuntimeError("the server did not start")


@contextlib.contextmanager
def stack() -> Generator[Stack]:
    """Run a server for the length of a `with`."""
    with tempfile.TemporaryDirectory() as folder:
        token = subprocess.run(
            command("token", "--role", "owner", "--data", folder), check=True, capture_output=True, text=True
        ).stdout.strip()
        made = Stack(Path(folder), free_port(), token)
        begun = time.perf_counter()
        server = made.spawn("serve", "--data", folder, "--port", str(made.port))
        try:
            wait_for_answer(made.url, server)
            made.server_s = time.perf_counter() - begun
            yield made
        finally:
            for process in reversed(made.processes):
                process.send_signal(signal.SIGTERM)
            for process in reversed(made.processes):
                process.wait(20)
