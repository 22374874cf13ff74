"""Widgets' comms: what `comm.create_comm` gives user code, how a page's messages reach it, and what an Output widget captures.

The `comm` package, which ipywidgets and anywidget build on, is meant to be given an implementation. That happens when user code first
imports it, so nobody else pays for it.
"""

import importlib
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, cast, final

from runtime_schema.json_text import Json, decode
from runtime_schema.live import CommMessage
from runtime_schema.outputs import ClearOutput, DisplayData, DisplayUpdate, ErrorOutput, ExecuteResult, Output, StreamText

from .bundles import is_json, json_ready
from .on_import import OnImport

CAPTURE_INTERVAL_S = 0.05
"""How often what an Output widget captures is sent while it grows."""
PARENT_ID = "runt"
"""What an Output widget takes for the request whose outputs it captures."""


@final
class Comms:
    """The comms of one engine.

    Args:
        send: Takes what user code says to pages.
        on_capture: Told whether outputs are to be given to `capture` from now on.
    """

    def __init__(self, send: Callable[[CommMessage], None], on_capture: Callable[[bool], None]) -> None:
        self._send = send
        self._on_capture = on_capture
        self._captures: list[str] = []
        self._outputs: dict[str, list[dict[str, Json]]] = {}
        self._clear_next: set[str] = set()
        self._sent_s = 0.0
        self._late = False
        self._restore: Callable[[], None] = _nothing
        self._finder = OnImport("comm", self._patch)

    def close(self) -> None:
        """Give the `comm` package back."""
        self._finder.close()
        self._restore()

    def take(self, message: CommMessage) -> None:
        """Give a page's message to the comm it is for; one that is not open any more hears nothing. Callbacks may raise."""
        module = sys.modules.get("comm")
        known = module and module.get_comm_manager().comms.get(message.comm_id)
        if message.kind == "open" or known is None:
            return
        parts = [memoryview(b64decode(buffer)) for buffer in message.buffers]
        content = {"comm_id": message.comm_id, "data": dict(message.data)}
        heard = {"content": content, "metadata": dict(message.metadata), "buffers": parts, "header": {"msg_id": PARENT_ID}}
        if message.kind == "msg":
            known.handle_msg(heard)
        else:
            known.handle_close(heard)

    # --- the comm package

    def _patch(self, module: ModuleType) -> None:
        publish = self._publish
        base: Any = importlib.import_module("comm.base_comm")  # untyped at run time: it need not be installed

        class Comm(base.BaseComm):  # pyright: ignore[reportUntypedBaseClass]  # as above
            def publish_msg(
                self,
                msg_type: str,
                data: Mapping[str, Any] | None = None,
                metadata: Mapping[str, Any] | None = None,
                buffers: Sequence[Any] | None = None,
                **keys: Any,
            ) -> None:
                publish(msg_type, self.comm_id, data or {}, metadata or {}, buffers or (), keys.get("target_name"))

        before = module.create_comm
        module.create_comm = Comm  # type: ignore[attr-defined]  # as the package is meant to be used

        def restore() -> None:
            module.create_comm = before  # type: ignore[attr-defined]  # as above

        self._restore = restore

    def _publish(
        self,
        msg_type: str,
        comm_id: str,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any],
        buffers: Sequence[Any],
        target_name: str | None,
    ) -> None:
        kind = msg_type.removeprefix("comm_")
        if kind not in ("open", "msg", "close"):
            raise ValueError(f"a comm cannot send {msg_type!r}")
        ready = json_ready(data)
        self._send(
            CommMessage(
                kind=kind,
                comm_id=comm_id,
                data=ready,
                metadata=json_ready(metadata),
                buffers=tuple(b64encode(memoryview(buffer).cast("B")).decode("ascii") for buffer in buffers),
                target_name=target_name,
            )
        )
        if isinstance(state := ready.get("state"), dict):
            self._see_state(comm_id, cast("dict[str, Json]", state))  # it was made of JSON text

    # --- Output widgets

    def _see_state(self, comm_id: str, state: Mapping[str, Json]) -> None:
        if isinstance(outputs := state.get("outputs"), list):
            self._outputs[comm_id] = [output for output in outputs if isinstance(output, dict)]
        if state.get("msg_id") == PARENT_ID and comm_id not in self._captures:
            self._captures.append(comm_id)
            self._on_capture(True)
        elif state.get("msg_id") == "" and comm_id in self._captures:
            self._flush_capture(comm_id)
            self._captures.remove(comm_id)
            self._on_capture(bool(self._captures))
            self._tell_widget(comm_id)

    def capture(self, output: Output) -> bool:
        """Take an output into the widget that captures; whether it did."""
        if not self._captures:
            return False
        comm_id = self._captures[-1]
        held = self._outputs.setdefault(comm_id, [])
        if isinstance(output, ClearOutput):
            self._clear_next.discard(comm_id)
            if output.wait:
                self._clear_next.add(comm_id)
                return True
            held.clear()
        elif isinstance(output, DisplayUpdate):
            return False
        else:
            if comm_id in self._clear_next:
                self._clear_next.discard(comm_id)
                held.clear()
            _append(held, output)
        self._late = True
        if not isinstance(output, StreamText) or time.monotonic() - self._sent_s >= CAPTURE_INTERVAL_S:
            self._flush_capture(comm_id)
        return True

    def flush(self) -> None:
        """Send what was captured and not yet sent."""
        if self._captures:
            self._flush_capture(self._captures[-1])

    def _flush_capture(self, comm_id: str) -> None:
        if self._late:
            self._late = False
            self._sent_s = time.monotonic()
            outputs: list[Json] = [dict(output) for output in self._outputs.get(comm_id, [])]
            self._send(
                CommMessage(kind="msg", comm_id=comm_id, data={"method": "update", "state": {"outputs": outputs}, "buffer_paths": []})
            )

    def _tell_widget(self, comm_id: str) -> None:
        # the widget's own trait, which in Jupyter a page sets
        known = sys.modules["comm"].get_comm_manager().comms.get(comm_id)
        callback = getattr(known, "_msg_callback", None)
        if callback is not None:
            state = {"outputs": list(self._outputs.get(comm_id, []))}
            callback({"content": {"comm_id": comm_id, "data": {"method": "update", "state": state}}, "buffers": []})


