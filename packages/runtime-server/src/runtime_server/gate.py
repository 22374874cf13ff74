"""The outermost ASGI layer: who is asked (Host), from where (Origin), secrets in URLs, and the headers that every answer carries.

It stands below the framework, so that nothing is routed, parsed or upgraded for a name that is not ours.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from .accounts import TOKEN_PREFIX

Scope = MutableMapping[str, Any]  # Any: ASGI's own types
Message = MutableMapping[str, Any]  # Any: ASGI's own types
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

APP_CSP = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:;"
    " font-src 'self' data:; media-src 'self' data: blob:; connect-src 'self'; worker-src 'self' blob:; frame-src 'self' data: blob:;"
    " manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: dict[bytes, bytes] = {
    b"content-security-policy": APP_CSP.encode(),
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-embedder-policy": b"credentialless",
    b"cross-origin-resource-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), payment=(), display-capture=()",
    b"cache-control": b"no-store",
}
"""On every answer, unless the answer has its own value."""
_CSP = b"content-security-policy"

_TOKEN_PARAMETERS = frozenset({"token", "access_token"})
_TOKEN = re.compile(TOKEN_PREFIX + "[A-Za-z0-9_-]{43}")


class Gate:
    """Lets through what is meant for this server.

    `hosts` are the exact values of Host, such as `127.0.0.1:8000`; `origins` those of Origin, such as `http://127.0.0.1:8000`.
    `connect_to` is one more origin that the app's pages may fetch from.
    """

    def __init__(self, app: App, hosts: frozenset[str], origins: frozenset[str], connect_to: str | None = None) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins
        csp = APP_CSP if connect_to is None else APP_CSP.replace("connect-src 'self'", f"connect-src 'self' {connect_to}")
        self._headers = {**HEADERS, _CSP: csp.encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, add headers, pass on."""
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(scope, send, self._headers, *refusal)
        elif scope["type"] == "http":
            await self._app(scope, receive, _with_headers(send, self._headers))
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return 400, "bad-host", "exactly one Host header is needed"
        if hosts[0].decode("latin-1").lower() not in self._hosts:
            return 421, "bad-host", "this server does not go by that name; see its hosts setting"
        if _has_token(scope["query_string"]):
            return 400, "token-in-url", "URLs end up in histories and logs: make a new token and send it as `Authorization: Bearer`"
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        # A plain GET changes nothing and its answer is unreadable elsewhere; some browsers send Origin with it for modules.
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            return None
        if len(origins) > 1 or (origins and origins[0] not in self._origins):
            return 403, "bad-origin", "pages of that origin may not use this server"
        return None


def _has_token(query: bytes) -> bool:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    # LiveStore's `payload` is JSON that was encoded twice.
    return any(name.lower() in _TOKEN_PARAMETERS or _TOKEN.search(unquote(value)) for name, value in pairs)


async def _refuse(scope: Scope, send: Send, own: Mapping[bytes, bytes], status: int, code: str, message: str) -> None:
    body = msgspec.json.encode({"code": code, "message": message})
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *own.items()]
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


def _with_headers(send: Send, own: Mapping[bytes, bytes]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            found = list(message.get("headers", ()))
            names = {name.lower() for name, _ in found}
            message["headers"] = found + [(name, value) for name, value in own.items() if name not in names]
        await send(message)

    return send_with_headers
