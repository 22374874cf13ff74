"""What a handler holds while it runs one execution: what to run, outputs, input, cancellation.

Every output method commits before it returns, so outputs stand in the order of the calls. They work after the
execution's end too (background output), until the session is over: then they are dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, assert_never, final

from runtime_schema.events import (
    DisplayAdded,
    DisplayUpdated,
    ErrorAdded,
    Event,
    InputReplied,
    InputRequested,
    JsonText,
    MarkdownAppended,
    OutputsCleared,
    ResultAdded,
    StreamAppended,
)
from runtime_schema.ids import CellId, ExecutionId, OutputId, RequestId, RuntimeSessionId
from runtime_schema.json_text import Json
from runtime_schema.media import Bundle
from runtime_schema.outputs import (
    ClearOutput,
    DisplayData,
    DisplayUpdate,
    ErrorOutput,
    ExecuteReply,
    ExecuteResult,
    Output,
    StreamName,
    StreamText,
)
from runtime_schema.queries import INPUT_REQUEST, ExecutionRow, InputRequestRow

from .coalesce import Chunk, TextCoalescer
from .errors import ExecutionCancelledError, InputUnavailableError
from .media import DISPLAY_ID_LIMIT, TEXT_LIMIT_BYTES, clean_text, cut_error, cut_text, encoded_size, make_bundle, make_metadata
from .options import MIB, RuntimeAgentOptions
from .outbox import Outbox
from .ports import ArtifactStore, Clock, IdSource, LiveMessage, Store


class Cell(NamedTuple):
    """The cell as it was requested; its source may have changed since."""

    id: CellId
    cell_type: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPorts:
    """What an agent was given, for all its sessions and contexts."""

    store: Store
    artifacts: ArtifactStore
    clock: Clock
    ids: IdSource
    options: RuntimeAgentOptions
    passwords: "PasswordReplies"


class PasswordReplies:
    """Who waits for a password: replies come over the live channel, never through the log, and are never logged."""

    def __init__(self) -> None:
        self._waiting: dict[str, Callable[[str], None]] = {}

    def expect(self, request_id: str, answer: Callable[[str], None]) -> None:
        """Call `answer` with the reply to this request."""
        self._waiting[request_id] = answer

    def forget(self, request_id: str) -> None:
        """Stop waiting."""
        self._waiting.pop(request_id, None)

    async def receive(self, message: LiveMessage) -> Json:
        """Take an `input.reply`."""
        data = message.data
        if not isinstance(data, dict) or not isinstance(value := data.get("value"), str):
            return {"ok": False, "problem": "input.reply needs requestId and value"}
        answer = self._waiting.pop(str(data.get("requestId")), None)
        if answer is None:
            return {"ok": False, "problem": "nothing waits for this reply any more"}
        answer(value)
        return {"ok": True}


@final
class MarkdownOutput:
    """A markdown output that grows, as an AI answer does."""

    def __init__(self, output_id: OutputId, write: "Callable[[MarkdownOutput, str], None]") -> None:
        self.output_id = output_id
        self.chunks = 0
        self._write = write

    def append(self, text: str) -> None:
        """Add to its end."""
        self._write(self, text)


@dataclass(slots=True)
class _OpenStream:
    """The stream output that more text of the same stream continues."""

    stream: StreamName
    output_id: OutputId
    chunks: int = 0


_TextKey = StreamName | MarkdownOutput

RuntimeHandler = Callable[["ExecutionContext"], Awaitable[ExecuteReply | None]]
"""Runs one execution: None is `ok`; raising is `error`, shown in the cell."""


@final
class ExecutionContext:
    """One execution, as its handler sees it. Used on the agent's event loop only."""

    def __init__(self, execution: ExecutionRow, session_id: RuntimeSessionId, outbox: Outbox, ports: AgentPorts) -> None:
        self.execution_id = ExecutionId(execution.id)
        self.cell = Cell(CellId(execution.cell_id), execution.cell_type or "code", execution.source)
        self.execution_count = execution.execution_count or 0
        self.requested_by = execution.requested_by
        self.session_id = session_id
        self.cancel_reason: str | None = None
        self._outbox = outbox
        self._ports = ports
        self._cancelled = asyncio.Event()
        self._text: TextCoalescer[_TextKey] = TextCoalescer(ports.options.coalesce)
        self._flusher: asyncio.Task[None] | None = None
        self._stream: _OpenStream | None = None
        self._dropped_bytes = self._dropped_outputs = 0

    # --- outputs

    def stdout(self, text: str) -> None:
        """Write to the cell's standard output. Not a line: ends of lines are the writer's."""
        self._write("stdout", text)

    def stderr(self, text: str) -> None:
        """Write to the cell's standard error."""
        self._write("stderr", text)

    def display(self, bundle: Mapping[str, str], metadata: str = "{}", display_id: str | None = None) -> None:
        """Show a MIME bundle: text as it is, binary as base64, `+json` as JSON text; `metadata` is a JSON object as text.

        With a `display_id` earlier displays of that id show it too.
        """
        shown, meta = self._prepare(bundle, metadata)
        output_id, execution_id, session_id = self._output()
        event = DisplayAdded(
            output_id=output_id,
            execution_id=execution_id,
            session_id=session_id,
            display_id=display_id and _bounded(display_id),
            bundle=shown,
            metadata=meta,
        )
        self._commit(event, _size(shown))

    def update_display(self, display_id: str, bundle: Mapping[str, str], metadata: str = "{}") -> None:
        """Change every display of that id, in any cell."""
        shown, meta = self._prepare(bundle, metadata)
        event = DisplayUpdated(
            display_id=_bounded(display_id), execution_id=self.execution_id, session_id=self.session_id, bundle=shown, metadata=meta
        )
        self._commit(event, _size(shown))

    def result(self, bundle: Mapping[str, str], metadata: str = "{}", execution_count: int | None = None) -> None:
        """Show the value of the cell; by default under this execution's count."""
        shown, meta = self._prepare(bundle, metadata)
        output_id, execution_id, session_id = self._output()
        count = self.execution_count if execution_count is None else execution_count
        event = ResultAdded(
            output_id=output_id, execution_id=execution_id, session_id=session_id, execution_count=count, bundle=shown, metadata=meta
        )
        self._commit(event, _size(shown))

    def error(self, name: str, value: str, traceback: Sequence[str] = ()) -> None:
        """Show an exception. The execution fails only by its handler's reply, or when the handler raises."""
        self.flush()
        name, value, lines = cut_error(name, value, tuple(traceback))
        output_id, execution_id, session_id = self._output()
        event = ErrorAdded(output_id=output_id, execution_id=execution_id, session_id=session_id, name=name, value=value, traceback=lines)
        self._commit(event, encoded_size(value) + sum(map(encoded_size, lines)))

    def markdown(self, text: str = "") -> MarkdownOutput:
        """Add a markdown output, which the returned handle appends to."""
        output = MarkdownOutput(self._new_output_id(), self._write)
        output.append(text)
        return output

    def clear(self, wait: bool = False) -> None:
        """Remove the cell's outputs: now, or with `wait` when the next output comes."""
        self.flush()
        self._stream = None
        self._commit(OutputsCleared(execution_id=self.execution_id, session_id=self.session_id, wait=wait))

    def emit(self, output: Output) -> None:
        """Take an output as engines describe it."""
        match output:
            case StreamText(stream=stream, text=text):
                self._write(stream, text)
            case DisplayData() | DisplayUpdate() | ExecuteResult() if self._outbox.overflows:
                self._dropped_outputs += 1
            case DisplayData(bundle=bundle, metadata=metadata, display_id=display_id):
                self.display(bundle, metadata, display_id)
            case DisplayUpdate(display_id=display_id, bundle=bundle, metadata=metadata):
                self.update_display(display_id, bundle, metadata)
            case ExecuteResult(execution_count=count, bundle=bundle, metadata=metadata):
                self.result(bundle, metadata, count)
            case ErrorOutput(name=name, value=value, traceback=traceback):
                self.error(name, value, traceback)
            case ClearOutput(wait=wait):
                self.clear(wait)
            case _:
                assert_never(output)

    async def ready(self) -> None:
        """Wait while too much output is on its way: a handler that makes a lot awaits this now and then."""
        await self._outbox.ready()

    def flush(self) -> None:
        """Commit the text that was gathered, and say how much was dropped, if any was."""
        now = self._ports.clock.monotonic()
        self._append(self._text.flush(now))
        if self._dropped_bytes or self._dropped_outputs:
            others = f" and {self._dropped_outputs} other outputs" if self._dropped_outputs else ""
            note = f"\n[{self._dropped_bytes / MIB:.1f} MiB of text{others} were dropped here: the notebook could not take them in time]\n"
            self._dropped_bytes = self._dropped_outputs = 0
            self._append([Chunk("stderr", note, encoded_size(note))])

    # --- input

    async def input(self, prompt: str = "", *, password: bool = False) -> str:
        """Ask the people in the notebook for a line; a password's never enters the log.

        Raises:
            ExecutionCancelledError: The execution is being cancelled.
            InputUnavailableError: The request was closed without a reply.
        """
        self.check_cancelled()
        self.flush()
        ports = self._ports
        request_id = RequestId(ports.ids.new_id())
        reply: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def answer(value: str) -> None:
            if not reply.done():
                reply.set_result(value)

        def see(rows: Sequence[InputRequestRow]) -> None:
            for row in rows:
                if row.status == "answered" and row.value is not None:
                    answer(row.value)
                elif row.status == "closed" and not reply.done():
                    reply.set_exception(InputUnavailableError("the execution ended before anybody answered"))

        if password:
            ports.passwords.expect(request_id, answer)
        shown = cut_text(clean_text(prompt), TEXT_LIMIT_BYTES)
        self._commit(
            InputRequested(
                request_id=request_id, execution_id=self.execution_id, session_id=self.session_id, prompt=shown, password=password
            )
        )
        unsubscribe = ports.store.subscribe(INPUT_REQUEST, see, {"requestId": request_id}, confirmed=True)
        cancelled = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait({reply, cancelled}, return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                self.check_cancelled()
            value = reply.result()
            if password:
                self._commit(InputReplied(request_id=request_id))
            return value
        finally:
            unsubscribe()
            cancelled.cancel()
            ports.passwords.forget(request_id)

    # --- cancellation

    @property
    def cancelled(self) -> bool:
        """Whether somebody wants this execution to end."""
        return self._cancelled.is_set()

    def check_cancelled(self) -> None:
        """Leave the handler when the execution is being cancelled.

        Raises:
            ExecutionCancelledError: It is.
        """
        if self.cancelled:
            raise ExecutionCancelledError(self.execution_id, self.cancel_reason or "")

    async def wait_cancelled(self) -> str:
        """Wait until somebody wants this execution to end; returns the reason."""
        await self._cancelled.wait()
        return self.cancel_reason or ""

    def cancel(self, reason: str) -> None:
        """Tell the handler that its execution is being cancelled: the agent's to call."""
        if not self.cancelled:
            self.cancel_reason = reason
            self._cancelled.set()

    # --- text

    def _write(self, key: _TextKey, text: str) -> None:
        ports = self._ports
        if not text or self._outbox.closed:
            return
        if self._outbox.overflows:
            self._dropped_bytes += len(text)
            return
        if self._dropped_bytes or self._dropped_outputs:
            self.flush()
        self._append(self._text.add(key, text, ports.clock.monotonic()))
        if self._flusher is None and self._text.due is not None:
            self._flusher = asyncio.ensure_future(self._flush_when_due())

    async def _flush_when_due(self) -> None:
        clock = self._ports.clock
        while (due := self._text.due) is not None:
            await clock.sleep(max(0.0, due - clock.monotonic()))
            self._append(self._text.tick(clock.monotonic()))
        self._flusher = None

    def _append(self, chunks: Sequence[Chunk[_TextKey]]) -> None:
        for key, text, size_bytes in chunks:
            self._outbox.commit(self._text_event(key, text), size_bytes)

    def _text_event(self, key: _TextKey, text: str) -> StreamAppended | MarkdownAppended:
        if isinstance(key, MarkdownOutput):
            self._stream = None
            key.chunks += 1
            return MarkdownAppended(
                output_id=key.output_id, execution_id=self.execution_id, session_id=self.session_id, n=key.chunks - 1, text=text
            )
        if self._stream is None or self._stream.stream != key:
            self._stream = _OpenStream(key, self._new_output_id())
        self._stream.chunks += 1
        return StreamAppended(
            output_id=self._stream.output_id,
            execution_id=self.execution_id,
            session_id=self.session_id,
            stream=key,
            n=self._stream.chunks - 1,
            text=text,
        )

    # --- events

    def _prepare(self, bundle: Mapping[str, str], metadata: str) -> tuple[Bundle, JsonText]:
        self.flush()
        return make_bundle(bundle, self._ports.artifacts, self._ports.options.inline_limit_bytes), make_metadata(metadata)

    def _output(self) -> tuple[OutputId, ExecutionId, RuntimeSessionId]:
        self._stream = None
        return self._new_output_id(), self.execution_id, self.session_id

    def _new_output_id(self) -> OutputId:
        return OutputId(self._ports.ids.new_id())

    def _commit(self, event: Event, size_bytes: int = 0) -> None:
        self._outbox.commit(event, size_bytes)


def _size(bundle: Bundle) -> int:
    return sum(encoded_size(part["data"]) for part in bundle.values() if part["type"] == "inline")


def _bounded(display_id: str) -> str:
    return clean_text(display_id)[:DISPLAY_ID_LIMIT]
