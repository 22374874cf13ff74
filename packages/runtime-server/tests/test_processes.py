"""Real server processes: kill -9 under pushes loses nothing acknowledged, a second one on the folder ends with one line."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from runtime_server.testing import RawClient

SERVE = """
import asyncio, sys
from pathlib import Path
from runtime_server import RuntimeServerError, Server, ServerConfig

async def main():
    server = Server(ServerConfig(data_folder=Path(sys.argv[1])))
    await server.start()
    notebooks = await server.notebooks.list() or [await server.notebooks.create("N")]
    print(server.url, notebooks[0].id, await server.create_token("t"), flush=True)
    await asyncio.Event().wait()

try:
    asyncio.run(main())
except RuntimeServerError as error:
    sys.exit(f"runt: {error}")
"""


async def _serve(folder: Path) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-c", SERVE, str(folder), stdout=pipe, stderr=pipe)


async def _address(process: asyncio.subprocess.Process) -> list[str]:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().split()


@pytest.mark.slow
async def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acked: dict[int, int] = {}
    backends: set[str] = set()
    for acks_before_the_kill in (50, 300):
        process = await _serve(tmp_path)
        url, notebook, token = await _address(process)
        async with RawClient(url, notebook, token, "pusher", head=None) as client:
            backends.add(client.welcome["backend"])
            await client.send({"t": "from", "head": client.welcome["head"]})
            pushing = asyncio.create_task(_push(client, client.welcome["decided"].get("pusher", 0) + 1))
            with contextlib.suppress(ConnectionClosed):
                await _acks_then_kill(client, acked, acks_before_the_kill, process)
            await pushing
        await process.communicate()
    process = await _serve(tmp_path)
    url, notebook, token = await _address(process)
    async with RawClient(url, notebook, token, "reader") as client:
        log = await client.events(client.welcome["head"])
    process.terminate()
    await process.communicate()
    recorded = {event[4]: seq for seq, event in log if event[3] == "pusher"}
    assert acked
    assert {known: recorded.get(known) for known in acked} == acked
    assert [seq for seq, _ in log] == list(range(1, len(log) + 1))
    assert len(backends) == 1


async def _acks_then_kill(client: RawClient, acked: dict[int, int], count: int, process: asyncio.subprocess.Process) -> None:
    received = 0
    while True:
        ack = await client.receive("ack")
        acked.update({ack["n"] + place: ack["first"] + place for place in range(ack["count"])})
        received += ack["count"]
        if received >= count and process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()


async def _push(client: RawClient, first: int) -> None:
    with contextlib.suppress(ConnectionClosed):
        for n in range(first, first + 2_000):
            await client.push(n, f"event {n}")


@pytest.mark.slow
async def test_a_second_server_on_the_folder_ends_with_one_line(tmp_path: Path) -> None:
    first = await _serve(tmp_path)
    await _address(first)
    second = await _serve(tmp_path)
    _, errors = await second.communicate()
    assert second.returncode == 1
    assert errors.decode() == f"runt: another server is using {tmp_path}; stop it, or choose another folder with --data\n"
    first.terminate()
    await first.communicate()
