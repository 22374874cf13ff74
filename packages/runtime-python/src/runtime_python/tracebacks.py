"""Formats exceptions of user code: IPython's coloured tracebacks, without frames of ours at either end."""

import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from .bundles import clean_text

OURS = str(Path(__file__).parent)


def trim(tb: TracebackType | None, also: frozenset[str] = frozenset()) -> TracebackType | None:
    """Cut the frames of the engine, and of the files in `also`, off the innermost end, where interrupts and input() raise."""
    kept: TracebackType | None = None
    current = tb
    while current is not None:
        filename = current.tb_frame.f_code.co_filename
        if not filename.startswith(OURS) and filename not in also:
            kept = current
        current = current.tb_next
    if kept is None:
        return tb
    kept.tb_next = None
    return tb


def skip_outer(tb: TracebackType | None, filename: str) -> TracebackType | None:
    """Drop the outermost frames that belong to `filename`."""
    while tb is not None and tb.tb_frame.f_code.co_filename == filename:
        tb = tb.tb_next
    return tb


def standard_lines(error: BaseException, tb: TracebackType | None) -> list[str]:
    """Format as the interpreter does: for exception groups, which IPython's formatter does not know."""
    return "".join(traceback.format_exception(type(error), error, tb)).rstrip("\n").split("\n")


def text_of(error: object) -> str:
    """The message of an exception, whatever its `__str__` does."""
    try:
        return clean_text(str(error))
    except Exception as problem:  # user code's __str__ may raise anything
        return f"<its text cannot be shown: {type(problem).__name__}>"


def contains_group(error: BaseException | None, seen: frozenset[int] = frozenset()) -> bool:
    """Whether an exception group is the error or one of those that led to it."""
    if error is None or id(error) in seen:
        return False
    known = seen | {id(error)}
    return isinstance(error, BaseExceptionGroup) or contains_group(error.__context__, known) or contains_group(error.__cause__, known)


def clean_lines(lines: Any) -> tuple[str, ...]:
    """Make what a `_render_traceback_` hook or a formatter returned into lines of text."""
    if isinstance(lines, str):
        lines = lines.split("\n")
    return tuple(clean_text(str(line)) for line in lines)
