"""Event definitions: what can be said about a notebook, one frozen dataclass a fact.

An event's wire name is `v1.` and the class name; its args are the fields in camelCase, in this order, with absent
optional fields left out. The class alone drives validation, the SQL parameters and the TypeScript types. A changed
meaning is a new class with a new version; old ones stay readable for ever.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NewType

from .ids import ActorId, BatchId, CellId, ExecutionId, OutputId, RequestId, RuntimeId, RuntimeSessionId
from .media import Bundle
from .outputs import StreamName

JsonText = NewType("JsonText", str)
"""A JSON value as text: stored and passed on as it is, never reparsed on the way."""

CellType = Literal["code", "markdown", "raw", "sql", "ai"]
SessionStatus = Literal["ready", "restarting"]
TerminationReason = Literal["shutdown", "lost", "crashed", "restart", "evicted"]
FinishStatus = Literal["ok", "error", "cancelled"]
ActorKind = Literal["human", "runtime", "ai"]


class Event:
    """Root of all events; `version` is the number in the wire name."""

    __slots__ = ()
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookMetadataSet(Event):
    """One key of the notebook's metadata has this value: `title`, or `metadata.` and a key of the file's."""

    key: str
    value: JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class CellCreated(Event):
    """A cell stands at `position`, a fractional index; its author is the envelope's client."""

    cell_id: CellId
    cell_type: CellType
    position: str
    source: str
    metadata: JsonText | None = None
    attachments: JsonText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSourceSet(Event):
    """The whole source of a cell is this text."""

    cell_id: CellId
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTypeSet(Event):
    """The cell is of this type."""

    cell_id: CellId
    cell_type: CellType


@dataclass(frozen=True, slots=True, kw_only=True)
class CellMoved(Event):
    """The cell stands at another position."""

    cell_id: CellId
    position: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDeleted(Event):
    """The cell, its outputs and its queued executions are gone."""

    cell_id: CellId


