"""The operations of the REST API and their table."""

import asyncio
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runtime_schema.ids import is_id
from runtime_schema.json_text import MAX_INTEGER
from runtime_schema.media import is_sha256

from .accounts import Accounts, Identity, Role
from .artifacts import ArtifactFolder
from .config import ServerConfig
from .errors import ApiError
from .notebooks import History, Notebook, Notebooks, file_name
from .routes import Route, json_response, openapi, read_body, read_json

IPYNB = "application/x-ipynb+json"
BYTES = "application/octet-stream"
SQLITE = "application/vnd.sqlite3"
HISTORY_EVENTS = 1_000

Title = Annotated[str, Meta(min_length=1, max_length=255)]


class Health(Struct):
    """The server answers, and which version it is."""

    status: str
    version: str


class Me(Struct):
    """Who the server takes the asker for."""

    id: str
    name: str
    role: str


class StartCode(Struct, forbid_unknown_fields=True):
    """The one-time code of a start link."""

    code: Annotated[str, Meta(max_length=200)]


class NewToken(Struct, forbid_unknown_fields=True):
    """A bearer token to make: what it is for, and what it may do."""

    name: Title
    role: Role = "runner"


class Token(Struct):
    """A bearer token; the server keeps only its hash, so this is the one time it is told."""

    token: str
    name: str
    role: Role


class NewNotebook(Struct, forbid_unknown_fields=True):
    """A notebook to make."""

    title: Title = "Untitled"


