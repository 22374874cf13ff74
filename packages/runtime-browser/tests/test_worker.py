"""A whole runtime over the port: from the page's welcome to its end, on a real store and with real cells."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from runtime_browser import (
    BrowserRuntimeOptions,
    IdSource,
    PortArtifacts,
    RuntimeAgent,
    RuntimeCapabilities,
    SystemClock,
    WorkerEngine,
    attach_runtime,
    create_browser_runtime_agent,
    serve,
)
from runtime_browser.config import RuntimeType
from runtime_browser.port import Message, Port
from runtime_browser.port_store import PortStore
from runtime_browser.testing import FakePage
from runtime_core import InvalidOptionError, Store
from runtime_core.testing import CountingIds, EngineSamples, InMemoryArtifacts, InMemoryBackend, Person, check_agent, settle
from runtime_schema.ids import StoreSessionId
from runtime_schema.json_text import Json

FOREVER = "print('started', flush=True)\nimport asyncio\nawait asyncio.sleep(3600)"
AWAITING = EngineSamples(forever=FOREVER)


class Notebook:
    """A person at one replica, and a page that lends another to a worker."""

    def __init__(self, *, search: str = "", **defaults: Json) -> None:
        self.backend = InMemoryBackend()
        self.person = Person(self.backend.store("person"))
        self.search = search
        self.defaults: dict[str, Json] = {"runtime": "echo", **defaults}
        self.page = self.new_page("worker")

    def new_page(self, name: str) -> FakePage:
        return FakePage(self.backend.store(name), {"search": self.search, "defaults": self.defaults})

    async def end(self) -> Message:
        self.page.stop()
        return await self.page.ended


@asynccontextmanager
async def running(book: Notebook) -> AsyncGenerator[Notebook, None]:
    serving = asyncio.ensure_future(serve(book.page.bridge))
    try:
        await until_ready(book.page)
        yield book
    finally:
        if not book.page.ended.done():
            await book.end()
        await serving


async def until_ready(page: FakePage) -> None:
    while "ready" not in page.phases and not page.ended.done():
        await settle(1)


async def until_finished(book: Notebook, execution_id: str) -> str:
    while (status := book.person.execution(execution_id).status) not in ("ok", "error", "cancelled"):
        await settle(1)
    await settle()
    return status


async def run(book: Notebook, execution_id: str, source: str) -> str:
    book.person.request(execution_id, source)
    await settle()
    return await until_finished(book, execution_id)


async def test_an_agent_on_the_port_is_an_agent() -> None:
    async def make(store: Store) -> RuntimeAgent:
        page = FakePage(store)
        port = Port(page.bridge)
        lent = PortStore(port, await port.welcome())
        port.open()
        options = BrowserRuntimeOptions(client_id="local")
        agent = create_browser_runtime_agent(lent, RuntimeCapabilities(), options, artifacts=PortArtifacts(page.bridge))
        attach_runtime(agent, "python", lambda: WorkerEngine(port, lambda: agent.session_id or "", clock=SystemClock()))
        return agent

    await check_agent(make, AWAITING)


@pytest.mark.parametrize(
    ("runtime", "shown"),
    [
        ("echo", ("result", '{"text/plain":{"type":"inline","data":"Echo: 6 * 7"}}')),
        ("html", ("display", '{"text/html":{"type":"inline","data":"6 * 7"}}')),
        ("python", ("result", '{"text/plain":{"type":"inline","data":"42"}}')),
    ],
)
async def test_each_runtime_runs_cells(runtime: RuntimeType, shown: tuple[str, str]) -> None:
    async with running(Notebook(runtime=runtime)) as book:
        session = book.person.active()
        assert session is not None
        assert (session.runtime_type, session.status, session.lost_after_ms) == (runtime, "ready", 60_000)
        assert await run(book, "e1", "6 * 7") == "ok"
        kind, bundle = book.person.shown("e1")[0]
        assert kind == shown[0]
        assert shown[1].removesuffix("}") in bundle + "}"
    assert book.page.ended.result() == {"t": "ended", "reason": "shutdown", "problem": None}
    assert book.page.phases == ["starting", "ready", "stopping", "stopped"]
    assert book.person.active() is None


async def test_text_and_rich_outputs_stand_in_their_order() -> None:
    async with running(Notebook(runtime="python")) as book:
        await run(book, "e1", "print('a')\ndisplay('b')\nprint('c')\nprint('d')\n1 / 0")
        shown = book.person.shown("e1")
    assert [kind for kind, _ in shown] == ["stdout", "display", "stdout", "error"]
    assert [text for kind, text in shown if kind == "stdout"] == ["a\n", "c\nd\n"]


async def test_a_large_output_is_with_the_page_before_the_event_that_names_it() -> None:
    async with running(Notebook(runtime="python")) as book:
        await run(book, "e1", "from IPython.display import HTML\nHTML('x' * 100_000)")
        said = [message["t"] if message["t"] != "commit" else message["name"] for message in book.page.bridge.said("artifact", "commit")]
    assert said.index("artifact") + 1 == said.index("v1.ResultAdded")
    ((mime_type, data),) = book.page.bridge.artifacts.values()
    assert (mime_type, data) == ("text/html", b"x" * 100_000)


async def test_a_cell_is_cancelled_by_the_page_s_message() -> None:
    async with running(Notebook(runtime="python")) as book:
        book.person.request("e1", FOREVER)
        while "started" not in book.person.text("e1"):
            await settle(1)
        book.page.interrupt()
        assert await until_finished(book, "e1") == "cancelled"


async def test_stopping_while_a_cell_runs_cancels_it() -> None:
    book = Notebook(runtime="python")
    async with running(book):
        book.person.request("e1", FOREVER)
        while "started" not in book.person.text("e1"):
            await settle(1)
        await book.end()
    assert book.person.execution("e1").status == "cancelled"
    assert book.page.ended.result()["reason"] == "shutdown"


async def test_a_password_reaches_the_cell_s_agent_over_the_live_channel() -> None:
    async with running(Notebook()) as book:
        session = book.person.active()
        assert session is not None
        data: dict[str, Json] = {"requestId": "nothing waits", "value": "secret"}
        answer = await book.person.store.send_live("input.reply", data, to=StoreSessionId(session.store_session_id))
    assert answer == {"ok": False, "problem": "nothing waits for this reply any more"}


async def test_wrong_settings_are_told_at_once_without_a_traceback() -> None:
    book = Notebook(search="?runtime=ruby&runtime-log-level=loud")
    await serve(book.page.bridge)
    await settle()
    ended = book.page.ended.result()
    assert ended["reason"] == "config"
    assert ended["problem"] == (
        "the address's runtime: 'ruby' is not known (choose one of python, html, echo)\n"
        "the address's runtime-log-level: 'loud' is not known (choose one of debug, info, warning, error)"
    )
    assert book.person.active() is None


async def test_another_active_runtime_is_not_displaced_without_a_wish() -> None:
    async with running(Notebook()) as book:
        second = book.new_page("second")
        await serve(second.bridge)
        await settle()
        ended = second.ended.result()
        assert ended["reason"] == "refused"
        assert "is active in this notebook" in ended["problem"]


@pytest.mark.parametrize("by", ["takeover", "replaces", "runtime-id"])
async def test_a_runtime_takes_over_by_wish_and_its_own_kind_without(by: str) -> None:
    async with running(Notebook(**{"runtime-id": "tab-1"})) as book:
        first = book.person.active()
        assert first is not None
        book.defaults |= {"takeover": {"takeover": True}, "replaces": {"runtime-id": "t2", "replaces": first.session_id}}.get(by, {})
        second = book.new_page("second")
        serving = asyncio.ensure_future(serve(second.bridge))
        await until_ready(second)
        assert (await book.page.ended) == {"t": "ended", "reason": "displaced", "problem": "Another runtime took over."}
        second.stop()
        await serving


async def test_a_runtime_whose_rules_are_old_says_what_to_do() -> None:
    book = Notebook()
    book.backend.change_rules()
    await serve(book.page.bridge)
    await settle()
    ended = book.page.ended.result()
    assert ended["reason"] == "upgrade"
    assert ended["problem"].endswith("reload it.")


async def test_what_is_unexpected_ends_it_with_a_sentence_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    book = Notebook()
    serving = asyncio.ensure_future(serve(book.page.bridge, ids=BrokenIds()))
    await serving
    await settle()
    assert book.page.ended.result() == {
        "t": "ended",
        "reason": "failed",
        "problem": "The runtime ended unexpectedly: ZeroDivisionError: no ids today",
    }
    assert any(record.exc_info for record in caplog.records)


async def test_nothing_is_left_of_it_and_the_root_logger_is_never_touched() -> None:
    handlers = list(logging.getLogger().handlers)
    async with running(Notebook(runtime="python")) as book:
        await run(book, "e1", "1")
        assert logging.getLogger().handlers == handlers
        assert len(logging.getLogger("runtime_core").handlers) == 1
    await settle()
    assert book.page.counts() == (0, 0, 0)
    assert logging.getLogger("runtime_core").handlers == []


def options(**told: object) -> BrowserRuntimeOptions:
    return BrowserRuntimeOptions(client_id="local", **told)  # type: ignore[arg-type]  # one option a test


async def test_an_agent_has_the_defaults_of_a_page_and_none_overrides_none_of_them() -> None:
    store = InMemoryBackend().store()
    made = [
        create_browser_runtime_agent(store, RuntimeCapabilities(), given, artifacts=InMemoryArtifacts()).options
        for given in (options(), options(runtime_id=None, runtime_type=None, lost_after_ms=None, info=None))
    ]
    for told in made:
        assert told.runtime_id.startswith("browser-")
        assert len(told.runtime_id) == len("browser-") + 8
        assert (told.runtime_type, told.lost_after_ms, told.client_id, told.info) == ("python", 60_000, "local", {})
    assert made[0].runtime_id != made[1].runtime_id


async def test_what_is_told_wins_over_the_defaults() -> None:
    store = InMemoryBackend().store()
    given = options(runtime_id="mine", runtime_type="echo", lost_after_ms=5, info={"a": "b"})
    agent = create_browser_runtime_agent(store, RuntimeCapabilities(), given, artifacts=InMemoryArtifacts(), ids=CountingIds())
    told = agent.options
    assert (told.runtime_id, told.runtime_type, told.lost_after_ms, told.info) == ("mine", "echo", 5, {"a": "b"})


async def test_another_user_s_store_is_refused() -> None:
    store = InMemoryBackend().store("s", "somebody else")
    with pytest.raises(InvalidOptionError, match="client_id"):
        create_browser_runtime_agent(store, RuntimeCapabilities(), options(), artifacts=InMemoryArtifacts())


class BrokenIds(IdSource):
    def new_id(self) -> str:
        raise ZeroDivisionError("no ids today")
