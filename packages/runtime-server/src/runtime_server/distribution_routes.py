"""`/pyodide/`: the index, asked for at every start, and the files, which a browser keeps for ever under their hash."""

import gzip
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import final

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from .distribution import Distribution
from .errors import ApiError
from .routes import error_response

_NOT_BUILT = ApiError(
    503, "not-built", "this server runs from a source tree without Python for pages: run `make pyodide` there, then start it again"
)
_TYPES = {
    ".mjs": "text/javascript; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
    ".json": "application/json",
}
_CHUNK_BYTES = 1024 * 1024  # each chunk costs a change of threads, and these are files of megabytes


def distribution_routes(distribution: Distribution) -> list[Route]:
    """Make the routes of a distribution's fixed set of files."""

    async def index(_: Request) -> Response:
        if distribution.index is None:
            return error_response(_NOT_BUILT)
        return Response(distribution.index, media_type="application/json", headers={"cache-control": "no-cache"})

    async def file(request: Request) -> Response:
        name: str = request.path_params["name"]
        path = distribution.files.get(f"{request.path_params['hash']}/{name}")
        return PlainTextResponse("Not found", 404) if path is None else _send(path, name, request)

    return [Route("/pyodide/index.json", index), Route("/pyodide/{hash}/{name}", file)]


def _send(path: Path, name: str, request: Request) -> Response:
    kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"cache-control": "public, immutable, max-age=31536000"}
    if path.name == name:
        return _LargeFile(path, media_type=kind, headers=headers)
    # Compressed also on loopback, where unpacking takes a browser 0.1 s more than reading 40 MB plain: a browser's cache
    # refuses what is more than an eighth of it, and 10 MB is already that of a small one.
    headers["vary"] = "accept-encoding"
    if "gzip" in request.headers.get("accept-encoding", ""):
        return _LargeFile(path, media_type=kind, headers={**headers, "content-encoding": "gzip"})
    return StreamingResponse(_unpacked(path), media_type=kind, headers=headers)


@final
class _LargeFile(FileResponse):
    chunk_size = _CHUNK_BYTES


def _unpacked(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as content:
        while chunk := content.read(_CHUNK_BYTES):
            yield chunk
