"""What one store's protocol was told in a schedule, step by step, as plain data that a store in another language can replay.

A step is a list: `["open"]`, `["receive", frame]`, `["commit", n, name, args]`, `["resume"]` (a pause is over) or
`["closed"]`; then an object with the head and the number of pending events after it. `sent` stands there where every
pending event has been sent on this connection, since there the way in which a store fills its window no longer matters.
"""

import json
from typing import Any

from runtime_schema.json_text import Json
from runtime_store.frames import ClientFrame, Hello, Pause, Push, decode_server_frame
from runtime_store.reconcile import Confirmed, Dropped, Key, Outcome

from .records import Life


class Story:
    """Listens to one life of a page."""

    def __init__(self, life: Life) -> None:
        self.steps: list[list[Any]] = []  # Any: JSON
        self._life = life
        self._sent: set[Key] = set()
        self._paused = False
        self._n = 0
        self._undecided: set[Key] = set()

    def committed(self, name: str, args: dict[str, Json]) -> None:
        """The person committed an event."""
        self._n += 1
        self._undecided.add((self._life_session, self._n))
        self._add(["commit", self._n, name, args])

    def reconciled(self, outcome: Outcome) -> None:
        """The replica took a piece of the log, or a refusal."""
        for step in outcome.steps:
            if isinstance(step, Confirmed | Dropped):
                self._undecided.discard(step.entry.key)

    def sent(self, frame: ClientFrame) -> None:
        """A frame goes out."""
        if isinstance(frame, Hello):
            self._sent.clear()
            self._paused = False
        elif isinstance(frame, Push):
            session = frame.session or self._life_session
            self._sent |= {(session, event.n) for event in frame.events}

    def told(self, what: str, frame: str | None) -> None:
        """The protocol was told something, and has done what it does then."""
        if what == "timer":
            if self._paused:
                self._paused = False
                self._add(["resume"])
            return
        if frame is not None and isinstance(paused := decode_server_frame(frame), Pause):
            self._paused = True
            self._sent = {key for key in self._sent if key[0] != paused.session or key[1] < paused.from_n}
        self._add([what] if frame is None else [what, json.loads(frame)])

    @property
    def _life_session(self) -> str:
        assert self._life.store is not None
        return self._life.store.store_session_id

    def _add(self, step: list[Any]) -> None:  # Any: JSON
        store, client = self._life.store, self._life.client
        assert store is not None
        assert client is not None
        status = store.status
        after: dict[str, Any] = {"head": status.head, "pending": status.pending}
        if client.protocol.caught_up and not self._paused and self._all_sent(status.pending):
            after["sent"] = True
        self.steps.append([*step, after])

    def _all_sent(self, pending: int) -> bool:
        return len(self._undecided) == pending and self._undecided <= self._sent
