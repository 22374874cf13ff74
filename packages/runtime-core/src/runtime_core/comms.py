"""The comms that are open and the state of their widgets, so that a page that comes later shows them too. Pure.

The state is Jupyter's widget protocol, version 2: `data` of an `open` or of an `update` has `state`, and `buffer_paths` that
say where in it the binary `buffers` belong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runtime_schema.json_text import Json
from runtime_schema.live import CommMessage

_UPDATES = ("update", "echo_update")


@dataclass(slots=True)
class _Comm:
    opened: CommMessage
    execution_id: str
    state: dict[str, Json]
    buffers: dict[str, list[tuple[list[Json], str]]]
    """By the first step of their paths: what an update of that key replaces."""


class Comms:
    """All open comms of one engine's life."""

    def __init__(self) -> None:
        self._comms: dict[str, _Comm] = {}

    def take(self, message: CommMessage, execution_id: str = "") -> None:
        """See a message of either side."""
        if message.kind == "close":
            self._comms.pop(message.comm_id, None)
        elif message.kind == "open":
            self._comms[message.comm_id] = comm = _Comm(message, execution_id, {}, {})
            _merge(comm, message)
        elif message.data.get("method") in _UPDATES and (known := self._comms.get(message.comm_id)) is not None:
            _merge(known, message)

    def clear(self) -> None:
        """Forget all: their engine is gone."""
        self._comms.clear()

    def snapshot(self) -> list[dict[str, Json]]:
        """Give every comm as it would be opened now, in the order they were opened, behind a `reset`."""
        return [{"kind": "reset"}, *(_reopened(comm).to_json(comm.execution_id) for comm in self._comms.values())]

    def __len__(self) -> int:
        """How many are open."""
        return len(self._comms)


def merge_updates(earlier: Mapping[str, Json], later: Mapping[str, Json]) -> dict[str, Json] | None:
    """Join two messages, as they stand in `runtime.comm`, into one when both set state of one comm and have no buffers.

    The earlier value of what both set is lost. So an update that takes a value back, setting null, is not joined to the one that set it.
    """
    first, second = earlier.get("data"), later.get("data")
    if earlier.get("commId") != later.get("commId") or earlier.get("buffers") or later.get("buffers"):
        return None
    if not isinstance(first, dict) or not isinstance(second, dict) or first.get("method") not in _UPDATES:
        return None
    state, more = first.get("state"), second.get("state")
    if first.get("method") != second.get("method") or not isinstance(state, dict) or not isinstance(more, dict):
        return None
    # Widgets such as plotly's figure say things by traits that they empty right after.
    if any(value is None and state.get(key) is not None for key, value in more.items()):
        return None
    return {**later, "data": {**second, "state": state | more}}


def _merge(comm: _Comm, message: CommMessage) -> None:
    state, paths = message.data.get("state"), message.data.get("buffer_paths")
    if not isinstance(state, dict):
        return
    comm.state |= state
    for key in state:
        comm.buffers.pop(key, None)
    if isinstance(paths, list):
        for path, buffer in zip(paths, message.buffers, strict=False):
            if isinstance(path, list) and path:
                comm.buffers.setdefault(str(path[0]), []).append((path, buffer))


def _reopened(comm: _Comm) -> CommMessage:
    placed = [item for items in comm.buffers.values() for item in items]
    paths: list[Json] = [path for path, _ in placed]
    data: dict[str, Json] = {**comm.opened.data}
    if comm.state:
        data |= {"state": comm.state, "buffer_paths": paths}
    return replace(comm.opened, data=data, buffers=tuple(buffer for _, buffer in placed))
