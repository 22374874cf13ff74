"""A server process for many connections, and bare sockets to it: blocking, frames made by hand, so that a figure is the server's."""

import base64
import contextlib
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Generator
from dataclasses import dataclass

import psutil

from runtime_schema.hashes import RULES_HASH, SCHEMA_HASH
from runtime_schema.wire import SUBPROTOCOL

from .stack import make_notebook

SERVER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from runtime_schema.wire import Limits
from runtime_server import Server, ServerConfig

async def main():
    limits = replace(Limits(), connections_per_user=100_000)
    server = Server(ServerConfig(data_folder=Path(sys.argv[1]), limits=limits, idle_room_s=3600))
    await server.start()
    print(server.port, await server.create_token("crowd"), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@dataclass(frozen=True)
class Crowd:
    """A running server."""

    port: int
    token: str
    process: subprocess.Popen[str]

    @property
    def rss_mb(self) -> float:
        """What the server process takes now."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def notebook(self) -> str:
        """Make a notebook and give its id."""
        return make_notebook(f"http://127.0.0.1:{self.port}", self.token)

    def connect(self, notebook: str, session: str) -> socket.socket:
        """Connect, greet, and hear the log; what is sent from now on are new events."""
        sock = socket.create_connection(("127.0.0.1", self.port), 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(
            f"GET /sync/{notebook} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n".encode()
        )
        reply = b""
        while b"\r\n\r\n" not in reply:
            reply += sock.recv(1)
        if b" 101 " not in reply.split(b"\r\n")[0]:
            raise RuntimeError(reply.decode(errors="replace"))
        send(sock, {"t": "hello", "session": session, "rules": RULES_HASH, "schema": SCHEMA_HASH})
        head = int(json.loads(receive(sock))["head"])
        send(sock, {"t": "from", "head": head})
        return sock


def send(sock: socket.socket, frame: object) -> None:
    """Send a frame of the protocol."""
    data = json.dumps(frame).encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
    sock.sendall(b"\x81" + size + b"\0\0\0\0" + data)  # a zero mask leaves the payload as it is


def receive(sock: socket.socket) -> bytes:
    """Receive one frame that is not longer than 64 KiB."""
    first, second = _exactly(sock, 2)
    if first != 0x81:
        raise RuntimeError(f"a frame that begins with {first:#x}")
    size = second if second < 126 else struct.unpack(">H", _exactly(sock, 2))[0]
    return _exactly(sock, size)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise RuntimeError("the server closed the connection")
        data += piece
    return data


@contextlib.contextmanager
def crowd() -> Generator[Crowd]:
    """Run a server for the length of a `with`."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([sys.executable, "-c", SERVER, folder], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            port, token = process.stdout.readline().split()
            yield Crowd(int(port), token, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
