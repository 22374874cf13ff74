"""What an engine's runtime says to pages and answers them over the live channel: questions, and widgets' comms."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import final, get_args

from runtime_core.agent import RuntimeAgent
from runtime_core.comms import Comms, merge_updates
from runtime_core.errors import QuestionError
from runtime_core.log import Logger
from runtime_core.ports import Engine, StoreStatus, Unsubscribe
from runtime_schema.errors import InvalidJsonError
from runtime_schema.ids import StoreSessionId
from runtime_schema.json_text import Json, decode, encode
from runtime_schema.live import CommMessage, Joiner, QuestionName, comm_from_json, pieces

BEAT_S = 0.016
BEAT_PIECES = 4
"""So many pieces a beat are well below what a server takes from one connection."""
MOST_SENDERS = 64

_Batch = tuple[list[dict[str, Json]], StoreSessionId | None]


@final
class LiveSide:
    """Serves the live topics of one agent's engine. Made before the agent starts."""

    def __init__(self, agent: RuntimeAgent, engine: Engine) -> None:
        self._agent = agent
        self._engine = engine
        self._comms = Comms()
        self._joiners: dict[StoreSessionId, Joiner] = {}
        self._waiting: list[_Batch] = []
        self._sender: asyncio.Task[None] | None = None
        self._connected = True
        self._log = Logger("runtime_core.live", runtime=agent.options.runtime_id)
        for name in get_args(QuestionName):
            agent.on_question(f"runtime.{name}", partial(self._answer, name))
        agent.on_question("runtime.comms", self._answer_comms)
        agent.on_question("runtime.comm", self._take_piece)
        self._unsubscribe: Unsubscribe | None = None

    def open(self) -> None:
        """Follow the connection from now on: pages that come back are told all again."""
        if self._unsubscribe is None:
            self._unsubscribe = self._agent.ports.store.subscribe_status(self._see_status)

    def close(self) -> None:
        """Leave the store: its owner outlives its guest. Calling it again does nothing."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def comm(self, execution_id: str, message: CommMessage) -> None:
        """Send what a widget says to all pages."""
        self._comms.take(message, execution_id)
        self._send(message.to_json(execution_id or None))

    def reset(self) -> None:
        """Forget all comms, and tell the pages: the engine's namespace is gone."""
        if len(self._comms):
            self._comms.clear()
            self._waiting = [(self._comms.snapshot(), None)]
            self._wake()

    # --- what pages ask

    async def _answer(self, question: QuestionName, data: Mapping[str, Json], _sender: StoreSessionId) -> Mapping[str, Json]:
        if question in ("complete", "inspect"):
            code, cursor = data.get("code"), data.get("cursor")
            if not isinstance(code, str) or not isinstance(cursor, int) or not 0 <= cursor <= len(code):
                raise QuestionError(question, "needs code, and a cursor in it")
        return await self._engine.ask(question, data)

    async def _answer_comms(self, _data: Mapping[str, Json], sender: StoreSessionId) -> Mapping[str, Json]:
        self._waiting.append((self._comms.snapshot(), sender))
        self._wake()
        return {"count": len(self._comms)}

    async def _take_piece(self, data: Mapping[str, Json], sender: StoreSessionId) -> Mapping[str, Json]:
        if sender not in self._joiners and len(self._joiners) >= MOST_SENDERS:
            del self._joiners[next(iter(self._joiners))]
        try:
            text = self._joiners.setdefault(sender, Joiner()).add(data)
            messages = decode(text) if text is not None else []
            if not isinstance(messages, list):
                raise ValueError("comm messages are a list")  # noqa: TRY004  # told as the others
            taken = [comm_from_json(message) for message in messages]
        except (ValueError, InvalidJsonError) as exc:
            raise QuestionError("comm", str(exc)) from exc
        for message in taken:
            self._comms.take(message)
            await self._engine.comm(message)
        return {}

    # --- what pages are told

    def _see_status(self, status: StoreStatus) -> None:
        if status.connected and not self._connected and len(self._comms):
            self._waiting = [(self._comms.snapshot(), None)]  # they missed what was said meanwhile
            self._wake()
        self._connected = status.connected

    def _send(self, message: dict[str, Json]) -> None:
        if self._waiting and self._waiting[-1][1] is None:
            batch = self._waiting[-1][0]
            merged = merge_updates(batch[-1], message)
            if merged is None:
                batch.append(message)
            else:
                batch[-1] = merged
        else:
            self._waiting.append(([message], None))
        self._wake()

    def _wake(self) -> None:
        if self._sender is None:
            self._sender = asyncio.ensure_future(self._send_waiting())

    async def _send_waiting(self) -> None:
        sent = 0
        try:
            while self._waiting:
                messages, to = self._waiting.pop(0)
                for piece in pieces(encode(messages)):
                    await self._post(piece, to)
                    sent += 1
                    if sent % BEAT_PIECES == 0:
                        await self._agent.ports.clock.sleep(BEAT_S)
                await self._agent.ports.clock.sleep(BEAT_S)  # what is said meanwhile goes together
        finally:
            self._sender = None

    async def _post(self, piece: dict[str, Json], to: StoreSessionId | None) -> None:
        store, data = self._agent.ports.store, {"sessionId": self._agent.session_id, **piece}
        try:
            await store.send_live("runtime.comm", data, to=to)
        except TimeoutError as exc:  # who is not there asks again when it is
            self._log.debug("comm not delivered", problem=str(exc))
