"""The page's end of the port, for tests without a browser: `FakeBridge` records and is told, `FakePage` lends a store over it.

Everything crosses as a JSON string and arrives on a later turn of the event loop, as between page and worker. No test framework.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, final

from runtime_core.errors import RejectedError
from runtime_core.ports import Applied, LiveMessage, Store, StoreStatus, Unsubscribe
from runtime_core.testing import CountingIds
from runtime_schema.args import decode_event
from runtime_schema.events import StreamAppended
from runtime_schema.ids import ExecutionId, OutputId, RuntimeSessionId, StoreSessionId
from runtime_schema.json_text import Json, encode
from runtime_schema.queries import QUERIES
from runtime_schema.wire import Limits

from .blocking import StackSwitching
from .bridge import Bridge
from .errors import PackageLoadError
from .port import Message

_QUERIES = {query.name: query for query in QUERIES}


@final
class FakeBridge(Bridge):
    """The bridge of a worker in the same process.

    Args:
        isolated: Whether there is a control buffer.
    """

    def __init__(self, *, isolated: bool = False) -> None:
        self._isolated = isolated
        self._callback: Callable[[str], None] | None = None
        self._early: list[str] = []
        self._target = 0
        self._replies: dict[int, tuple[str | None, str]] = {}
        self.posted: list[str] = []
        """Every message of the worker, as it was sent."""
        self.artifacts: dict[str, tuple[str, bytes]] = {}
        """MIME type and bytes by hash."""
        self.on_post: Callable[[str], None] | None = None
        """Hears of each message on a later turn."""
        self.while_blocked: Callable[[float], None] | None = None
        """Called in the place of blocking, with the milliseconds; without it blocking is an error."""
        self.taken_units = 0
        self.package_source: Callable[[str], Awaitable[Sequence[str]]] | None = None
        """Answers `load_imports`; without it there are no packages."""

    @property
    def isolated(self) -> bool:
        return self._isolated

    def post(self, text: str) -> None:
        self.posted.append(text)
        if self.on_post is not None:
            asyncio.get_running_loop().call_soon(self.on_post, text)

    def post_artifact(self, sha256: str, mime_type: str, data: bytes) -> None:
        self.artifacts[sha256] = mime_type, bytes(data)
        self.posted.append(encode({"t": "artifact", "sha256": sha256, "mimeType": mime_type}))

    def on_message(self, callback: Callable[[str], None]) -> None:
        assert self._callback is None, "called once"
        self._callback = callback
        for text in self._early:
            asyncio.get_running_loop().call_soon(callback, text)

    async def load_imports(self, source: str) -> Sequence[str]:
        if self.package_source is None:
            raise PackageLoadError(f"there are no packages here for: {source}")
        return await self.package_source(source)

    def wait(self, ms: float) -> None:
        assert self.while_blocked is not None, "the thread blocks and nobody would wake it"
        self.while_blocked(ms)

    def taken(self) -> int:
        return self.taken_units

    def target(self) -> int:
        return self._target

    def take_reply(self, request: int) -> tuple[str | None, str] | None:
        return self._replies.pop(request, None)

    # --- what the page does

    def tell(self, kind: str, /, **fields: object) -> None:
        """Send the worker a message."""
        text = encode({"t": kind, **fields})
        if self._callback is None:
            self._early.append(text)
        else:
            asyncio.get_running_loop().call_soon(self._callback, text)

    def aim(self, number: int) -> None:
        """Name the execution that an interrupt is for, in the control buffer."""
        self._target = number

    def reply(self, request: int, text: str | None, problem: str = "") -> None:
        """Reply to a blocked input, in the control buffer."""
        self._replies[request] = text, problem

    def said(self, *kinds: str) -> list[Message]:
        """The messages of these kinds, or all; text is `{"t": "T", "text"}`."""
        parsed: list[Message] = [{"t": "T", "text": text[1:]} if text.startswith("T") else json.loads(text) for text in self.posted]
        return [message for message in parsed if not kinds or message["t"] in kinds]


@final
class FakePage:
    """A page that lends a store to the worker at the other end of `bridge`, and makes events of its text.

    Args:
        store: The page's.
        config: What the welcome tells, besides an empty address and storage.
        isolated: Whether there is a control buffer.
    """

    def __init__(self, store: Store, config: Mapping[str, Json] | None = None, *, isolated: bool = False) -> None:
        self.bridge = FakeBridge(isolated=isolated)
        self.bridge.on_post = self._hear
        self.ended: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        """The worker's last message."""
        self.phases: list[str] = []
        self._store = store
        self._ids = CountingIds("text-")
        self._place: Message = {}
        self._output: tuple[OutputId, int] | None = None
        self._subscriptions: dict[int, Unsubscribe] = {}
        self._heard: dict[str, Unsubscribe] = {}
        self._asked: dict[int, asyncio.Future[Json]] = {}
        self._questions = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._welcome(config or {})

    def stop(self) -> None:
        """Ask the runtime to end."""
        self.bridge.tell("stop")

    def interrupt(self) -> None:
        """Interrupt what runs now, by a message."""
        self.bridge.tell("interrupt", number=self.bridge.said("busy")[-1]["number"])

    def counts(self) -> tuple[int, int, int]:
        """How many subscriptions, topics and questions are open."""
        return len(self._subscriptions), len(self._heard), len(self._asked)

    # --- what the worker says

    def _hear(self, text: str) -> None:
        if text.startswith("T"):
            self._append_text(text[1:])
            return
        message: Message = json.loads(text)
        match message["t"]:
            case "place":
                if message != self._place:
                    self._place, self._output = message, None
            case "commit":
                self._output = None
                self._commit(message)
            case "subscribe":
                self._subscribe(message)
            case "unsubscribe":
                self._subscriptions.pop(message["id"])()
            case "hear":
                self._heard[message["topic"]] = self._store.on_live(message["topic"], self._ask_worker)
            case "unhear":
                self._heard.pop(message["topic"])()
            case "live":
                self._spawn(self._send_live(message))
            case "answer":
                self._asked.pop(message["id"]).set_result(message["data"])
            case "phase":
                self.phases.append(message["phase"])
            case "ended":
                self.ended.set_result(message)
            case "progress" | "busy" | "idle" | "restart" | "input":
                pass
            case unknown:
                raise AssertionError(f"the protocol has no {unknown!r}")

    def _welcome(self, config: Mapping[str, Json]) -> None:
        store = self._store
        self.bridge.tell(
            "welcome",
            storeSessionId=store.store_session_id,
            clientId=store.client_id,
            status=_fields(store.status),
            limits={"eventBytes": Limits().event_bytes},
            config={"search": "", "storage": {}, "defaults": {}, **config},
        )
        store.subscribe_status(lambda status: self.bridge.tell("status", **_fields(status)))

    def _append_text(self, text: str) -> None:
        output_id, n = self._output or (OutputId(self._ids.new_id()), 0)
        self._output = output_id, n + 1
        place = self._place
        _ = self._store.commit(
            StreamAppended(
                output_id=output_id,
                execution_id=ExecutionId(place["execution"]),
                session_id=RuntimeSessionId(place["session"]),
                stream=place["stream"],
                n=n,
                text=text,
            )
        )

    def _commit(self, message: Message) -> None:
        number = message["id"]
        try:
            receipt = self._store.commit(decode_event(message["name"], message["args"]))
        except RejectedError as exc:
            self.bridge.tell("rejected", id=number, code=exc.code, message=exc.message)
        else:
            asyncio.ensure_future(receipt).add_done_callback(lambda decided: self._decide(number, decided))

    def _decide(self, number: int, decided: "asyncio.Future[Applied]") -> None:
        problem = decided.exception()
        if problem is None:
            self.bridge.tell("applied", id=number, seq=decided.result().seq, applied=decided.result().applied)
        elif isinstance(problem, RejectedError):
            self.bridge.tell("rejected", id=number, code=problem.code, message=problem.message)
        else:
            raise problem

    def _subscribe(self, message: Message) -> None:
        number = message["id"]

        def tell(rows: Sequence[tuple[object, ...]]) -> None:
            self.bridge.tell("rows", id=number, rows=[list(row) for row in rows])

        unsubscribe = self._store.subscribe(_QUERIES[message["query"]], tell, message["params"], confirmed=message["confirmed"])
        self._subscriptions[number] = unsubscribe

    async def _ask_worker(self, message: LiveMessage) -> Json:
        self._questions += 1
        number = self._questions
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self.bridge.tell("live", id=number, topic=message.topic, data=message.data, sender=message.sender, clientId=message.client_id)
        return await answer

    async def _send_live(self, message: Message) -> None:
        to = message.get("to")
        try:
            answer = await self._store.send_live(message["topic"], message["data"], to=None if to is None else StoreSessionId(to))
        except TimeoutError as exc:
            self.bridge.tell("unanswered", id=message["id"], message=str(exc))
        else:
            self.bridge.tell("answered", id=message["id"], data=answer)

    def _spawn(self, work: Any) -> None:  # Any: a coroutine, whatever it yields to its loop
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@final
class SwitchedStack:
    """Pyodide's `run_sync` on asyncio's own loop: the loop runs on inside of the task that waits. Not in Pyodide itself."""

    def __init__(self) -> None:
        self._loop: Any = asyncio.get_running_loop()  # Any: its turns are private
        self.switching = StackSwitching(self.run_sync, lambda: asyncio.current_task() is not None)

    def run_sync(self, awaitable: Awaitable[Any]) -> Any:  # Any: as it gives
        """Run the loop until the awaitable is done."""
        waiter = asyncio.current_task()
        assert waiter is not None, "only a task's stack can be switched"
        work = asyncio.ensure_future(awaitable)
        asyncio.tasks._leave_task(self._loop, waiter)  # type: ignore[attr-defined]  # what Pyodide does
        try:
            while not work.done():
                self._loop._run_once()
        finally:
            asyncio.tasks._enter_task(self._loop, waiter)  # type: ignore[attr-defined]  # as above
            for _ in range(99):  # the turn of the loop that called this counts on what it had to do
                self._loop.call_soon(int)
        return work.result()


def _fields(status: StoreStatus) -> dict[str, object]:
    return {"connected": status.connected, "head": status.head, "pending": status.pending}
