"""The engine: runs cells in one IPython shell and emits what they show. The host owns processes, signals and pipes."""

# IPython is typed in part only:
# pyright: reportUnknownMemberType=false

import builtins
import contextvars
import getpass
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

from IPython.core.interactiveshell import ExecutionResult

from runtime_schema.outputs import ErrorOutput, ExecuteReply, Output, StreamName, StreamText

from . import commands, introspect
from .interrupts import Interrupts, uninterruptible
from .introspect import Completions
from .shell import NotebookShell
from .streams import InputStream, TextStream, WriteText
from .tracebacks import text_of

ENVIRONMENT: Mapping[str, str] = {
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "GIT_PAGER": "cat",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PAGER": "cat",
    "TERM": "xterm-256color",
}
"""Variables that user code and the programs it starts should see unless the host has set them."""


@final
class IPythonEngine:
    """One namespace that runs one cell at a time. It replaces `sys.stdin`, `stdout`, `stderr`, `input` and `getpass` until `close`.

    Args:
        emit: Takes every output, in order, from the thread that made it; may block.
        read_input: Asks a person: prompt and whether it is a password. What it raises, user code sees.
        write: Takes text of a stream, where a host gathers it itself; by default every write is emitted as a StreamText.
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
        self._replaced = (sys.stdin, sys.stdout, sys.stderr, sys.displayhook, builtins.input, getpass.getpass)
        sys.stdin = InputStream(self._ask)
        sys.stdout = TextStream("stdout", self._write_text, self._flush_text, self.interrupts)
        sys.stderr = TextStream("stderr", self._write_text, self._flush_text, self.interrupts)
        self._shell = NotebookShell.create(self._emit, self.interrupts, frozenset(hidden_files), programs=programs)
        builtins.input = self._input
        getpass.getpass = self._getpass

    async def execute(self, source: str, *, execution_count: int) -> ExecuteReply:
        """Run a cell to its end and emit what it shows.

        An exception of user code is emitted as an ErrorOutput. The status is `cancelled` when `interrupt` ended the cell.
        """
        shell = self._shell
        shell.last_error = None
        shell.execution_count = shell.running_count = execution_count
        try:
            result = await self.interrupts.run(self._run_cell(source), self.context)
        except (KeyboardInterrupt, SystemExit) as error:  # it hit IPython's own code, not the cell's
            self._emit(ErrorOutput(name=type(error).__name__, value=text_of(error)))
            failure: BaseException | None = error
        else:
            failure = result.error_before_exec or result.error_in_exec
        finally:
            self._flush_text()
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

    def close(self) -> None:
        """Give back what was replaced. The namespace is kept by whoever still holds its objects."""
        self._shell.restore_sys_module_state()
        sys.stdin, sys.stdout, sys.stderr, sys.displayhook, builtins.input, getpass.getpass = self._replaced
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
        if failure is None and not interrupted:
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
        self._emit_to_host(output)
        if self.interrupts.pending:
            self.interrupts.deliver()

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
    """Hold nothing back, so send nothing on."""
