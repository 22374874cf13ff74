"""`/livestore?storeId=…`: everything that is checked before a LiveStore client is served, over a WebSocket or by POST.

The proof is the cookie or `Authorization`, as everywhere. LiveStore would have it in `payload`, which stands in the URL; it opens
the same URL at every reconnect, so a code that works once would not do, and one that works twice is a token in a URL.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket

from runtime_schema.ids import is_id
from runtime_server.accounts import Accounts
from runtime_server.errors import ApiError
from runtime_server.room_host import RoomHost
from runtime_server.rooms import Rooms
from runtime_server.routes import allow, error_response, identify, read_body, same_origin
from runtime_store.frames import User

from . import messages
from .calls import Calls
from .connection import LiveStoreConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStoreEndpoint:
    """Handles one client after another. `origins` are the pages that may use the cookie."""

    rooms: Rooms
    accounts: Accounts
    cookie_name: str
    origins: frozenset[str]
    frame_bytes: int

    async def socket(self, websocket: WebSocket) -> None:
        """Refuse with an HTTP answer, or upgrade and serve."""
        try:
            user, host = await self._enter(websocket, by_page=websocket.headers.get("origin") in self.origins)
            if not self.rooms.admit(user.id):
                raise ApiError(429, "too-many", "this user has too many connections; close some")
        except ApiError as error:
            await websocket.send_denial_response(error_response(error))
            return
        try:
            await websocket.accept()
            await LiveStoreConnection(websocket, host, user).run()
        finally:
            self.rooms.release(user.id)

    async def post(self, request: Request) -> Response:
        """Answer one request, or a list of them."""
        try:
            user, host = await self._enter(request, by_page=same_origin(request, self.origins))
            requests = _requests(await read_body(request, self.frame_bytes))
        except ApiError as error:
            return error_response(error)
        # Nothing but its own name tells one client from another over HTTP.
        calls = Calls(host, user, "SyncHttpRpc", ("http", user.id, request.url.query))
        return StreamingResponse(_answers(calls, requests), media_type="application/json")

    async def _enter(self, connection: HTTPConnection, *, by_page: bool) -> tuple[User, RoomHost]:
        identity = identify(connection, self.accounts, self.cookie_name)
        if identity.by_cookie and not by_page:
            raise ApiError(403, "bad-origin", "a cookie is accepted from this server's own pages only")
        allow(identity, "read")
        store_id = connection.query_params.get("storeId", "")
        host = await self.rooms.open(store_id) if is_id(store_id) else None
        if host is None:
            raise ApiError(404, "not-found", "there is no such notebook")
        return User(id=identity.id, name=identity.name, role=identity.role), host


def _requests(body: bytes) -> list[messages.Request]:
    try:
        texts = msgspec.json.decode(body, type=list[msgspec.Raw]) if body.lstrip().startswith(b"[") else [body]
        found = [messages.decode_message(bytes(text)) for text in texts]
    except (msgspec.MsgspecError, messages.MessageError) as exc:
        raise ApiError(400, "bad-request", str(exc)[:300]) from None
    return [message for message in found if isinstance(message, messages.Request)]


async def _answers(calls: Calls, requests: list[messages.Request]) -> AsyncGenerator[bytes]:
    before = b"["
    for request in requests:
        async for frame in calls.answer(request):
            yield before + frame
            before = b","
    yield b"]" if before == b"," else b"[]"
