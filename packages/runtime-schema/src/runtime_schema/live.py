"""What pages and a runtime say to each other over the live channel: topics, questions, and widgets' comm messages.

Nothing of it enters the log. Every message to a runtime names its session (`sessionId`) and is answered `{"ok": true, …}` or
`{"ok": false, "problem": "…"}`. Cursors count Unicode code points, as Jupyter's protocol does.

| topic | from, to | data beside `sessionId` | answer beside `ok` |
|---|---|---|---|
| `runtime.stop`, `runtime.restart` | a page, the runtime | | |
| `input.reply` | a page, the runtime | `requestId`, `value` | |
| `runtime.complete` | a page, the runtime | `code`, `cursor` | `matches`: [{`text`, `type`}], `start`, `end` |
| `runtime.inspect` | a page, the runtime | `code`, `cursor` | `bundle`: {mime: string} or null |
| `runtime.variables` | a page, the runtime | | `variables`: [{`name`, `type`, `summary`}] |
| `runtime.resources` | a page, the runtime | | `rssBytes`, `cpuPercent`, `limitBytes` or null |
| `runtime.comms` | a page, the runtime | | `count`; the open comms follow as `runtime.comm`, to this page alone |
| `runtime.comm` | either way | `part`, `parts`, `text` | |

A `runtime.comm` carries a piece of JSON text, because a live message is small and a widget's state may be large: the pieces of
one sender, from `part` 0 to `parts` - 1, joined, are a list of comm messages:
`{"kind", "commId", "executionId"?, "targetName"?, "data", "metadata", "buffers"}`. `buffers` are base64. A list that begins with
`{"kind": "reset"}` holds all comms there are: whoever reads it forgets the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .json_text import Json

QuestionName = Literal["complete", "inspect", "variables", "resources"]
"""What a page may ask a runtime, under the topic `runtime.` and this."""
CommKind = Literal["open", "msg", "close"]

PART_CHARACTERS, PART_ASCII_CHARACTERS = 15_000, 30_000
"""The longest piece of `runtime.comm`. As JSON inside JSON a character takes up to 4 bytes, in ASCII text 2; 64 KiB are allowed."""
MOST_PARTS = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class CommMessage:
    """One message of a comm, Jupyter's channel between an object in the kernel and its view in a page.

    `buffers` are the binary parts, base64. `target_name` says with `open` who the view is.
    """

    kind: CommKind
    comm_id: str
    data: Mapping[str, Json] = field(default_factory=dict[str, Json])
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])
    buffers: tuple[str, ...] = ()
    target_name: str | None = None

    def to_json(self, execution_id: str | None = None) -> dict[str, Json]:
        """Give it as it stands in `runtime.comm`."""
        named: dict[str, Json] = {"kind": self.kind, "commId": self.comm_id}
        if execution_id is not None:
            named["executionId"] = execution_id
        if self.target_name is not None:
            named["targetName"] = self.target_name
        return {**named, "data": dict(self.data), "metadata": dict(self.metadata), "buffers": list(self.buffers)}


def comm_from_json(value: Json) -> CommMessage:
    """Read a comm message.

    Raises:
        ValueError: It is none; says what is wrong.
    """
    if not isinstance(value, dict):
        raise ValueError("a comm message is an object")  # noqa: TRY004  # callers tell bad input by one class
    kind, comm_id, target_name = value.get("kind"), value.get("commId"), value.get("targetName")
    data, metadata, buffers = value.get("data", {}), value.get("metadata", {}), value.get("buffers", [])
    if kind not in ("open", "msg", "close") or not isinstance(comm_id, str) or not comm_id:
        raise ValueError("a comm message needs a kind (open, msg, close) and a commId")
    if not isinstance(data, dict) or not isinstance(metadata, dict) or not (target_name is None or isinstance(target_name, str)):
        raise ValueError("data and metadata of a comm message are objects, targetName is a string")
    if not isinstance(buffers, list):
        raise ValueError("buffers of a comm message are a list")  # noqa: TRY004  # as above
    texts = [item for item in buffers if isinstance(item, str)]
    if len(texts) != len(buffers):
        raise ValueError("buffers of a comm message are base64 strings")
    return CommMessage(kind=kind, comm_id=comm_id, data=data, metadata=metadata, buffers=tuple(texts), target_name=target_name)


def pieces(text: str) -> Iterator[dict[str, Json]]:
    """Cut a JSON text into the pieces of `runtime.comm`: `part`, `parts` and `text` of each.

    Raises:
        ValueError: It is too long, which is 60 MB or more.
    """
    size = PART_ASCII_CHARACTERS if text.isascii() else PART_CHARACTERS
    starts = range(0, max(len(text), 1), size)
    if len(starts) > MOST_PARTS:
        raise ValueError(f"{len(text)} characters are too many for the live channel")
    for part, start in enumerate(starts):
        yield {"part": part, "parts": len(starts), "text": text[start : start + size]}


class Joiner:
    """Joins the pieces of one sender."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def add(self, data: Mapping[str, Json]) -> str | None:
        """Take a piece; gives the whole text with the last one. Part 0 begins anew.

        Raises:
            ValueError: It is no piece, or one before it is missing.
        """
        part, parts, text = data.get("part"), data.get("parts"), data.get("text")
        if not isinstance(part, int) or not isinstance(parts, int) or not isinstance(text, str) or not 0 <= part < parts <= MOST_PARTS:
            raise ValueError(f"a piece needs text, and part below parts, which are at most {MOST_PARTS}")
        if part == 0:
            self._texts = []
        if part != len(self._texts):
            self._texts = []
            raise ValueError(f"piece {part} came without those before it")
        self._texts.append(text)
        if part + 1 < parts:
            return None
        whole, self._texts = "".join(self._texts), []
        return whole
