"""What running code emits, before it becomes events: the vocabulary between an engine and whoever drives it.

Jupyter's output types with one narrowing: every value of a MIME bundle is a string. Text is itself, binary is
base64, anything `+json` is JSON text. So a bundle crosses pipes, workers and languages without being reparsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

StreamName = Literal["stdout", "stderr"]
ReplyStatus = Literal["ok", "error", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamText:
    """Text written to stdout or stderr; `text` is never empty and may hold part of a line."""

    stream: StreamName
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayData:
    """A MIME bundle to show; with a `display_id` it also replaces every earlier display of that id."""

    bundle: Mapping[str, str]
    metadata: str = "{}"
    display_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayUpdate:
    """A new bundle for every display of `display_id`, in any cell; adds no output."""

    display_id: str
    bundle: Mapping[str, str]
    metadata: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteResult:
    """The value of a cell's last expression."""

    execution_count: int
    bundle: Mapping[str, str]
    metadata: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorOutput:
    """An exception of user code; `traceback` lines may hold ANSI colours."""

    name: str
    value: str
    traceback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearOutput:
    """Remove the cell's outputs: at once, or with `wait` when the next output comes."""

    wait: bool = False


Output = StreamText | DisplayData | DisplayUpdate | ExecuteResult | ErrorOutput | ClearOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteReply:
    """How one execution ended; the names of an error stand beside the ErrorOutput that was emitted."""

    status: ReplyStatus
    error_name: str | None = None
    error_value: str | None = None
