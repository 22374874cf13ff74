"""The built web app: a fixed set of files, known when the server starts, and the page for / and /nb/{id}."""

import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

STATIC = Path(__file__).parent / "static"

# A page for untrusted output: opaque origin by `sandbox`, scripts allowed, no network. The app may put it in a frame.
FRAME_CSP = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob: data:; style-src 'unsafe-inline';"
    " img-src data: blob: https:; font-src data:; media-src data: blob:; worker-src blob:; connect-src 'none'; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'self'"
)
# A page for Python in a worker: opaque origin too, so it has no cookie, no storage and no API of ours. The page hands it every
# file; its own connections are those of user code, which may fetch what other sites let anybody read.
RUNTIME_FRAME_CSP = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob: data:; worker-src data:;"
    " connect-src https: wss: data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_FRAMES = {"output-frame.html": FRAME_CSP, "runtime-frame.html": RUNTIME_FRAME_CSP}
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>runt</title>
<h1>The app is not built</h1>
<p>This server runs from a source tree whose web app has not been built. Run <code>make ui</code> there, then start the server again.</p>
"""


def web_routes(folder: Path = STATIC) -> list[Route]:
    """Make the routes of the built app; without one, of a page that says how to build it."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()} if folder.is_dir() else {}

    async def index(_: Request) -> Response:
        if "index.html" not in files:
            return HTMLResponse(_NOT_BUILT, 503)
        return FileResponse(files["index.html"], media_type="text/html; charset=utf-8", headers={"cache-control": "no-store"})

    async def file(request: Request) -> Response:
        name: str = request.path_params["name"]
        if name.startswith("api/"):
            raise HTTPException(404)  # programs are answered in JSON
        path = files.get(name)
        if path is None or name == "index.html":
            return PlainTextResponse("Not found", 404)
        # A frame of opaque origin has no service worker: without a server the browser's cache is all it can come from.
        named_by_content = name.startswith("assets/") or (name in _FRAMES and "v" in request.query_params)
        headers = {"cache-control": "public, immutable, max-age=31536000" if named_by_content else "no-cache"}
        if name in _FRAMES:
            headers["content-security-policy"] = _FRAMES[name]
        return FileResponse(path, media_type=_media_type(name), headers=headers)

    return [Route("/", index), Route("/nb/{id}", index), Route("/{name:path}", file)]


def _media_type(name: str) -> str:
    if name.endswith((".js", ".mjs")):
        return "text/javascript; charset=utf-8"
    if name.endswith(".wasm"):
        return "application/wasm"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
