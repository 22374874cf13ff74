"""What LiveStore clients ask of a room, answered in frames: pulls, pushes, pings; over a WebSocket and over HTTP alike."""

from collections.abc import AsyncGenerator, Hashable

from msgspec import UNSET

from runtime_schema.hashes import RULES_HASH
from runtime_server.room_host import RoomHost
from runtime_store.frames import User

from . import messages
from .desk import Recorded, ServerAhead
from .messages import MAX_EVENTS, PingCall, Pull, Push, Request, SomeBackend, SomeCursor, Transport
from .numbered import Refused, numbered

_BODY_BYTES = messages.MAX_BYTES - 50_000
"""What the bodies in a chunk may have, so that with their wrapping they are a message that LiveStore would send itself."""
PACE_S = 0.1
"""The least time between two chunks of a live pull: a chunk costs a client about as much as the hundred events in it might.

One by one, 50 events a second were more than a Node client could follow, and it answered its own commits seconds late.
"""


class Calls:
    """Those of one client of one room. `client` is whose turn it may become."""

    def __init__(self, host: RoomHost, user: User, transport: Transport, client: Hashable) -> None:
        self._host = host
        self._user = user
        self._transport: Transport = transport
        self._client = client

    async def answer(self, request: Request) -> AsyncGenerator[bytes]:
        """Give the frames that answer a request, the last of which ends it. It may be cancelled: what was recorded stays so."""
        try:
            call = messages.decode_call(request, self._transport)
        except messages.MessageError as error:
            yield messages.failure(request.id, messages.unknown_error(str(error)))
            return
        if call.store_id != self._host.room.store_id:
            problem = f"this connection is for the notebook {self._host.room.store_id}"
            yield messages.failure(request.id, messages.unknown_error(problem))
            return
        match call:
            case Pull():
                async for frame in self._pull(request.id, call):
                    yield frame
            case Push():
                yield await self._push(request.id, call)
            case PingCall():
                yield messages.success(request.id, {"_tag": "SyncMessage.Pong"})

    async def _pull(self, request_id: str, pull: Pull) -> AsyncGenerator[bytes]:
        room = self._host.room
        position = 0
        if isinstance(pull.cursor, SomeCursor):
            position, backend = pull.cursor.value.event_sequence_number, pull.cursor.value.backend_id
            if backend != room.backend:
                yield messages.failure(request_id, messages.backend_mismatch(room.backend, backend))
                return
            if not 0 <= position <= room.head:
                problem = f"you have {position} events of this log, it has {room.head}: it was replaced by an older copy"
                yield messages.failure(request_id, messages.unknown_error(problem))
                return
        while True:
            bodies = await self._host.events_after(position, MAX_EVENTS, _BODY_BYTES)
            position += len(bodies)
            remaining = room.head - position
            yield messages.chunk(request_id, position - len(bodies) + 1, bodies, remaining, room.backend)
            if remaining:
                continue
            if not pull.live:
                yield messages.success(request_id, UNSET)
                return
            await self._host.desk.pace(self._client, PACE_S)
            await self._host.desk.grown(self._client, position)

    async def _push(self, request_id: str, push: Push) -> bytes:
        room = self._host.room
        if isinstance(push.backend_id, SomeBackend) and push.backend_id.value != room.backend:
            return messages.failure(request_id, messages.backend_mismatch(room.backend, push.backend_id.value))
        if not push.batch:
            return messages.success(request_id, {})
        if len(push.batch) > MAX_EVENTS:
            return messages.failure(request_id, messages.unknown_error(f"a push has at most {MAX_EVENTS} events"))
        if self._user.role == "viewer":
            return messages.failure(request_id, messages.unknown_error("a viewer may only look"))
        events = numbered(push.batch, self._user.id)
        if isinstance(events, Refused):
            return messages.failure(request_id, messages.unknown_error(events.problem))
        same_rules = messages.payload_value(push.payload, "rules") == RULES_HASH
        match await self._host.desk.push(self._client, self._user, events, same_rules=same_rules):
            case Recorded():
                return messages.success(request_id, {})
            case ServerAhead(expected):
                return messages.failure(request_id, messages.server_ahead(expected, events[0].seq))
            case Refused(problem):
                return messages.failure(request_id, messages.unknown_error(problem))
