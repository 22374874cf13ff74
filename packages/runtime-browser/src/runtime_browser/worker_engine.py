"""The Engine port on the worker's own thread: the shared IPython engine, with the page as its outside.

Agent and user code take turns on one event loop, so nothing here supervises user code: the page does, by interrupts,
and in the end by replacing the worker.
"""

import asyncio
import importlib
import signal
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING, Any, final

from runtime_core.errors import EngineDiedError, EngineStartError, InputUnavailableError, QuestionError
from runtime_core.ports import Clock, Engine, EngineSink
from runtime_schema.json_text import Json
from runtime_schema.live import CommMessage, QuestionName
from runtime_schema.outputs import ExecuteReply, Output

from . import blocking, text_port
from .blocking import Blocking, StackSwitching
from .errors import PackageLoadError
from .imports import is_here, missing_imports
from .port import Message, Port
from .text_port import Place, TextPort

if TYPE_CHECKING:
    from IPython.core.inputtransformer2 import TransformerManager

    from runtime_python import IPythonEngine

NAME = "Python in this page"
NO_INPUT = (
    "input() cannot wait here: the page is not cross-origin isolated, and this browser has no JavaScript Promise Integration. "
    "Use a current Chrome or Edge, or a server that sends the COOP and COEP headers."
)


