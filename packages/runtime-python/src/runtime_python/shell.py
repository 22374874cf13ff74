"""IPython's InteractiveShell for a notebook: displays, results, errors and exits become outputs.

It writes no history file, and nothing of it waits for a terminal.
"""

# IPython is typed in part only, and its shell holds whatever user code makes:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import codeop
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, final

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import UsageError
from IPython.core.events import EventManager, available_events
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

from runtime_schema.outputs import ClearOutput, DisplayData, DisplayUpdate, ErrorOutput, ExecuteResult, Output

from . import commands, tracebacks
from .bundles import clean_text, encode_bundle, encode_metadata
from .comms import KernelOfWidgets
from .formatters import QuickFormatter
from .interrupts import Interrupts, uninterruptible
from .packages import await_micropip, install_in_page, run_pip

_NEVER_SHOWN = "To exit: use 'exit', 'quit', or Ctrl-D"

# CPython 3.14 takes signals between a lock's `__enter__` and the block of its `with`: it stayed held, and the next cell waited for ever.
uninterruptible(HistoryManager.store_inputs)
uninterruptible(HistoryManager.store_output)


@final
class NotebookPublisher(DisplayPublisher):
    """Where `display()` goes."""

    shell: "NotebookShell"

    def publish(  # type: ignore[override]  # the deprecated `source` of IPython is taken from the keywords
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        *_deprecated: object,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **_others: object,
    ) -> None:
        """Emit a display or an update of one."""
        display_id = (transient or {}).get("display_id")
        bundle, problems = encode_bundle(data)
        text = encode_metadata(metadata)
        if update and display_id is not None:
            self.shell.emit(DisplayUpdate(display_id=clean_text(str(display_id)), bundle=bundle, metadata=text))
        else:
            named = None if display_id is None else clean_text(str(display_id))
            self.shell.emit(DisplayData(bundle=bundle, metadata=text, display_id=named))
        _report(problems)

    def clear_output(self, wait: bool = False) -> None:
        """Emit a ClearOutput."""
        self.shell.emit(ClearOutput(wait=wait))


@final
class NotebookDisplayHook(DisplayHook):
    """Where the value of a cell's last expression goes."""

    shell: "NotebookShell"

    def __call__(self, result: Any = None) -> None:
        """Show a value; a representation that raises is the cell's error, although the others are shown."""
        before = self.shell.last_error
        super().__call__(result)
        if self.shell.last_error is not before:
            self.shell.result_failed = True

    @staticmethod
    def semicolon_at_end_of_expression(expression: str) -> bool:
        """Tell whether a cell wants its value hidden; IPython cuts it into tokens for that, and most have no semicolon."""
        return ";" in expression and bool(DisplayHook.semicolon_at_end_of_expression(expression))

    def write_output_prompt(self) -> None:
        """Write none: the page numbers results."""

    def write_format_data(self, format_dict: Mapping[str, Any], md_dict: Mapping[str, Any] | None = None) -> None:
        """Emit the result."""
        bundle, problems = encode_bundle(format_dict)
        metadata = encode_metadata(md_dict)
        self.shell.emit(ExecuteResult(execution_count=self.shell.running_count, bundle=bundle, metadata=metadata))
        _report(problems)

    def log_output(self, format_dict: Mapping[str, Any]) -> None:
        """Keep no second copy of results: Out holds the objects themselves."""

    def finish_displayhook(self) -> None:
        """Write no separator."""
        self._is_active = False


