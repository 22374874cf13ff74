"""The ASGI application: routes, the sync sockets, the Python for pages, the built app, all behind the gate."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.routing import Route as StarletteRoute

from .accounts import Accounts
from .distribution import Distribution
from .distribution_routes import distribution_routes
from .errors import ApiError
from .gate import Gate
from .livestore.endpoint import LiveStoreEndpoint
from .routes import Route, build_routes, error_response
from .sync_endpoint import SyncEndpoint
from .web_app import web_routes


def build_app(
    table: Sequence[Route],
    sync: SyncEndpoint,
    livestore: LiveStoreEndpoint,
    accounts: Accounts,
    cookie_name: str,
    hosts: frozenset[str],
    origins: frozenset[str],
    distribution: Distribution,
) -> Gate:
    """Put the application together.

    Raises:
        RouteDeclarationError: A route of the table declares no permission.
    """
    routes: list[BaseRoute] = [
        *build_routes(table, accounts, cookie_name, origins),
        WebSocketRoute("/sync/{store_id}", sync.__call__),
        WebSocketRoute("/livestore", livestore.socket),
        StarletteRoute("/livestore", livestore.post, methods=["POST"]),
        *distribution_routes(distribution),
        *web_routes(),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error, Exception: _server_error})
    return Gate(app, hosts, origins, distribution.origin)


async def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not-found", 405: "method-not-allowed"}.get(status, "bad-request")
    return error_response(ApiError(status, code, "there is no such operation"))


async def _server_error(_: Request, __: Exception) -> Response:
    return error_response(ApiError(500, "internal", "the server failed; its log says more"))
