"""How HTTP requests with credentials reach the server that was named, and nobody else."""

import urllib.request
from typing import Any, final
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Tell whether a server is on this machine. A proxy that the environment names is for other machines."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def make_opener(url: str) -> urllib.request.OpenerDirector:
    """Make what sends requests to the server at `url`: it follows nowhere, since credentials are for that server."""
    proxies = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    return urllib.request.build_opener(*proxies, _NoRedirects())


@final
class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:  # Any: the library's signature, unused
        return None
