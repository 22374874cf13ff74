"""A real `runt notebook` or `runt serve` on a folder and port of its own: started, killed, started again, asked, stopped."""

import asyncio
import json
import re
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

from runtime_store import Store, connect

from .processes import RUNT, Process, Processes
from .waiting import until

_START_S = 30.0
_LINK = re.compile(r"http://\S+#t=\S+")

make: Any = v4  # nbformat is untyped
judge: Any = nbformat  # the same


def notebook_bytes(*cells: str | tuple[str, str]) -> bytes:
    """Make an .ipynb of sources; a pair is a cell's type and source. Ids are c0, c1, …."""
    made: list[Any] = []  # Any: nbformat's nodes
    for place, cell in enumerate(cells):
        kind, source = cell if isinstance(cell, tuple) else ("code", cell)
        node = make.new_markdown_cell(source) if kind == "markdown" else make.new_code_cell(source)
        node["id"] = f"c{place}"
        made.append(node)
    return str(judge.writes(make.new_notebook(cells=made))).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:  # Any: JSON
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(slots=True)
class NotebookServer:
    """One server. `words` are what the command is asked: `("serve",)` or `("notebook", "analysis.ipynb")`; `executable` is the command."""

    processes: Processes
    data: Path
    words: tuple[str, ...] = ("serve",)
    executable: tuple[str, ...] = RUNT
    environment: dict[str, str] = field(default_factory=dict[str, str])
    port: int = field(default_factory=lambda: free_port())
    process: Process | None = None
    link: str = ""
    cookie: str = ""

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """The owner's bearer token."""
        return (self.data / "token").read_text().strip()

    async def start(self) -> None:
        """Start it, on the same folder and port as before; `link` is its new start link."""
        browser = ("--no-browser",) if self.words[0] == "notebook" else ()
        command = [*self.executable, *self.words, *browser, "--data", str(self.data), "--port", str(self.port)]
        self.process = self.processes.start(command, environment=self.environment)
        self.link = await self.process.said(find_link, within_s=_START_S, what="the start link")

    async def sign_in(self) -> str:
        """Use the start link up for the cookie that lets browsers in."""
        code = self.link.partition("#t=")[2]
        answer = await self.ask("POST", "/api/session", json.dumps({"code": code}).encode(), headers={"Content-Type": "application/json"})
        assert answer.status == 204, answer
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return self.cookie

    def kill9(self) -> None:
        """End it with no chance to say goodbye; what it has started lives on."""
        assert self.process is not None
        self.process.kill9()

    async def stop(self) -> int:
        """Ask it to end, as Ctrl-C does; gives its exit status."""
        assert self.process is not None
        return await self.process.stop()

    def start_agent(
        self, notebook: str, processes: Processes | None = None, *, url: str = "", take_over: bool = False, runtime_id: str = ""
    ) -> Process:
        """Start a Python runtime for a notebook, at the server's address or at a proxy's; `take_over` ends another one."""
        words = ["agent", "--notebook", notebook, "--data", str(self.data), "--server", url or self.url]
        words += ["--take-over"] if take_over else []
        words += ["--runtime-id", runtime_id] if runtime_id else []
        return (processes or self.processes).start([*self.executable, *words, "--token-file", str(self.data / "runner-token")])

    async def import_notebook(self, name: str, data: bytes) -> str:
        """Take a file in; gives the notebook's id."""
        answer = await self.ask("POST", f"/api/notebooks/import?name={name}", data, headers={"Content-Type": "application/x-ipynb+json"})
        assert answer.status == 201, answer
        return str(answer.json["id"])

    async def export(self, notebook: str) -> Any:  # Any: nbformat's node
        """Give a notebook as nbformat reads it."""
        answer = await self.ask("GET", f"/api/notebooks/{notebook}/export")
        assert answer.status == 200, answer
        return judge.reads(answer.body.decode(), as_version=4)

    async def notebook_ids(self) -> list[str]:
        """Give the ids of all notebooks."""
        return [notebook["id"] for notebook in (await self.ask("GET", "/api/notebooks")).json]

    async def ask(self, method: str, path: str, body: bytes | None = None, *, headers: dict[str, str] | None = None) -> Answer:
        """Send a request with the owner's token."""
        asked = urllib.request.Request(self.url + path, body, {"Authorization": f"Bearer {self.token}", **(headers or {})}, method=method)
        return await asyncio.to_thread(_send, asked)

    async def store(self, notebook: str, url: str | None = None) -> Store:
        """Open a client of a notebook, caught up; the caller closes it."""
        store = await connect(url or self.url, notebook, token=self.token)
        async with asyncio.timeout(20):
            await store.synced()
        return store

    async def catch_up(self, store: Store, notebook: str) -> None:
        """Wait until a store has all that the server has now: what a page shows, others learn a little later."""
        head = (await self.ask("GET", f"/api/notebooks/{notebook}/history?limit=1")).json["head"]
        await until(lambda: store.status.head >= head, within_s=20, what=f"{head} events in a store", seen=lambda: store.status)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_link(output: str) -> str | None:
    """Find the start link in what a server wrote."""
    found = _LINK.search(output)
    return found.group() if found else None


def _send(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Answer(answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()})
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Answer(refusal.code, refusal.read(), {name.lower(): value for name, value in refusal.headers.items()})
