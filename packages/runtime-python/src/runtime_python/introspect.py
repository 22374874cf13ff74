"""Completion and inspection of code, by IPython's own machinery; also from another thread while a cell runs."""

# IPython is typed in part only:
# pyright: reportUnknownMemberType=false

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from IPython.core.completer import provisionalcompleter, rectify_completions
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.tokenutil import token_at_cursor

from .bundles import encode_bundle

_TRIES = 3
"""A cell may change a dict that is walked here, which raises RuntimeError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completions:
    """What may stand between `start` and `end` (offsets in characters) of the code, best first, with the kind of each."""

    matches: tuple[tuple[str, str], ...]
    start: int
    end: int


def complete(shell: InteractiveShell, code: str, cursor: int) -> Completions:
    """Complete at a cursor, an offset in characters."""
    for _ in range(_TRIES):
        with suppress(RuntimeError), provisionalcompleter():
            found = list(rectify_completions(code, shell.Completer.completions(code, cursor)))
            break
    else:
        found = []
    if not found:
        return Completions(matches=(), start=cursor, end=cursor)
    kinds = {completion.text: completion.type or "" for completion in reversed(found)}
    matches = tuple((text, kinds[text]) for text in dict.fromkeys(completion.text for completion in found))
    return Completions(matches=matches, start=found[0].start, end=found[0].end)


def inspect(shell: InteractiveShell, code: str, cursor: int) -> Mapping[str, str] | None:
    """Describe the object whose name is at the cursor: a MIME bundle, or None when there is no such object."""
    try:
        data = shell.object_inspect_mime(token_at_cursor(code, cursor), detail_level=0)
    except KeyError:
        return None
    bundle, _ = encode_bundle(data)
    return bundle