@final
class _Events(EventManager):
    """IPython's callbacks around cells. It swallows what they raise: an interrupt before the cell would be lost with it."""

    def trigger(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Call back; before a cell, an interrupt waits for `run_code`."""
        if event.startswith("pre_"):
            self._trigger_whole(event, *args, **kwargs)
        else:
            super().trigger(event, *args, **kwargs)

    @uninterruptible
    def _trigger_whole(self, event: str, *args: Any, **kwargs: Any) -> None:
        super().trigger(event, *args, **kwargs)


@final
class _Exiter:
    """`exit` and `quit` in user code, called or only named."""

    def __init__(self, shell: "NotebookShell") -> None:
        self._shell = shell

    def __call__(self, *_arguments: object, **_keywords: object) -> None:
        self._shell.ask_exit()

    def __repr__(self) -> str:
        return "exit() ends the runtime when the cell is done; its variables are gone then."


@final
class NotebookShell(InteractiveShell):
    """The one shell of a process; `running_count`, `last_error` and `result_failed` belong to its engine."""

    emit: Callable[[Output], None]
    interrupts: Interrupts
    end_runtime: Callable[[], None]
    running_count = 0
    last_error: ErrorOutput | None = None
    result_failed = False
    hidden_files: frozenset[str] = frozenset()

    display_pub_class = Type(NotebookPublisher)
    displayhook_class = Type(NotebookDisplayHook)
    exiter = AnyTrait()
    kernel: KernelOfWidgets

    @classmethod
    def create(
        cls,
        emit: Callable[[Output], None],
        interrupts: Interrupts,
        hidden_files: frozenset[str],
        *,
        end_runtime: Callable[[], None],
        programs: bool,
    ) -> "NotebookShell":
        """Make the shell and let it be what `get_ipython()` returns, in place of an earlier one."""
        config = Config()
        config.HistoryManager.enabled = False
        NotebookShell.clear_instance()
        InteractiveShell.clear_instance()
        shell = cls.instance(config=config)
        shell.emit = emit
        shell.interrupts = interrupts
        shell.hidden_files = hidden_files
        shell.end_runtime = end_runtime
        shell.kernel = KernelOfWidgets()
        shell.Completer.use_jedi = False  # it takes up to seconds, and knows less of what runs than the namespace itself
        shell.exiter = _Exiter(shell)
        shell.user_ns["exit"] = shell.user_ns["quit"] = shell.exiter
        shell.user_ns_hidden["exit"] = shell.user_ns_hidden["quit"] = shell.exiter
        shell.set_hook("show_in_pager", _show_in_cell, 99)
        formatter: Any = shell.display_formatter  # a trait, which is filled by now
        formatter.formatters["text/plain"].for_type(str, _show_string)
        # a cell is whole: with this flag what lacks a bracket is an _IncompleteInputError (typeshed does not know the flag)
        shell.compile.flags &= ~codeop.PyCF_ALLOW_INCOMPLETE_INPUT  # pyright: ignore[reportAttributeAccessIssue]
        if programs:
            shell.magics_manager.register_function(_pip, "line", "pip")
        else:
            _refuse_programs(shell)
            shell.input_transformers_cleanup.append(await_micropip)
        _attach_loaded_matplotlib(shell)
        warnings.filterwarnings("ignore", message=_NEVER_SHOWN)  # it is shown on SystemExit, and not true here
        return shell

    def init_events(self) -> None:
        """Make the events, with what IPython itself registers."""
        super().init_events()
        self.events = _Events(self, available_events)
        self.events.register("pre_execute", self._clear_warning_registry)

    async def install_in_page(self, requirements: list[str]) -> None:
        """Do what a `%pip install` line is rewritten to, where micropip installs."""
        await install_in_page(requirements)

    def init_display_formatter(self) -> None:
        """Make the formatter."""
        self.display_formatter = QuickFormatter(parent=self)
        self.configurables.append(self.display_formatter)  # pyright: ignore[reportArgumentType]  # its list is typed by its first item

    async def run_code(self, code_obj: Any, result: Any = None, *, async_: bool = False) -> bool:
        """Run compiled code of the cell, unless an interrupt came before it."""
        self.interrupts.deliver()
        return await super().run_code(code_obj, result, async_=async_)

    def ask_exit(self) -> None:
        """End the runtime politely, as user code asks for it."""
        self.end_runtime()

    def enable_gui(self, gui: str | None = None) -> None:
        """Accept the inline backend; a window system is not there."""
        if gui not in (None, "inline"):
            raise UsageError(f"no window can be opened from a notebook: use %matplotlib inline instead of {gui}")

    def set_next_input(self, s: str, replace: bool = False) -> None:
        """Show code that `%load` and others would put into a cell."""
        print(f"# to be put into a cell:\n{s.rstrip()}")

    def system_piped(self, cmd: str) -> None:
        """Run a `!command`."""
        if not commands.terminals_exist():
            super().system_piped(cmd)
            return
        # depth: the names of the cell that called `!` are two frames up
        status = commands.run_command(self.var_expand(cmd, depth=1), sys.stdout.write)
        self.user_ns["_exit_code"] = status
        if getattr(self, "system_raise_on_error", False) and status != 0:  # IPython 8 lacks it
            from subprocess import CalledProcessError  # only where there are processes

            raise CalledProcessError(status, cmd)

    system = system_piped

    def showtraceback(
        self,
        exc_tuple: Any = None,
        filename: str | None = None,
        tb_offset: int | None = None,
        exception_only: bool = False,
        running_compiled_code: bool = False,
    ) -> None:
        """Emit the exception without frames of the engine; IPython formats it."""
        try:
            kind, error, tb = self._get_exc_info(exc_tuple)
        except ValueError:
            kind = error = tb = None
        if kind is None or error is None:
            print("No traceback available to show.", file=sys.stderr)
            return
        tb = tracebacks.trim(tb, self.hidden_files)
        if exception_only or issubclass(kind, (SyntaxError, UsageError)):
            super().showtraceback((kind, error, tb), filename, tb_offset, exception_only, running_compiled_code)
            return
        self._showtraceback(kind, error, self._traceback_lines(kind, error, tb, tb_offset))

    def _traceback_lines(self, kind: Any, error: BaseException, tb: Any, tb_offset: int | None) -> Any:
        if isinstance(error, KeyboardInterrupt) and self.interrupts.requested:
            return self._brief_lines(kind, error, tb)
        if not tracebacks.contains_group(error):
            try:
                if hasattr(error, "_render_traceback_"):  # IPython's protocol for exceptions that show themselves
                    return error._render_traceback_()  # pyright: ignore[reportAttributeAccessIssue]  # as the line above says
                return self.InteractiveTB.structured_traceback(kind, error, tb, tb_offset=tb_offset)
            except Exception as problem:  # IPython's formatter reads source files and user objects, which may do anything
                print(f"the traceback is shown plainly, formatting it raised {type(problem).__name__}", file=sys.stderr)
        return tracebacks.standard_lines(error, tracebacks.skip_outer(tb, _SHELL_FILE))

    def _brief_lines(self, kind: Any, error: BaseException, tb: Any) -> Any:
        # who stops a cell wants it stopped, and to see where it was: the lines around would take 8 ms
        formatter = self.InteractiveTB
        mode = formatter.mode
        formatter.set_mode("Plain")
        try:
            return formatter.structured_traceback(kind, error, tracebacks.skip_outer(tb, _SHELL_FILE), tb_offset=0)
        finally:
            formatter.set_mode(mode)

    def show_usage_error(self, exc: BaseException) -> None:
        """Emit the mistake in using a magic, one line."""
        self._showtraceback(UsageError, exc, [f"UsageError: {tracebacks.text_of(exc)}"])

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException | None, stb: Any) -> None:
        lines = tracebacks.clean_lines(stb)
        error = ErrorOutput(name=clean_text(etype.__name__), value=tracebacks.text_of(evalue), traceback=lines)
        self.last_error = error
        self.emit(error)

    def _format_exception_for_storage(self, exception: BaseException, *_rest: Any, **_keywords: Any) -> dict[str, Any]:
        # IPython 9 formats every traceback a second time for its history, which is off
        return {"ename": type(exception).__name__, "evalue": tracebacks.text_of(exception), "traceback": []}


_SHELL_FILE = sys.modules[InteractiveShell.__module__].__file__ or ""


def _attach_loaded_matplotlib(shell: NotebookShell) -> None:
    # the inline backend attaches itself to the shell it is first imported under; this is for a later shell of the process
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if inline is not None:
        inline.configure_inline_support.current_backend = "unset"
        inline.configure_inline_support(shell, "inline")


def _refuse_programs(shell: NotebookShell) -> None:
    def refuse(*_arguments: object, **_keywords: object) -> NoReturn:
        raise UsageError(commands.NO_PROGRAMS)

    for method in ("system", "system_piped", "system_raw", "getoutput"):
        setattr(shell, method, refuse)
    for magic in shell.magics_manager.registry["ScriptMagics"].magics["cell"]:
        shell.magics_manager.register_function(refuse, "cell", magic)


def _show_string(value: str, printer: Any, _cycle: bool) -> None:
    """Show a string's repr, which is one line: IPython's own way looks for others in it, which takes a while in 10 MB."""
    printer.text(repr(value))


def _pip(line: str) -> None:
    """Install packages into the interpreter that runs this notebook: `%pip install NAME`."""
    shell = NotebookShell.instance()

    def run(command: str) -> int:
        shell.system(command)
        return int(shell.user_ns.get("_exit_code") or 0)

    run_pip(line, run, lambda text: print(text, end=""))


def _show_in_cell(shell: NotebookShell, data: Any, start: int = 0, screen_lines: int = 0) -> None:
    """Stand in for a pager: `name?` and `%page` show their text in the cell."""
    bundle = data if isinstance(data, dict) else {"text/plain": data}
    shell.display_pub.publish(bundle)


def _report(problems: list[str]) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)
