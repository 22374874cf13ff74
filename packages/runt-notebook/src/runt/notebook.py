"""`runt notebook`: server, file and runtime of one notebook in one process, from start to Ctrl-C.

A second `runt notebook` on the same data folder uses the server of the first one.
"""

import asyncio
import contextlib
import os
import socket
import sys
import webbrowser
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime_node.artifacts import FolderArtifacts, HttpArtifacts
from runtime_node.config import default_runtime_id
from runtime_node.errors import NotebookUnknownError
from runtime_node.signals import StopSignals
from runtime_node.system import RandomIds, SystemClock
from runtime_schema.ipynb_events import NotebookState, import_notebook
from runtime_schema.queries import ACTIVE_SESSION, LATEST_SESSION
from runtime_store import Store, connect

from .agents import AgentOrder, Supervisor
from .binding import Binding, Bindings, compare, real_path
from .errors import FailedError
from .files import Content, conflict_path, fingerprint, make_empty, read_file, write_whole
from .keeping import FileKeeper
from .serve import RUNNER_TOKEN_FILE, Running, find_running, own_server
from .transfer import find_notebook

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asked for. `target` is a file, a notebook's name, or None for the list; `runtime` None starts none.

    `pyodide` is the Python that pages run, None for the server's own.
    """

    target: str | None
    browser: bool
    port: int | None
    runtime: str | None
    pyodide: Path | str | None
    data: Path

    @property
    def file(self) -> Path | None:
        """The file, if the target is one."""
        if self.target is None or not (self.target.endswith(".ipynb") or Path(self.target).is_file()):
            return None
        return Path(self.target).absolute()


async def open_notebook(wish: Wish, say: Say) -> int:
    """Open what was asked for and keep it open until a signal; returns the status to exit with.

    Raises:
        UsageError: There is no such notebook.
        FailedError: The file is no notebook, or the server cannot start.
    """
    file = wish.file
    content = None if file is None else _read_or_make(file, say)
    with StopSignals() as signals:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(_server(wish))
            if wish.pyodide is not None and running.server is None:
                say("The server that runs already keeps the Python for pages that it was started with; --pyodide changes nothing.")
            if file is not None and not stack.enter_context(Bindings(wish.data).keep(file)):
                binding = Bindings(wish.data).find(file)
                await _show(await running.link(None if binding is None else binding.notebook), wish, say)
                say(f"{file.name} is open already, in another `runt notebook`, which keeps it up to date.")
                return 0
            session = _Session(wish, running, say)
            if file is not None and content is not None:
                await session.open_file(stack, file, content)
            elif wish.target is not None:
                await session.open_name(stack, wish.target)
            await _show(await running.link(session.notebook), wish, say)
            say(f"{f'It is saved to {file} as you work' if file else f'Notebooks are kept in {wish.data}'}. Press Ctrl-C to stop.")
            await signals.asked.wait()
            say("Stopping…")
    return 0


def _read_or_make(file: Path, say: Say) -> Content:
    if not file.exists():
        make_empty(file)
        say(f"{file.name} is new: an empty notebook.")
    return read_file(file)


@asynccontextmanager
async def _server(wish: Wish) -> AsyncGenerator[Running]:
    found = None if wish.port is not None else await find_running(wish.data)
    if found is not None:
        yield found
        return
    async with own_server(wish.data, wish.port, pyodide=wish.pyodide) as running:
        yield running


async def _show(link: str, wish: Wish, say: Say) -> None:
    say(f"\n    {link}\n")
    if wish.browser and not (_has_screen() and await asyncio.to_thread(webbrowser.open, link)):
        say("No browser could be opened here; open the address above in one.")


def _has_screen() -> bool:
    """Tell whether a browser has somewhere to show; without, one for terminals would take over ours."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class _Session:
    """What goes on around one open notebook."""

    def __init__(self, wish: Wish, running: Running, say: Say) -> None:
        self.notebook: str | None = None
        self._wish = wish
        self._running = running
        self._say = say

    async def open_file(self, stack: AsyncExitStack, file: Path, content: Content) -> None:
        """Open the notebook that mirrors a file, and keep the file up to date until the stack ends."""
        bindings = Bindings(self._wish.data)
        binding = bindings.find(file)
        exported = b""
        if binding is not None:
            try:
                exported = await self._running.api.export_notebook(binding.notebook)
            except NotebookUnknownError:
                binding = None  # it was deleted
        if binding is None:
            notebook = await self._import(file, content)
            exported = await self._running.api.export_notebook(notebook)
            binding = Binding(notebook=notebook, path=real_path(file), file_sha256=content.sha256, state_sha256=fingerprint(exported))
            bindings.save(binding)
        self.notebook = binding.notebook
        store, artifacts = await self._follow(stack, binding.notebook)
        reunion = compare(binding, content.sha256, fingerprint(exported))
        if reunion == "both-changed":
            beside = conflict_path(file)
            await asyncio.to_thread(write_whole, beside, exported)
            self._say(f"{file.name} was changed by another program since it was last open here; what this notebook held is in {beside}")
        if reunion in ("merge-file", "both-changed"):
            await _merge(store, artifacts, content)
            state = fingerprint(await self._running.api.export_notebook(binding.notebook))
            binding = Binding(notebook=binding.notebook, path=binding.path, file_sha256=content.sha256, state_sha256=state)
            bindings.save(binding)
        await self._keep(stack, file, binding, bindings, store)
        await self._run_agent(stack, binding.notebook, store, file.parent)

    async def open_name(self, stack: AsyncExitStack, name: str) -> None:
        """Open a notebook by its title or id."""
        found = await find_notebook(self._running, name)
        self.notebook = found.id
        store, _ = await self._follow(stack, found.id)
        await self._run_agent(stack, found.id, store, Path.cwd())

    async def _import(self, file: Path, content: Content) -> str:
        if self._running.server is not None:
            return (await self._running.server.notebooks.import_file(content.data, file.stem, real_path(file))).id
        return (await self._running.api.import_notebook(file.stem, content.data)).id

    async def _follow(self, stack: AsyncExitStack, notebook: str) -> tuple[Store, HttpArtifacts]:
        artifacts = HttpArtifacts(self._running.api, notebook, FolderArtifacts(self._wish.data / "files" / notebook))
        store = await connect(self._running.url, notebook, token=self._running.token, artifacts=artifacts)
        stack.push_async_callback(store.close)
        await store.synced()
        return store, artifacts

    async def _keep(self, stack: AsyncExitStack, file: Path, binding: Binding, bindings: Bindings, store: Store) -> None:
        async def export() -> bytes:
            return await self._running.api.export_notebook(binding.notebook)

        keeper = FileKeeper(file, binding, export, save=bindings.save, say=self._say, clock=SystemClock())
        stack.push_async_callback(keeper.write)
        heads: set[int] = set()

        def see(head: int) -> None:
            if head not in heads:
                heads.clear()
                heads.add(head)
                keeper.changed()

        stack.callback(store.subscribe_status(lambda status: see(status.head)))
        await _while_open(stack, keeper.run())

    async def _run_agent(self, stack: AsyncExitStack, notebook: str, store: Store, cwd: Path) -> None:
        if self._wish.runtime is None:
            return
        order = AgentOrder(
            notebook=notebook,
            server=self._running.url,
            runtime=self._wish.runtime,
            runtime_id=default_runtime_id(self._wish.runtime, socket.gethostname()),
            token_file=self._wish.data / RUNNER_TOKEN_FILE,
            cwd=cwd,
            data=self._wish.data,
        )

        def on_death() -> None:
            for session in store.query(ACTIVE_SESSION):
                if session.runtime_id == order.runtime_id and self._running.server is not None:
                    self._running.server.rooms.runtime_died(session.store_session_id)

        def ended_reason() -> str | None:
            for session in store.query(LATEST_SESSION):
                return session.ended_reason if session.runtime_id == order.runtime_id else "displaced"
            return None

        supervisor = Supervisor(order, on_death=on_death, ended_reason=ended_reason, say=self._say)
        await _while_open(stack, supervisor.run())
        stack.push_async_callback(supervisor.stop)


async def _while_open(stack: AsyncExitStack, work: Coroutine[None, None, None]) -> None:
    task = asyncio.ensure_future(work)

    async def cancel() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(cancel)


async def _merge(store: Store, artifacts: HttpArtifacts, content: Content) -> None:
    """Bring what another program changed in the file into the notebook; not outputs while a runtime writes them."""
    state = NotebookState.read(store.query)
    with_outputs = not store.query(ACTIVE_SESSION)
    plan = import_notebook(
        content.notebook, new_id=RandomIds().new_id, now_ms=SystemClock().now_ms(), state=state, with_outputs=with_outputs
    )
    for data, mime_type in plan.artifacts.values():
        artifacts.put(data, mime_type)
    for event in plan.events:
        store.commit(event)
    await store.wait_confirmed()
    if store.status.pending:
        raise FailedError("not-merged", "the changed file could not be brought into the notebook; try again")
