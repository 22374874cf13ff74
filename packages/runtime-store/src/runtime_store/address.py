"""Where a store's backend is, and what lets us in."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store's backend is, and what lets us in: a bearer token, or a session cookie (`name=value`)."""

    url: str
    store_id: str
    token: str | None = None
    cookie: str | None = None

    @property
    def socket_url(self) -> str:
        """The WebSocket's address; `url` may be an http or ws one."""
        parts = urlsplit(self.url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        return parts._replace(scheme=scheme, path=f"{parts.path.rstrip('/')}/sync/{self.store_id}", query="", fragment="").geturl()

    @property
    def origin(self) -> str:
        """What a page of that server would send as Origin, which goes with a cookie."""
        parts = urlsplit(self.url)
        scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
        return f"{scheme}://{parts.netloc}"

    @property
    def headers(self) -> dict[str, str]:
        """The request headers that authenticate."""
        return ({"Authorization": f"Bearer {self.token}"} if self.token else {}) | ({"Cookie": self.cookie} if self.cookie else {})