@final
class WorkerEngine(Engine):
    """Runs user code on the thread and the event loop it is called on. While it is up it owns SIGINT and `time.sleep`.

    Args:
        port: To the page, which keeps order between text and everything else.
        session: Names the runtime session that an execution belongs to when it begins.
        clock: Time.
        load_imports: Whether packages of the distribution are loaded when a cell imports them.
        switching: Pyodide's stack switching.
    """

    def __init__(
        self,
        port: Port,
        session: Callable[[], str],
        *,
        clock: Clock,
        load_imports: bool = True,
        switching: StackSwitching | None = None,
    ) -> None:
        self._port = port
        self._bridge = port.bridge
        self._session = session
        self._clock = clock
        self._loads_imports = load_imports
        self._switching = switching
        self._sink: EngineSink | None = None
        self._engine: IPythonEngine | None = None
        self._blocking: Blocking | None = None
        self._text = TextPort(port, self._place_of_caller, self._look)
        self._place: ContextVar[Place | None] = ContextVar("place", default=None)
        self._last: Place | None = None
        self._owners: dict[str, Place] = {}
        self._number = 0
        self._running: str | None = None
        self._wished = asyncio.Event()
        self._previous_handler: Any = None  # Any: whatever `signal` had
        port.handle("interrupt", self._on_interrupt)

    @property
    def info(self) -> Mapping[str, str]:
        if self._engine is None:
            return {}
        from IPython.core.release import version

        return {
            "language": "python",
            "version": sys.version.partition(" ")[0],
            "implementation": "IPython",
            "implementation_version": version,
        }

    async def start(self, sink: EngineSink) -> None:
        self._sink = sink
        self._port.post("progress", text="starting Python")
        try:
            from runtime_python import IPythonEngine
        except ImportError as exc:
            raise EngineStartError(NAME, str(exc), "the Python distribution lacks it; build it anew") from exc
        finally:
            self._port.post("progress", text="")
        engine = self._engine = IPythonEngine(
            self._emit,
            self._read_input,
            write=self._text.write,
            send_comm=self._send_comm,
            ask_exit=self._ask_exit,
            hidden_files=[__file__, blocking.__file__, text_port.__file__],
        )
        self._blocking = Blocking(self._bridge, self._clock, engine.interrupts, self._look, self._switching)
        self._blocking.install()
        self._previous_handler = signal.signal(signal.SIGINT, self._on_sigint)

    async def execute(self, execution_id: str, source: str, execution_count: int) -> ExecuteReply:
        engine = self._engine
        if engine is None:
            raise EngineDiedError("is not running")
        self._last = Place(execution_id, self._session())
        engine.context.run(self._place.set, self._last)
        if signal.getsignal(signal.SIGINT) != self._on_sigint:  # an earlier cell took the signal for itself
            signal.signal(signal.SIGINT, self._on_sigint)
        self._number += 1
        self._running = execution_id
        self._wished.clear()
        engine.interrupts.arm()
        self._port.post("busy", execution=execution_id, number=self._number)
        try:
            lacking = await self._load_imports(source) if self._loads_imports else ()
            reply = await engine.execute(source, execution_count=execution_count)
            self._explain_lack(lacking, reply)
            return reply
        finally:
            self._running = None
            self._text.finish_stretch()
            self._port.post("idle", execution=execution_id)

    async def ask(self, question: QuestionName, data: Mapping[str, Json]) -> Mapping[str, Json]:
        if self._engine is None or question == "resources":
            raise QuestionError(question, "Python in a page does not answer it")
        return self._engine.answer(question, data)

    async def comm(self, message: CommMessage) -> None:
        owner = self._owners.get(message.comm_id)
        if self._engine is not None and owner is not None:
            context = self._engine.context.copy()
            context.run(self._place.set, owner)
            context.run(self._engine.comm_message, message)
            self._text.finish_stretch()

    async def interrupt(self, execution_id: str) -> None:
        if execution_id == self._running:
            self._wish(None)

    async def restart(self) -> None:
        """Ask the page for a fresh worker, and wait for the end of this one."""
        self._port.post("restart")
        await asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        engine = self._engine
        if engine is None:
            return
        self._wish(None)
        self._engine = None
        if signal.getsignal(signal.SIGINT) == self._on_sigint:
            signal.signal(signal.SIGINT, self._previous_handler)
        if self._blocking is not None:
            self._blocking.restore()
        engine.close()

    # --- interrupts

    def _on_interrupt(self, message: Message) -> None:
        if message["number"] == self._number:
            self._wish(None)

    def _on_sigint(self, _signal: int, frame: FrameType | None) -> None:
        if self._bridge.target() == self._number:  # one that comes late was for an earlier execution
            self._wish(frame)

    def _look(self) -> None:
        """Take an interrupt that has come; Pyodide looks only now and then, which is never while the thread is blocked."""
        if self._bridge.isolated and self._bridge.target() == self._number:
            self._wish(None)
        if self._engine is not None:
            self._engine.interrupts.deliver()

    def _wish(self, frame: FrameType | None) -> None:
        # signal, message and agent bring the same wish: only the first counts
        if self._engine is not None and self._running is not None and not self._wished.is_set():
            self._wished.set()
            self._engine.interrupts.request(frame)

    # --- packages

    async def _load_imports(self, source: str) -> tuple[str, ...]:
        """Load what the source imports, unless it is interrupted meanwhile; return what is missing and was not explained."""
        names = missing_imports(source, _without_magics)
        if not names:
            return ()
        told = ""
        self._port.post("progress", text=f"loading {', '.join(names)}")
        loading = asyncio.ensure_future(self._bridge.load_imports("\n".join(f"import {name}" for name in names)))
        wished = asyncio.ensure_future(self._wished.wait())
        try:
            await asyncio.wait({loading, wished}, return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                loading.result()
        except PackageLoadError as exc:
            told = str(exc)
            self._text.write("stderr", f"[{told}]\n")
        finally:
            loading.cancel()
            wished.cancel()
            self._port.post("progress", text="")
        importlib.invalidate_caches()
        return tuple(name for name in names if not is_here(name) and name not in told)

    def _explain_lack(self, names: tuple[str, ...], reply: ExecuteReply) -> None:
        if reply.error_name != "ModuleNotFoundError":
            return
        for name in names:
            if f"'{name}'" in (reply.error_value or ""):
                how = f"import micropip; await micropip.install({name!r})"
                self._text.write("stderr", f"[{name} is not in this Python distribution; if PyPI has it as a pure Python package: {how}]\n")

    # --- what the engine asks of its host

    def _place_of_caller(self) -> Place | None:
        return self._place.get() or self._last

    def _emit(self, output: Output) -> None:
        place = self._place_of_caller()
        if place is not None and self._sink is not None:
            self._sink.emit(place.execution, output)

    def _send_comm(self, message: CommMessage) -> None:
        place = self._place_of_caller()
        if place is None or self._sink is None:
            return
        if message.kind == "open":
            self._owners[message.comm_id] = place
        elif message.kind == "close":
            self._owners.pop(message.comm_id, None)
        self._sink.comm(place.execution, message)

    def _ask_exit(self) -> None:
        if self._sink is not None:
            self._sink.exit()

    def _read_input(self, prompt: str, password: bool) -> str:
        from IPython.core.error import StdinNotImplementedError

        place, host = self._place_of_caller(), self._blocking
        assert place is not None
        assert host is not None
        if self._bridge.isolated:
            shown = prompt.encode("utf-8", "replace").decode()

            def post(number: int) -> None:
                self._port.post("input", id=number, execution=place.execution, session=place.session, prompt=shown, password=password)

            text, problem = host.ask(post)
            if text is None:
                raise StdinNotImplementedError(problem)
            return text
        if self._sink is None or not host.can_switch:
            raise StdinNotImplementedError(NO_INPUT)
        try:
            return host.run_sync(self._sink.read_input(place.execution, prompt, password))
        except InputUnavailableError as exc:
            raise StdinNotImplementedError(str(exc)) from None


def _without_magics(source: str) -> str:
    try:
        return _transformer().transform_cell(source)
    except SyntaxError:
        return source


@cache
def _transformer() -> "TransformerManager":
    # To make one takes six times as long as a short cell's transformation, and every cell asks.
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()
