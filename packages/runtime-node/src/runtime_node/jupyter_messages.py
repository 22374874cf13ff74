"""Jupyter's messages as values, and what they mean in this project's vocabulary. Pure.

Source: "Messaging in Jupyter", protocol 5.5, https://jupyter-client.readthedocs.io/en/stable/messaging.html.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from runtime_schema.json_text import Json
from runtime_schema.live import CommKind, CommMessage
from runtime_schema.outputs import (
    ClearOutput,
    DisplayData,
    DisplayUpdate,
    ErrorOutput,
    ExecuteReply,
    ExecuteResult,
    Output,
    StreamText,
)

UNNAMED_ERROR = "Error"
"""For kernels that leave out the name, such as bash's, whose value is the exit status."""
_INTERRUPTED = ("interrupt", "cancel", "abort")
_COMM_KINDS: Mapping[str, CommKind] = {"comm_open": "open", "comm_msg": "msg", "comm_close": "close"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a kernel; `parent_id` is the request it belongs to, or empty."""

    kind: str
    parent_id: str
    content: Mapping[str, Json]
    metadata: Mapping[str, Json]
    buffers: tuple[bytes, ...] = ()


def to_output(message: Message, execution_count: int) -> Output | None:
    """Read an output; None when the message is none, or shows nothing."""
    content = message.content
    match message.kind:
        case "stream":
            written = text(content, "text")
            stream = "stderr" if content.get("name") == "stderr" else "stdout"
            return StreamText(stream=stream, text=written) if written else None
        case "display_data":
            return DisplayData(bundle=_bundle(content), metadata=_metadata(content), display_id=_display_id(content))
        case "update_display_data":
            display_id = _display_id(content)
            return (
                None if display_id is None else DisplayUpdate(display_id=display_id, bundle=_bundle(content), metadata=_metadata(content))
            )
        case "execute_result":
            return ExecuteResult(execution_count=execution_count, bundle=_bundle(content), metadata=_metadata(content))
        case "error":
            lines = content.get("traceback")
            traceback = tuple(str(line) for line in lines) if isinstance(lines, list) else ()
            return ErrorOutput(name=text(content, "ename") or UNNAMED_ERROR, value=text(content, "evalue"), traceback=traceback)
        case "clear_output":
            return ClearOutput(wait=content.get("wait") is True)
        case _:
            return None


def to_reply(content: Mapping[str, Json], *, interrupted: bool) -> ExecuteReply:
    """Read an `execute_reply`; `interrupted` says whether that execution was asked to stop."""
    status = content.get("status")
    if status == "ok":
        return ExecuteReply(status="ok")
    name, value = text(content, "ename"), text(content, "evalue")
    if interrupted and (status != "error" or any(word in name.lower() for word in _INTERRUPTED)):
        return ExecuteReply(status="cancelled")
    if status != "error":
        return ExecuteReply(status="error", error_name="Aborted", error_value="the kernel did not run this to its end")
    return ExecuteReply(status="error", error_name=name or UNNAMED_ERROR, error_value=value)


def payload_text(content: Mapping[str, Json]) -> str:
    """Join what an `execute_reply` asks a front end to show beside the outputs: pages of help, and code for the next cell."""
    shown: list[str] = []
    for payload in _payloads(content):
        data = payload.get("data")
        if payload.get("source") == "page" and isinstance(data, dict):
            shown.append(text(data, "text/plain"))
        elif payload.get("source") == "set_next_input":
            shown.append(text(payload, "text"))
    return "".join(part if part.endswith("\n") else f"{part}\n" for part in shown if part)


def asks_exit(content: Mapping[str, Json]) -> bool:
    """Tell whether an `execute_reply` asks for the end of the kernel."""
    return any(payload.get("source") == "ask_exit" for payload in _payloads(content))


def to_comm(message: Message) -> CommMessage | None:
    """Read a comm message; None when it is none."""
    kind, comm_id = _COMM_KINDS.get(message.kind), text(message.content, "comm_id")
    if kind is None or not comm_id:
        return None
    data, target = message.content.get("data"), message.content.get("target_name")
    return CommMessage(
        kind=kind,
        comm_id=comm_id,
        data=data if isinstance(data, dict) else {},
        metadata=message.metadata,
        buffers=tuple(b64encode(buffer).decode("ascii") for buffer in message.buffers),
        target_name=target if isinstance(target, str) else None,
    )


def from_comm(message: CommMessage) -> tuple[str, dict[str, Json]]:
    """Give the kind and the content of the request that carries a page's comm message."""
    content: dict[str, Json] = {"comm_id": message.comm_id, "data": dict(message.data)}
    if message.target_name is not None:
        content["target_name"] = message.target_name
    return f"comm_{message.kind}", content


def to_matches(content: Mapping[str, Json]) -> dict[str, Json]:
    """Read a `complete_reply` as `runtime_schema.live` answers; types are there when the kernel tells them, as ipykernel does."""
    matches, metadata = content.get("matches"), content.get("metadata")
    typed = metadata.get("_jupyter_types_experimental") if isinstance(metadata, dict) else None
    types = {item.get("text"): item.get("type") for item in typed if isinstance(item, dict)} if isinstance(typed, list) else {}
    found: list[Json] = [{"text": match, "type": str(types.get(match) or "")} for match in matches] if isinstance(matches, list) else []
    return {"matches": found, "start": content.get("cursor_start", 0), "end": content.get("cursor_end", 0)}


def to_inspection(content: Mapping[str, Json]) -> dict[str, Json]:
    """Read an `inspect_reply` as `runtime_schema.live` answers."""
    if content.get("found") is not True:
        return {"bundle": None}
    bundle: dict[str, Json] = {**_bundle(content)}
    return {"bundle": bundle}


def to_info(content: Mapping[str, Json]) -> dict[str, str]:
    """Read a `kernel_info_reply` as an engine's facts."""
    language = content.get("language_info")
    facts = language if isinstance(language, dict) else {}
    return {
        "language": text(facts, "name"),
        "version": text(facts, "version"),
        "implementation": text(content, "implementation"),
        "implementation_version": text(content, "implementation_version"),
        "protocol_version": text(content, "protocol_version"),
    }


def text(content: Mapping[str, Json], key: str) -> str:
    """Give a text of a message; empty when it is missing or something else."""
    value = content.get(key)
    return value if isinstance(value, str) else ""


def _payloads(content: Mapping[str, Json]) -> list[dict[str, Json]]:
    payloads = content.get("payload")
    return [payload for payload in payloads if isinstance(payload, dict)] if isinstance(payloads, list) else []


def _bundle(content: Mapping[str, Json]) -> dict[str, str]:
    data = content.get("data")
    return {name: _value(name, value) for name, value in data.items()} if isinstance(data, dict) else {}


def _value(mime_type: str, value: Json) -> str:
    essence = mime_type.partition(";")[0].strip()
    is_json = essence == "application/json" or essence.endswith("+json")
    if isinstance(value, str) and not is_json:
        return value
    if isinstance(value, list) and not is_json:
        return "".join(map(str, value))  # lines, as notebook files have them
    return json.dumps(value, ensure_ascii=False)


def _metadata(content: Mapping[str, Json]) -> str:
    metadata = content.get("metadata")
    return json.dumps(metadata, ensure_ascii=False) if metadata else "{}"


def _display_id(content: Mapping[str, Json]) -> str | None:
    transient = content.get("transient")
    found = transient.get("display_id") if isinstance(transient, dict) else None
    return found if isinstance(found, str) else None
