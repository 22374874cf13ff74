"""Credentials go to the server that was named, and nowhere else."""

import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from runtime_store.http import is_loopback, make_opener


class Elsewhere(BaseHTTPRequestHandler):
    """Sends everybody to another place on the same server, and notes who came."""

    came: list[str]

    def do_GET(self) -> None:
        self.came.append(self.path)
        self.send_response(302)
        self.send_header("Location", f"http://{self.headers['Host']}/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Elsewhere.came = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_requests_follow_no_redirect(url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        make_opener(url).open(f"{url}/asked", timeout=5)
    caught.value.close()
    assert (caught.value.code, Elsewhere.came) == (302, ["/asked"])


def test_requests_to_this_machine_pass_by_the_proxy_of_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(urllib.error.HTTPError) as caught:
        make_opener(url).open(f"{url}/asked", timeout=5)
    caught.value.close()
    assert Elsewhere.came == ["/asked"]


@pytest.mark.parametrize(("address", "here"), [("http://localhost:1", True), ("ws://[::1]:1/x", True), ("https://a.example", False)])
def test_loopback_is_this_machine(address: str, here: bool) -> None:
    assert is_loopback(address) is here
