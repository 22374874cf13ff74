"""The route table: each route says who may use it, what it takes and what it gives; access, errors and OpenAPI follow from that."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from .accounts import Accounts, Identity, Role
from .errors import ApiError, RouteDeclarationError, StorageFullError

Permission = Literal["public", "read", "write", "manage"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")

_ROLES: Mapping[Role, frozenset[Permission]] = {
    "owner": frozenset({"public", "read", "write", "manage"}),
    "runner": frozenset({"public", "read", "write"}),
    "viewer": frozenset({"public", "read"}),
}
_JSON_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the API. `takes` and `gives` are msgspec types, or media types for bytes."""

    method: Method
    path: str
    permission: Permission | None
    handler: Handler
    summary: str
    takes: Any = None  # Any: a type object
    gives: Any = None  # Any: a type object
    status: int = 200
    errors: Sequence[int] = field(default=())


class ErrorBody(msgspec.Struct):
    """Every error of the API: a code for programs, a sentence for people."""

    code: str
    message: str


def json_response(value: object, status: int = 200) -> Response:
    """Answer with a value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def error_response(error: ApiError) -> Response:
    """Answer with an error."""
    return json_response(ErrorBody(error.code, error.message), error.status)


def identify(connection: HTTPConnection, accounts: Accounts, cookie_name: str) -> Identity:
    """Find out who asks.

    Raises:
        ApiError: Nobody known: 401.
    """
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, secret = header.partition(" ")
        found = accounts.by_token(secret.strip()) if scheme.lower() == "bearer" else None
        problem = "the bearer token is not valid; make one with `runt token`"
    else:
        found = accounts.by_cookie(connection.cookies.get(cookie_name, ""))
        problem = "open the start link that the server printed, or send a bearer token"
    if found is None:
        raise ApiError(401, "unauthorized", problem)
    return found


def allow(identity: Identity, permission: Permission) -> None:
    """Check a permission.

    Raises:
        ApiError: The role does not have it: 403.
    """
    if permission not in _ROLES[identity.role]:
        raise ApiError(403, "forbidden", f"the role {identity.role} may not do this")


def same_origin(request: Request, origins: frozenset[str]) -> bool:
    """Tell whether a page of ours made the request; what no browser vouches for is not."""
    origin = request.headers.get("origin")
    if origin is not None:
        return origin in origins
    return request.headers.get("sec-fetch-site") == "same-origin"


async def read_json(request: Request, kind: type[T]) -> T:
    """Read a small JSON body as a type.

    Raises:
        ApiError: Another content type, too large, or not of that type.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, "unsupported-media-type", "send Content-Type: application/json")
    try:
        return msgspec.json.decode(await read_body(request, _JSON_BYTES), type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise ApiError(400, "bad-request", f"the body does not fit: {exc}"[:300]) from None


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Read a whole body, counting while reading.

    Raises:
        ApiError: It is larger: 413.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > max_bytes:
            raise ApiError(413, "too-large", f"the body may have {max_bytes} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def build_routes(table: Sequence[Route], accounts: Accounts, cookie_name: str, origins: frozenset[str]) -> list[StarletteRoute]:
    """Turn the table into routes of the framework.

    Raises:
        RouteDeclarationError: A route without a permission.
    """
    return [
        StarletteRoute(route.path, _guard(route, _declared(route), accounts, cookie_name, origins), methods=[route.method])
        for route in table
    ]


def openapi(table: Sequence[Route], version: str) -> dict[str, Any]:  # Any: JSON
    """Describe the table as OpenAPI 3.1."""
    kinds = [kind for route in table for kind in (route.takes, route.gives) if kind is not None and not isinstance(kind, str)]
    schemas, components = msgspec.json.schema_components([*kinds, ErrorBody], ref_template="#/components/schemas/{name}")
    found = iter(schemas)
    paths: dict[str, dict[str, Any]] = {}
    error = {"application/json": {"schema": schemas[-1]}}

    def content(kind: Any) -> dict[str, Any]:
        return (
            {kind: {"schema": {"type": "string", "format": "binary"}}}
            if isinstance(kind, str)
            else {"application/json": {"schema": next(found)}}
        )

    for route in table:
        operation: dict[str, Any] = {"summary": route.summary, "x-permission": route.permission}
        names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
        operation["parameters"] = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
        if route.takes is not None:
            operation["requestBody"] = {"required": True, "content": content(route.takes)}
        answer: dict[str, Any] = {"description": "Done"}
        if route.gives is not None:
            answer["content"] = content(route.gives)
        refused = () if route.permission == "public" else (401, 403)
        operation["responses"] = {
            str(route.status): answer,
            **{str(status): {"description": "Refused", "content": error} for status in sorted({*refused, *route.errors})},
        }
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {"openapi": "3.1.0", "info": {"title": "runt", "version": version}, "paths": paths, "components": {"schemas": components}}


def _declared(route: Route) -> Permission:
    if route.permission is None:
        raise RouteDeclarationError(f"{route.method} {route.path}")
    return route.permission


def _guard(route: Route, permission: Permission, accounts: Accounts, cookie_name: str, origins: frozenset[str]) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            if permission != "public":
                identity = identify(request, accounts, cookie_name)
                if identity.by_cookie and route.method != "GET" and not same_origin(request, origins):
                    raise ApiError(403, "cross-site", "a cookie proves nothing across sites; use a bearer token")
                allow(identity, permission)
                request.state.identity = identity
            return await route.handler(request)
        except ApiError as error:
            return error_response(error)
        except StorageFullError as error:
            return error_response(ApiError(507, "disk-full", str(error)))

    return handle
