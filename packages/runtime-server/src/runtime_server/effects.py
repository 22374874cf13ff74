"""What a room asks of the world: frames to send, connections to close, batches to make durable, things to look up."""

from dataclasses import dataclass

from runtime_schema.wire import ByeCode

from .log import Batch

PeerId = int


@dataclass(frozen=True, slots=True)
class Send:
    """Queue a frame for a peer. `bulk` frames follow each other only when the queue has drained (`on_drained`)."""

    peer: PeerId
    frame: bytes
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """Say bye and close; the room has forgotten the peer already."""

    peer: PeerId
    code: ByeCode
    message: str


@dataclass(frozen=True, slots=True)
class Append:
    """Make a batch durable, then call `on_durable` or `on_refused`."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Read the log after a seq, then call `on_page`."""

    peer: PeerId
    after: int


@dataclass(frozen=True, slots=True)
class LookUp:
    """Read what was decided about events that a peer pushed again, then call `on_records`. One a session at a time."""

    peer: PeerId
    session: str
    wanted: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Retitle:
    """The notebook has another title: JSON text of it."""

    title: str


Effect = Send | Close | Append | ReadPage | LookUp | Retitle