@dataclass(frozen=True, slots=True, kw_only=True)
class CellMetadataSet(Event):
    """The cell's whole metadata is this object."""

    cell_id: CellId
    metadata: JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class CellVisibilitySet(Event):
    """What of the cell is shown to people and to AI; an absent flag is unchanged."""

    cell_id: CellId
    source: bool | None = None
    output: bool | None = None
    ai_context: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSessionStarted(Event):
    """A runtime agent asks to be the notebook's runtime; accepted or refused by rule 1.

    `capabilities` are the cell types it runs; `replaces` is the active session its starter saw; `lost_after_ms` is how
    long its connection may be gone before its work is given up.
    """

    session_id: RuntimeSessionId
    replaces: RuntimeSessionId | None = None
    runtime_id: RuntimeId
    runtime_type: str
    capabilities: tuple[CellType, ...]
    info: JsonText
    lost_after_ms: int
    started_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSessionStatusSet(Event):
    """The session can run cells, or is restarting its engine."""

    session_id: RuntimeSessionId
    status: SessionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSessionUnreachable(Event):
    """The authority has not heard of the session's agent for the lease time; ends nothing."""

    session_id: RuntimeSessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSessionResumed(Event):
    """The authority hears of an unreachable session again."""

    session_id: RuntimeSessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSessionTerminated(Event):
    """The session is over: its queue is unassigned, what it was running is lost."""

    session_id: RuntimeSessionId
    reason: TerminationReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRequested(Event):
    """Somebody wants this source of this cell to run; the source is what that person saw."""

    execution_id: ExecutionId
    cell_id: CellId
    source: str
    requested_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One execution of a batch."""

    execution_id: ExecutionId
    cell_id: CellId
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionBatchRequested(Event):
    """Several executions in order; with `stop_on_error` a failing one cancels those behind it."""

    batch_id: BatchId
    stop_on_error: bool
    items: tuple[BatchItem, ...]
    requested_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStarted(Event):
    """The session is about to run the execution; user code waits for this event's receipt."""

    execution_id: ExecutionId
    session_id: RuntimeSessionId
    execution_count: int
    started_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFinished(Event):
    """The execution ended; a cell that raised is `error`, never `ok`."""

    execution_id: ExecutionId
    session_id: RuntimeSessionId
    status: FinishStatus
    error_name: str | None = None
    error_value: str | None = None
    finished_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionCancelRequested(Event):
    """Somebody wants one execution, or with `all` every open one, to end."""

    execution_id: ExecutionId | None = None
    all: bool | None = None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAppended(Event):
    """Chunk `n` of a text output; the first one makes the output."""

    output_id: OutputId
    execution_id: ExecutionId
    session_id: RuntimeSessionId
    stream: StreamName
    n: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayAdded(Event):
    """A rich output; with a known `display_id` the earlier outputs of that id show it too."""

    output_id: OutputId
    execution_id: ExecutionId
    session_id: RuntimeSessionId
    display_id: str | None = None
    bundle: Bundle
    metadata: JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayUpdated(Event):
    """Every output with this display id, in any cell, shows this bundle."""

    display_id: str
    execution_id: ExecutionId
    session_id: RuntimeSessionId
    bundle: Bundle
    metadata: JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultAdded(Event):
    """The value of the cell's last expression."""

    output_id: OutputId
    execution_id: ExecutionId
    session_id: RuntimeSessionId
    execution_count: int
    bundle: Bundle
    metadata: JsonText


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAdded(Event):
    """An exception, shown; the execution's own end is ExecutionFinished."""

    output_id: OutputId
    execution_id: ExecutionId
    session_id: RuntimeSessionId
    name: str
    value: str
    traceback: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkdownAppended(Event):
    """Chunk `n` of a markdown output, as an AI answer streams it."""

    output_id: OutputId
    execution_id: ExecutionId
    session_id: RuntimeSessionId
    n: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputsCleared(Event):
    """The runtime cleared the cell's outputs, or with `wait` will when the next output comes."""

    execution_id: ExecutionId
    session_id: RuntimeSessionId
    wait: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOutputsCleared(Event):
    """A person cleared the cell's outputs."""

    cell_id: CellId


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRequested(Event):
    """Running code waits for a line of text from a person."""

    request_id: RequestId
    execution_id: ExecutionId
    session_id: RuntimeSessionId
    prompt: str
    password: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InputReplied(Event):
    """The line; a password's never stands here: it goes over the live channel and `value` is absent."""

    request_id: RequestId
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorSet(Event):
    """Name and picture of somebody who acts in the notebook."""

    actor_id: ActorId
    kind: ActorKind
    name: str
    avatar: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePut(Event):
    """The notebook holds a file; its bytes are the artifact of that hash."""

    path: str
    sha256: str
    mime_type: str
    size_bytes: int
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDeleted(Event):
    """The notebook no longer holds that file."""

    path: str


EVENT_TYPES: tuple[type[Event], ...] = (
    NotebookMetadataSet,
    CellCreated,
    CellSourceSet,
    CellTypeSet,
    CellMoved,
    CellDeleted,
    CellMetadataSet,
    CellVisibilitySet,
    RuntimeSessionStarted,
    RuntimeSessionStatusSet,
    RuntimeSessionUnreachable,
    RuntimeSessionResumed,
    RuntimeSessionTerminated,
    ExecutionRequested,
    ExecutionBatchRequested,
    ExecutionStarted,
    ExecutionFinished,
    ExecutionCancelRequested,
    StreamAppended,
    DisplayAdded,
    DisplayUpdated,
    ResultAdded,
    ErrorAdded,
    MarkdownAppended,
    OutputsCleared,
    CellOutputsCleared,
    InputRequested,
    InputReplied,
    ActorSet,
    FilePut,
    FileDeleted,
)
"""Every event definition, in the order of SCHEMA: the generator and the hashes follow it."""

SERVER_ONLY: tuple[type[Event], ...] = (RuntimeSessionUnreachable, RuntimeSessionResumed)
"""Events that only an authority commits; it rejects them from anybody else as `forbidden`."""

RULE_BOUND: tuple[type[Event], ...] = (RuntimeSessionStarted, RuntimeSessionStatusSet, ExecutionStarted)
"""Events that assume the committer derives the same state: rejected with `upgrade` under other rules, dropped from a dead life."""


def wire_name(event: type[Event] | Event) -> str:
    """Give the versioned name an event has on the wire, such as `v1.CellCreated`."""
    kind = event if isinstance(event, type) else type(event)
    return f"v{kind.version}.{kind.__name__}"


def camel_case(name: str) -> str:
    """Turn `cell_id` into `cellId`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