@final
class KernelOfWidgets:
    """What an Output widget wants to know of a kernel: which request runs."""

    def get_parent(self, _channel: str | None = None) -> dict[str, Any]:
        """Name the request whose outputs are captured."""
        return {"header": {"msg_id": PARENT_ID}}


def _append(held: list[dict[str, Json]], output: Output) -> None:
    match output:
        case StreamText(stream=stream, text=text):
            last = held[-1] if held else {}
            if last.get("output_type") == "stream" and last.get("name") == stream:
                last["text"] = f"{last['text']}{text}"
            else:
                held.append({"output_type": "stream", "name": stream, "text": text})
        case DisplayData(bundle=bundle, metadata=metadata):
            held.append({"output_type": "display_data", "data": _data(bundle), "metadata": decode(metadata)})
        case ExecuteResult(bundle=bundle, metadata=metadata, execution_count=count):
            data = _data(bundle)
            held.append({"output_type": "execute_result", "data": data, "metadata": decode(metadata), "execution_count": count})
        case ErrorOutput(name=name, value=value, traceback=traceback):
            held.append({"output_type": "error", "ename": name, "evalue": value, "traceback": list(traceback)})
        case _:
            raise TypeError(f"{type(output).__name__} is not captured")


def _data(bundle: Mapping[str, str]) -> dict[str, Json]:
    return {mime: decode(value) if is_json(mime) else value for mime, value in bundle.items()}


def _nothing() -> None:
    """Restore nothing: nothing was patched."""
