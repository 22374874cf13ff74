"""What an execution and an event cost with nothing of ours on their way: processes, sockets, commits and IPython alone.

The same hops as in `execute` and `sync`, on disk before they are passed on: client A, server, runtime, the process of user
code, runtime, server, client B. A message is 150 bytes, whose first says what it is.
"""

import asyncio
import io
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any, cast

import apsw
from IPython.core.interactiveshell import InteractiveShell

from runtime_node.event_loop import run_program
from runtime_server.database import as_sql, configure

ROUNDS, WARM, SIZE = 500, 50, 150
READY, EVENT, REQUEST, RESULT, ACK = (kind.ljust(SIZE, b".") for kind in (b"!", b"e", b"q", b"r", b"a"))


def measure() -> dict[str, float]:
    """Give {execute_p50_ms, sync_p50_ms}."""
    from .stack import percentile  # here: in the processes this file is no part of a package

    execute, sync = run_program(_measure())
    return {"execute_p50_ms": round(percentile(execute, 50), 3), "sync_p50_ms": round(percentile(sync, 50), 3)}


async def _measure() -> tuple[list[float], list[float]]:
    processes: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
        processes.append(_spawn("server", str(listening.fileno()), f"{folder}/log", pass_fds=[listening.fileno()]))
        try:
            seen: asyncio.Queue[bytes] = asyncio.Queue()
            a = await _join(port, lambda _peer, _message: None)
            await _join(port, lambda _peer, message: seen.put_nowait(message))
            processes.append(_spawn("runtime", str(port)))
            await seen.get()
            return await _rounds(a, REQUEST, RESULT, seen), await _rounds(a, EVENT, EVENT, seen)
        finally:
            for process in processes:
                process.kill()
                process.wait()


async def _rounds(a: "_Peer", message: bytes, wanted: bytes, seen: asyncio.Queue[bytes]) -> list[float]:
    times: list[float] = []
    for _ in range(WARM + ROUNDS):
        begun = time.perf_counter()
        a.send(message)
        while await seen.get() != wanted:
            pass
        times.append((time.perf_counter() - begun) * 1e3)
    return times[WARM:]


class _Peer(asyncio.Protocol):
    """A connection that gives each message it reads."""

    transport: asyncio.WriteTransport

    def __init__(self, take: Callable[["_Peer", bytes], None]) -> None:
        self._take = take
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._read += data
        while len(self._read) >= SIZE:
            message, self._read = self._read[:SIZE], self._read[SIZE:]
            self._take(self, message)

    def send(self, message: bytes) -> None:
        self.transport.write(message)


async def _join(port: int, take: Callable[[_Peer, bytes], None]) -> _Peer:
    _, peer = await asyncio.get_running_loop().create_connection(lambda: _Peer(take), "127.0.0.1", port)
    return peer


def _spawn(role: str, *arguments: str, pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, role, *arguments], pass_fds=pass_fds)


async def _serve(listening: int, path: str) -> None:
    """Write down each message, then tell all others, then its author."""
    connection = apsw.Connection(path)
    configure(connection)
    log = as_sql(connection)
    log.execute("CREATE TABLE log (message BLOB)")
    peers: list[_Peer] = []

    def take(author: _Peer, message: bytes) -> None:
        log.execute("INSERT INTO log VALUES (?)", (message,))
        for peer in peers:
            if peer is not author:
                peer.send(message)
        author.send(ACK)

    def join() -> _Peer:
        peers.append(_Peer(take))
        return peers[-1]

    await asyncio.get_running_loop().create_server(join, sock=socket.socket(fileno=listening))
    await asyncio.Event().wait()


async def _run(port: int) -> None:
    """Run the cell at each request, send what it gave."""
    ours, theirs = socket.socketpair()
    _spawn("cell", str(theirs.fileno()), pass_fds=[theirs.fileno()])
    theirs.close()

    def take(_: _Peer, message: bytes) -> None:
        if message == REQUEST:
            cell.send(message)

    server = await _join(port, take)
    _, cell = await asyncio.get_running_loop().create_connection(lambda: _Peer(lambda _, message: server.send(message)), sock=ours)
    await asyncio.Event().wait()


def _run_cells(descriptor: int) -> None:
    """IPython, in a process of its own; ends with its runtime."""
    runtime = socket.socket(fileno=descriptor)
    shell: Any = InteractiveShell.instance()  # Any: IPython types little
    runtime.sendall(READY)
    while runtime.recv(SIZE):
        with redirect_stdout(io.StringIO()):
            shell.run_cell("1", store_history=True)
        runtime.sendall(RESULT)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["server", listening, path]:
            run_program(_serve(int(listening), path))
        case ["runtime", port]:
            run_program(_run(int(port)))
        case ["cell", descriptor]:
            _run_cells(int(descriptor))
        case _:
            sys.exit("started by measure()")