class Renaming(Struct, forbid_unknown_fields=True):
    """A notebook's new title."""

    title: Title


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Handlers over the parts of the server. `cookie_name` names the session cookie of this port."""

    config: ServerConfig
    accounts: Accounts
    notebooks: Notebooks
    artifacts: ArtifactFolder
    cookie_name: str
    version: str

    def table(self) -> list[Route]:
        """Give every route of the API."""
        one, artifact = "/api/notebooks/{id}", "/api/notebooks/{id}/artifacts/{sha256}"
        return [
            Route(method="GET", path="/api/health", permission="public", handler=self.health, summary="Is the server there?", gives=Health),
            Route(method="GET", path="/api/openapi.json", permission="public", handler=self.openapi, summary="This description"),
            Route(
                method="POST",
                path="/api/session",
                permission="public",
                handler=self.open_session,
                status=204,
                errors=(400, 401, 415),
                summary="Exchange a one-time start code for the session cookie",
                takes=StartCode,
            ),
            Route(method="GET", path="/api/me", permission="read", handler=self.me, summary="Who am I?", gives=Me),
            Route(
                method="POST",
                path="/api/start-codes",
                permission="manage",
                handler=self.create_start_code,
                summary="Make a one-time code that lets one more browser in",
                gives=StartCode,
                status=201,
            ),
            Route(
                method="POST",
                path="/api/tokens",
                permission="manage",
                handler=self.create_token,
                summary="Make a bearer token for an agent or a script",
                takes=NewToken,
                gives=Token,
                status=201,
                errors=(400, 415),
            ),
            Route(
                method="GET",
                path="/api/notebooks",
                permission="read",
                handler=self.list_notebooks,
                summary="List notebooks, the latest changed first",
                gives=list[Notebook],
            ),
            Route(
                method="POST",
                path="/api/notebooks",
                permission="manage",
                handler=self.create_notebook,
                status=201,
                errors=(400, 415),
                summary="Make an empty notebook",
                takes=NewNotebook,
                gives=Notebook,
            ),
            Route(
                method="POST",
                path="/api/notebooks/import",
                permission="manage",
                handler=self.import_notebook,
                status=201,
                errors=(413, 415, 422),
                summary="Make a notebook of an .ipynb; `?name=` is its title",
                takes=IPYNB,
                gives=Notebook,
            ),
            Route(
                method="GET", path=one, permission="read", handler=self.get_notebook, errors=(404,), summary="One notebook", gives=Notebook
            ),
            Route(
                method="PATCH",
                path=one,
                permission="manage",
                handler=self.rename_notebook,
                errors=(400, 404, 415),
                summary="Rename a notebook",
                takes=Renaming,
                gives=Notebook,
            ),
            Route(
                method="DELETE",
                path=one,
                permission="manage",
                handler=self.delete_notebook,
                status=204,
                errors=(404,),
                summary="Remove a notebook, its log and its artifacts",
            ),
            Route(
                method="GET",
                path=f"{one}/export",
                permission="read",
                handler=self.export_notebook,
                errors=(404,),
                summary="The notebook as an .ipynb; with `?seq=`, as it was after that event",
                gives=IPYNB,
            ),
            Route(
                method="GET",
                path=f"{one}/history",
                permission="read",
                handler=self.history,
                errors=(400, 404),
                summary="Events of the log after `?after=` (0), at most `?limit=` (1000)",
                gives=History,
            ),
            Route(
                method="GET",
                path=f"{one}/images/{{sha256}}",
                permission="read",
                handler=self.get_image,
                errors=(404,),
                summary="An image of the notebook's state, as `welcome` of /sync offers it",
                gives=SQLITE,
            ),
            Route(
                method="PUT",
                path=artifact,
                permission="write",
                handler=self.put_artifact,
                status=204,
                errors=(400, 404, 413, 422),
                summary="Keep bytes under their sha256",
                takes=BYTES,
            ),
            Route(
                method="GET",
                path=artifact,
                permission="read",
                handler=self.get_artifact,
                errors=(404,),
                summary="The bytes of a sha256",
                gives=BYTES,
            ),
        ]

    async def health(self, _: Request) -> Response:
        return json_response(Health("ok", self.version))

    async def openapi(self, _: Request) -> Response:
        return json_response(openapi(self.table(), self.version))

    async def open_session(self, request: Request) -> Response:
        secret = await self.accounts.open_session((await read_json(request, StartCode)).code)
        if secret is None:
            raise ApiError(401, "unauthorized", "that start link was used already or is of another server; ask the server for a new one")
        response = Response(status_code=204)
        response.set_cookie(self.cookie_name, secret, max_age=self.config.session_days * 86_400, path="/", httponly=True, samesite="strict")
        return response

    async def me(self, request: Request) -> Response:
        identity: Identity = request.state.identity
        return json_response(Me(identity.id, identity.name, identity.role))

    async def create_start_code(self, _: Request) -> Response:
        return json_response(StartCode(self.accounts.create_code()), 201)

    async def create_token(self, request: Request) -> Response:
        wanted = await read_json(request, NewToken)
        secret = await self.accounts.create_token(wanted.name, wanted.role)
        return json_response(Token(secret, wanted.name, wanted.role), 201)

    async def list_notebooks(self, _: Request) -> Response:
        return json_response(await self.notebooks.list())

    async def create_notebook(self, request: Request) -> Response:
        return json_response(await self.notebooks.create((await read_json(request, NewNotebook)).title), 201)

    async def import_notebook(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (IPYNB, "application/json", BYTES):
            raise ApiError(415, "unsupported-media-type", f"send Content-Type: {IPYNB}")
        name = request.query_params.get("name", "Untitled").removesuffix(".ipynb").strip()[:255] or "Untitled"
        data = await read_body(request, self.config.notebook_bytes)
        return json_response(await self.notebooks.import_file(data, name), 201)

    async def get_notebook(self, request: Request) -> Response:
        return json_response(await self.notebooks.get(_notebook_id(request)))

    async def rename_notebook(self, request: Request) -> Response:
        return json_response(await self.notebooks.rename(_notebook_id(request), (await read_json(request, Renaming)).title))

    async def delete_notebook(self, request: Request) -> Response:
        await self.notebooks.delete(_notebook_id(request))
        return Response(status_code=204)

    async def export_notebook(self, request: Request) -> Response:
        notebook = await self.notebooks.get(_notebook_id(request))
        seq = _number(request, "seq", 0, MAX_INTEGER) if "seq" in request.query_params else None
        data = await self.notebooks.export_file(notebook.id, seq)
        name = quote(file_name(notebook.title), safe="")
        return Response(data, media_type=IPYNB, headers={"content-disposition": f"attachment; filename*=UTF-8''{name}"})

    async def history(self, request: Request) -> Response:
        notebook_id = _notebook_id(request)
        after, limit = _number(request, "after", 0, MAX_INTEGER), _number(request, "limit", 1, HISTORY_EVENTS, HISTORY_EVENTS)
        return json_response(await self.notebooks.history(notebook_id, after, limit))

    async def get_image(self, request: Request) -> Response:
        path = self.notebooks.images.path(_notebook_id(request), _sha256(request))
        if path is None:
            raise ApiError(404, "not-found", "this image is gone; say hello again for a newer one, or go on without")
        headers = {"cache-control": "private, immutable, max-age=31536000", "etag": f'"{_sha256(request)}"'}
        return Response(await asyncio.to_thread(path.read_bytes), media_type=SQLITE, headers=headers)

    async def put_artifact(self, request: Request) -> Response:
        notebook = await self.notebooks.get(_notebook_id(request))
        await self.artifacts.put(notebook.id, _sha256(request), request.stream())
        return Response(status_code=204)

    async def get_artifact(self, request: Request) -> Response:
        notebook_id, sha256 = _notebook_id(request), _sha256(request)
        size = self.artifacts.size(notebook_id, sha256)
        if size is None:
            raise ApiError(404, "not-found", f"this notebook has no artifact {sha256}")
        image = self.artifacts.media_type(notebook_id, sha256)
        headers = {
            "content-length": str(size),
            "content-security-policy": "sandbox; default-src 'none'",
            "cache-control": "private, immutable, max-age=31536000",
            "etag": f'"{sha256}"',
        }
        if image is None:
            headers["content-disposition"] = f'attachment; filename="{sha256}"'
        if request.method == "HEAD":
            return Response(headers=headers, media_type=image or BYTES)
        return StreamingResponse(self.artifacts.stream(notebook_id, sha256), headers=headers, media_type=image or BYTES)


def _number(request: Request, name: str, lowest: int, highest: int, default: int = 0) -> int:
    """Read a number of the query."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 16 or not lowest <= int(text) <= highest:
        raise ApiError(400, "bad-request", f"{name} is a number from {lowest} to {highest}")
    return int(text)


def _notebook_id(request: Request) -> str:
    notebook_id: str = request.path_params["id"]
    if not is_id(notebook_id):
        raise ApiError(404, "not-found", "there is no such notebook")
    return notebook_id


def _sha256(request: Request) -> str:
    sha256: str = request.path_params["sha256"]
    if not is_sha256(sha256):
        raise ApiError(400, "bad-request", "an artifact's name is 64 lower-case hexadecimal digits")
    return sha256
