"""The engine: runs cells in one IPython shell and emits what they show. The host owns processes, signals and pipes."""

# IPython is typed in part only:
# pyright: reportUnknownMemberType=false

import builtins
import contextvars
import getpass
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast, final

from IPython.core.interactiveshell import ExecutionResult

from runtime_schema.json_text import Json
from runtime_schema.live import CommMessage, QuestionName
from runtime_schema.outputs import ErrorOutput, ExecuteReply, Output, StreamName, StreamText

from . import commands, introspect
from .charts import show_charts_as_data
from .comms import Comms
from .interrupts import Interrupts, uninterruptible
from .introspect import Completions
from .shell import NotebookShell
from .streams import InputStream, TextStream, WriteText
from .tracebacks import text_of
from .variables import list_variables

ENVIRONMENT: Mapping[str, str] = {
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "GIT_PAGER": "cat",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PAGER": "cat",
    "PLOTLY_RENDERER": "plotly_mimetype",
    "TERM": "xterm-256color",
}
"""Variables that user code and the programs it starts should see unless the host has set them."""


@final
class IPythonEngine:
    """One namespace that runs one cell at a time.

    It replaces `sys.stdin`, `stdout`, `stderr`, `displayhook`, `unraisablehook`, `input` and `getpass` until `close`.

    Args:
        emit: Takes every output, in order, from the thread that made it; may block.
        read_input: Asks a person: prompt and whether it is a password. What it raises, user code sees.
        write: Takes text of a stream, where a host gathers it itself; by default every write is emitted as a StreamText.
        send_comm: Takes what widgets say.
        ask_exit: Called when user code asks for the end of the runtime.
        flush: Sends on what `write` holds back; called when user code flushes and at the end of a cell.
        hidden_files: Files of the host that may be on the stack below user code, left out of tracebacks.
        programs: Whether `!command` and its like can start programs.
    """

    def __init__(
        self,
        emit: Callable[[Output], None],
        read_input: Callable[[str, bool], str],
        *,
        write: WriteText | None = None,
        flush: Callable[[], None] | None = None,
        send_comm: Callable[[CommMessage], None] | None = None,
        ask_exit: Callable[[], None] | None = None,
        hidden_files: Iterable[str] = (),
        programs: bool = commands.PROGRAMS_EXIST,
    ) -> None:
        self.interrupts = Interrupts()
        """For the host's signal handler (`request`) and where it blocks while it emits (`deliver`)."""
        self._emit_to_host = emit
        self._read_input = read_input
        self._write_text: WriteText = write or self._emit_text
        self._flush_text: Callable[[], None] = flush or _nothing
        self.context = contextvars.copy_context()
        """What all cells run in: a ContextVar set in one is seen in the next."""
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._replaced = (sys.stdin, sys.stdout, sys.stderr, sys.displayhook, sys.unraisablehook, builtins.input, getpass.getpass)
        self._report_unraisable = sys.unraisablehook
        sys.unraisablehook = self._see_unraisable
        sys.stdin = InputStream(self._ask)
        self._stdout = sys.stdout = TextStream("stdout", self._write_text, self._flush, self.interrupts)
        self._stderr = sys.stderr = TextStream("stderr", self._write_text, self._flush, self.interrupts)
        self._shell = NotebookShell.create(
            self._emit, self.interrupts, frozenset(hidden_files), end_runtime=ask_exit or _nothing, programs=programs
        )
        self._namespace = cast("dict[str, Any]", self._shell.user_ns)  # Any: whatever user code makes
        self._hidden_names = dict(self._namespace)
        self._asking = threading.Lock()
        self._comms = Comms(send_comm or _drop, self._capture)
        self._charts = show_charts_as_data()
        builtins.input = self._input
        getpass.getpass = self._getpass

    async def execute(self, source: str, *, execution_count: int) -> ExecuteReply:
        """Run a cell to its end and emit what it shows.

        An exception of user code is emitted as an ErrorOutput. The status is `cancelled` when `interrupt` ended the cell.
        """
        shell = self._shell
        shell.last_error, shell.result_failed = None, False
        shell.execution_count = shell.running_count = execution_count
        try:
            result = await self.interrupts.run(self._run_cell(source), self.context)
        except (KeyboardInterrupt, SystemExit) as error:  # it hit IPython's own code, not the cell's
            self._emit(ErrorOutput(name=type(error).__name__, value=text_of(error)))
            failure: BaseException | None = error
        else:
            failure = result.error_before_exec or result.error_in_exec
        finally:
            self._flush()
        return self._reply(failure)

    def interrupt(self) -> None:
        """Interrupt the cell that runs, if any. For the event loop's thread; a signal handler passes its frame to `interrupts.request`."""
        self.interrupts.request()

    def complete(self, code: str, cursor: int) -> Completions:
        """Complete code at a cursor, an offset in characters."""
        return introspect.complete(self._shell, code, cursor)

    def inspect(self, code: str, cursor: int) -> Mapping[str, str] | None:
        """Describe the object named at the cursor: a MIME bundle, or None."""
        return introspect.inspect(self._shell, code, cursor)

    def variables(self) -> list[dict[str, str]]:
        """List the user's variables: name, type and a line about the value of each."""
        return list_variables(self._namespace, self._hidden_names)

    def answer(self, question: QuestionName, data: Mapping[str, Json]) -> dict[str, Json]:
        """Answer what a page asks, as `runtime_schema.live` has it; from any thread, also while a cell runs.

        Raises:
            ValueError: The question lacks something, or is for the host.
        """
        with self._asking:
            if question == "variables":
                return {"variables": [dict[str, Json](variable) for variable in self.variables()]}
            code, cursor = data.get("code"), data.get("cursor")
            if question not in ("complete", "inspect") or not isinstance(code, str) or not isinstance(cursor, int):
                raise ValueError(f"{question} needs code and a cursor, and is answered by the engine or by nobody")
            if question == "inspect":
                found = self.inspect(code, cursor)
                return {"bundle": None if found is None else dict[str, Json](found)}
            completions = self.complete(code, cursor)
            matches: list[Json] = [{"text": text, "type": kind} for text, kind in completions.matches]
            return {"matches": matches, "start": completions.start, "end": completions.end}

    def comm_message(self, message: CommMessage) -> None:
        """Give a page's message to the widget it is for; what its callbacks raise is shown as an error."""
        try:
            self._comms.take(message)
        except (Exception, KeyboardInterrupt):
            self._shell.showtraceback()
        finally:
            self._flush()

    def close(self) -> None:
        """Give back what was replaced. The namespace is kept by whoever still holds its objects."""
        self._comms.close()
        for charts in self._charts:
            charts.close()
        self._shell.restore_sys_module_state()
        sys.stdin, sys.stdout, sys.stderr, sys.displayhook, sys.unraisablehook, builtins.input, getpass.getpass = self._replaced
        NotebookShell.clear_instance()

    async def _run_cell(self, source: str) -> ExecutionResult:
        shell = self._shell
        transformed, problem = source, None
        try:
            transformed = shell.transform_cell(source)
        except Exception:  # IPython shows whatever a transformation raises as the cell's error
            problem = sys.exc_info()
        try:
            result = await shell.run_cell_async(source, store_history=True, transformed_cell=transformed, preprocessing_exc_tuple=problem)
        finally:
            shell.events.trigger("post_execute")  # matplotlib's figures are shown here
        shell.events.trigger("post_run_cell", result)
        return result

    def _reply(self, failure: BaseException | None) -> ExecuteReply:
        shown = self._shell.last_error
        interrupted = self.interrupts.requested and (failure is not None or (shown is not None and shown.name == "KeyboardInterrupt"))
        if failure is None and not interrupted and not self._shell.result_failed:
            return ExecuteReply(status="ok")
        if shown is None and failure is not None:
            shown = ErrorOutput(name=type(failure).__name__, value=text_of(failure))
            self._emit(shown)
        status = "cancelled" if interrupted else "error"
        return ExecuteReply(status=status, error_name=shown.name if shown else None, error_value=shown.value if shown else None)

    @uninterruptible
    def _emit(self, output: Output) -> None:
        if isinstance(output, ErrorOutput):
            self._shell.last_error = output
        if not self._comms.capture(output):
            self._emit_to_host(output)
        if self.interrupts.pending:
            self.interrupts.deliver()

    def _see_unraisable(self, unraisable: "sys.UnraisableHookArgs") -> None:
        here = inspect.currentframe()
        runs_on = here.f_back if here is not None and isinstance(unraisable.exc_value, KeyboardInterrupt) else None
        if runs_on is None or not self.interrupts.raise_again(runs_on):
            self._report_unraisable(unraisable)

    def _capture(self, begins: bool) -> None:
        self._flush_text()
        for stream in (self._stdout, self._stderr):
            stream.redirect(self._write_captured if begins else self._write_text)

    def _write_captured(self, stream: StreamName, text: str) -> None:
        if not self._comms.capture(StreamText(stream=stream, text=text)):
            self._write_text(stream, text)

    def _flush(self) -> None:
        self._comms.flush()
        self._flush_text()

    def _emit_text(self, stream: StreamName, text: str) -> None:
        self._emit_to_host(StreamText(stream=stream, text=text))

    def _ask(self, prompt: str, password: bool) -> str:
        self._flush_text()
        return self._read_input(prompt, password)

    def _input(self, prompt: object = "", /) -> str:
        return self._ask(str(prompt), False)

    def _getpass(self, prompt: str = "Password: ", stream: Any = None, **_others: Any) -> str:
        return self._ask(str(prompt), True)


def _nothing() -> None:
    """Hold nothing back, so send nothing on; or end nothing."""


def _drop(_message: CommMessage) -> None:
    """Say it to nobody: this host has no pages."""
