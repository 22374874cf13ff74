"""The server's REST interface, as far as runtimes and the command line need it, over the standard library's HTTP client.

`ServerApi` is the port; `UrllibApi` waits in a thread for each request, which is plenty for a handful of them.
"""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Protocol, cast, final
from urllib.parse import quote

from runtime_store.http import make_opener

from .errors import NotebookUnknownError, ServerAnswerError, ServerUnreachableError, UnauthorizedError

_USER_AGENT = "runt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """One notebook of a server."""

    id: str
    title: str


class ServerApi(Protocol):
    """What the server answers. All raise the errors of `errors` that speak of a server."""

    @property
    def server(self) -> str:
        """Its address."""
        ...

    async def me(self) -> str:
        """Give the id of the token's user."""
        ...

    async def notebooks(self) -> list[Notebook]:
        """List the notebooks that the user may see."""
        ...

    async def notebook(self, notebook: str) -> Notebook:
        """Give one notebook."""
        ...

    async def import_notebook(self, name: str, content: bytes) -> Notebook:
        """Make a notebook of an .ipynb."""
        ...

    async def export_notebook(self, notebook: str) -> bytes:
        """Give a notebook as .ipynb."""
        ...

    async def has_artifact(self, notebook: str, sha256: str) -> bool:
        """Tell whether the server keeps these bytes for the notebook."""
        ...

    async def make_token(self, name: str, role: str) -> str:
        """Make a bearer token; needs an owner's."""
        ...

    async def make_start_code(self) -> str:
        """Make a code that lets one browser in, once; needs an owner's token."""
        ...

    async def put_artifact(self, notebook: str, sha256: str, data: bytes, mime_type: str) -> None:
        """Give bytes to the server to keep."""
        ...

    async def get_artifact(self, notebook: str, sha256: str) -> bytes:
        """Fetch bytes."""
        ...


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes


@final
class UrllibApi(ServerApi):
    """The interface over HTTP, with a bearer token.

    Args:
        server: The server's address, such as `http://127.0.0.1:8585`.
        token: The bearer token.
        timeout_s: How long one request may be without progress.
    """

    def __init__(self, server: str, token: str, *, timeout_s: float = 30.0) -> None:
        self._server = server.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._opener = make_opener(server)

    @property
    def server(self) -> str:
        return self._server

    async def me(self) -> str:
        return str(self._object(await self._ask("GET", "/api/me"), "GET /api/me").get("id", ""))

    async def notebooks(self) -> list[Notebook]:
        found = self._json(await self._ask("GET", "/api/notebooks"), "GET /api/notebooks")
        listed = cast("list[object]", found) if isinstance(found, list) else []
        return [self._notebook(item, "GET /api/notebooks") for item in listed]

    async def notebook(self, notebook: str) -> Notebook:
        path = f"/api/notebooks/{quote(notebook)}"
        return self._notebook(self._json(await self._ask("GET", path, notebook=notebook), path), path)

    async def import_notebook(self, name: str, content: bytes) -> Notebook:
        path = f"/api/notebooks/import?name={quote(name, safe='')}"
        answer = await self._ask("POST", path, content, "application/x-ipynb+json")
        return self._notebook(self._json(answer, path), path)

    async def export_notebook(self, notebook: str) -> bytes:
        return (await self._ask("GET", f"/api/notebooks/{quote(notebook)}/export", notebook=notebook)).body

    async def make_token(self, name: str, role: str) -> str:
        body = json.dumps({"name": name, "role": role}).encode()
        answer = await self._ask("POST", "/api/tokens", body, "application/json")
        return str(self._object(answer, "POST /api/tokens").get("token", ""))

    async def make_start_code(self) -> str:
        return str(self._object(await self._ask("POST", "/api/start-codes"), "POST /api/start-codes").get("code", ""))

    async def has_artifact(self, notebook: str, sha256: str) -> bool:
        return (await self._ask("HEAD", _artifact(notebook, sha256), accept=(200, 404))).status == 200

    async def put_artifact(self, notebook: str, sha256: str, data: bytes, mime_type: str) -> None:
        await self._ask("PUT", _artifact(notebook, sha256), data, mime_type, notebook=notebook)

    async def get_artifact(self, notebook: str, sha256: str) -> bytes:
        return (await self._ask("GET", _artifact(notebook, sha256))).body

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        mime_type: str | None = None,
        *,
        notebook: str | None = None,
        accept: tuple[int, ...] = (200, 201, 204),
    ) -> _Answer:
        answer = await asyncio.to_thread(self._request, method, path, body, mime_type)
        if answer.status in accept:
            return answer
        if answer.status in (401, 403):
            raise UnauthorizedError(self._server)
        if answer.status == 404 and notebook is not None:
            raise NotebookUnknownError(self._server, notebook)
        raise ServerAnswerError(self._server, f"{method} {path}", _problem(answer))

    def _request(self, method: str, path: str, body: bytes | None, mime_type: str | None) -> _Answer:
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": _USER_AGENT}
        if mime_type is not None:
            headers["Content-Type"] = mime_type
        request = urllib.request.Request(self._server + path, body, headers, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return _Answer(response.status, response.read())
        except urllib.error.HTTPError as exc:
            with exc:
                return _Answer(exc.code, exc.read())
        except urllib.error.URLError as exc:
            raise ServerUnreachableError(self._server, _reason(exc.reason)) from exc
        except (OSError, HTTPException) as exc:
            raise ServerUnreachableError(self._server, _reason(exc)) from exc

    def _json(self, answer: _Answer, request: str) -> object:
        try:
            return json.loads(answer.body)
        except ValueError:
            raise ServerAnswerError(self._server, request, "something that is not JSON") from None

    def _object(self, answer: _Answer, request: str) -> Mapping[str, object]:
        found = self._json(answer, request)
        if not isinstance(found, dict):
            raise ServerAnswerError(self._server, request, "something unexpected")
        return cast("dict[str, object]", found)

    def _notebook(self, found: object, request: str) -> Notebook:
        fields = cast("dict[str, object]", found) if isinstance(found, dict) else {}
        notebook_id, title = fields.get("id"), fields.get("title")
        if not isinstance(notebook_id, str):
            raise ServerAnswerError(self._server, request, "something unexpected")
        return Notebook(id=notebook_id, title=title if isinstance(title, str) else "")


def _artifact(notebook: str, sha256: str) -> str:
    return f"/api/notebooks/{quote(notebook)}/artifacts/{sha256}"


def _problem(answer: _Answer) -> str:
    try:
        found: object = json.loads(answer.body)
    except ValueError:
        found = None
    message = cast("dict[str, object]", found).get("message") if isinstance(found, dict) else None
    return f"status {answer.status}" + (f", {message}" if isinstance(message, str) else "")


def _reason(problem: object) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return str(problem) or type(problem).__name__
