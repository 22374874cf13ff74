"""Keeps what one of our engines shows of a snippet, in the words of contract/snippet_files.py."""

import json
from collections.abc import Callable, Sequence
from typing import Any, assert_never, final

from runtime_core.errors import EngineDiedError, InputUnavailableError
from runtime_core.ports import Engine, EngineSink
from runtime_schema.live import CommMessage
from runtime_schema.outputs import ClearOutput, DisplayData, DisplayUpdate, ErrorOutput, ExecuteResult, Output, StreamText


@final
class SnippetSink(EngineSink):
    """A sink that is one notebook, and the person before it."""

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self._cells: dict[str, dict[str, Any]] = {}  # Any: a run is JSON
        self._ended = ""

    async def run(self, engine: Engine, sources: Sequence[str], *, after_each: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Run cells until one is the last, and tell how they went."""
        for count, source in enumerate(sources, 1):
            execution_id = f"e{count}"
            cell = self._cells[execution_id] = {"status": "none", "outputs": []}
            try:
                cell["status"] = (await engine.execute(execution_id, source, count)).status
            except EngineDiedError:
                self._ended = "died"
                break
            after_each()
        return {"cells": list(self._cells.values()), **({"ended": self._ended} if self._ended else {})}

    def emit(self, execution_id: str, output: Output) -> None:
        self._cells[execution_id]["outputs"].append(as_json(output))

    async def ready(self) -> None:
        pass

    async def read_input(self, execution_id: str, prompt: str, password: bool) -> str:
        return self.answer(execution_id, prompt, password)

    def answer(self, execution_id: str, prompt: str, password: bool) -> str:
        """Answer as the snippet's file says."""
        self._cells[execution_id].setdefault("asks", []).append([prompt, "password" if password else "text"])
        if not self._answers:
            raise InputUnavailableError("the snippet has no answer")
        return self._answers.pop(0)

    def comm(self, execution_id: str, message: CommMessage) -> None:
        told: dict[str, Any] = {"kind": message.kind, "comm_id": message.comm_id}
        if message.target_name is not None:
            told["target_name"] = message.target_name
        self._cells[execution_id].setdefault("comms", []).append({**told, "data": dict(message.data)})

    def exit(self) -> None:
        self._ended = "asked to"

    def died(self, reason: str) -> None:
        self._ended = "died"


def as_json(output: Output) -> dict[str, Any]:
    """Write an output as a recording has it."""
    match output:
        case StreamText(stream=stream, text=text):
            return {stream: text}
        case DisplayData(bundle=bundle, metadata=metadata, display_id=display_id):
            shown = {"display": _values(bundle), "metadata": json.loads(metadata)}
            return shown if display_id is None else {**shown, "id": display_id}
        case DisplayUpdate(bundle=bundle, metadata=metadata, display_id=display_id):
            return {"update": _values(bundle), "metadata": json.loads(metadata), "id": display_id}
        case ExecuteResult(bundle=bundle, metadata=metadata, execution_count=count):
            return {"result": _values(bundle), "metadata": json.loads(metadata), "count": count}
        case ErrorOutput(name=name, value=value, traceback=lines):
            return {"error": name, "value": value, "traceback": "\n".join(lines)}
        case ClearOutput(wait=wait):
            return {"clear": "wait" if wait else "now"}
        case _:
            assert_never(output)


def _values(bundle: Any) -> dict[str, Any]:
    return {kind: json.loads(value) if kind.endswith(("/json", "+json")) else value for kind, value in bundle.items()}
