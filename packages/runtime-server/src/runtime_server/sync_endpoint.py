"""The WebSocket /sync/{storeId}: everything that is checked before the upgrade, then the room."""

from dataclasses import dataclass

from starlette.websockets import WebSocket

from runtime_schema.ids import is_id
from runtime_schema.wire import CLOSE_CODES, SUBPROTOCOL
from runtime_store.frames import Bye, User, encode_frame

from .accounts import Accounts
from .errors import ApiError
from .room_host import RoomHost
from .rooms import Rooms
from .routes import allow, error_response, identify


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncEndpoint:
    """Handles one connection after another. `origins` are the pages that may use the cookie."""

    rooms: Rooms
    accounts: Accounts
    cookie_name: str
    origins: frozenset[str]

    async def __call__(self, websocket: WebSocket) -> None:
        """Refuse with an HTTP answer, or upgrade and serve."""
        try:
            user, host = await self._enter(websocket)
        except ApiError as error:
            await websocket.send_denial_response(error_response(error))
            return
        await websocket.accept(subprotocol=SUBPROTOCOL)
        if not self.rooms.admit(user.id):
            bye = Bye(code="too-many", message="this user has too many connections; close some")
            await websocket.send({"type": "websocket.send", "text": encode_frame(bye).decode()})
            await websocket.close(CLOSE_CODES["too-many"], "too-many")
            return
        try:
            await host.serve(websocket, user)
        finally:
            self.rooms.release(user.id)

    async def _enter(self, websocket: WebSocket) -> tuple[User, RoomHost]:
        identity = identify(websocket, self.accounts, self.cookie_name)
        if identity.by_cookie and websocket.headers.get("origin") not in self.origins:
            raise ApiError(403, "bad-origin", "a cookie is accepted from this server's own pages only")
        allow(identity, "read")  # what a viewer may not do there is the room's to refuse, frame by frame
        if SUBPROTOCOL not in websocket.scope["subprotocols"]:
            raise ApiError(400, "upgrade-required", f"this server speaks {SUBPROTOCOL}; update")
        store_id: str = websocket.path_params["store_id"]
        host = await self.rooms.open(store_id) if is_id(store_id) else None
        if host is None:
            raise ApiError(404, "not-found", "there is no such notebook")
        return User(id=identity.id, name=identity.name, role=identity.role), host
