"""A real agent process: how it starts, what its signals do, what its exit status says, what it writes."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import runtime_core
import runtime_node
from runtime_node import MEANINGS, ExitCode, is_same_process, main, process_created_s
from runtime_node.logs import LineFormatter
from runtime_node.signals import StopSignals
from runtime_node.system import RandomIds, SystemClock
from runtime_schema.ids import is_id

WAITER = """
import asyncio, sys
from runtime_node.signals import StopSignals

async def wait():
    with StopSignals() as signals:
        print("ready", flush=True)
        await signals.asked.wait()
        print(signals.name, flush=True)
        await asyncio.Event().wait()

asyncio.run(wait())
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_and_the_second_ends(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"{number.name}\n"
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(5) == ExitCode.FORCED


async def test_signals_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals(leave=lambda _: None) as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(signals.asked.wait(), 5)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_command_line_that_cannot_work_exits_with_usage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNT_DATA", str(tmp_path))
    monkeypatch.setenv("RUNT_CONFIG", str(tmp_path / "none.toml"))
    assert main(["--server", "http://127.0.0.1:1"]) == ExitCode.USAGE
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": is missing")[0] for line in lines[1:]] == ["runt agent: --notebook", "runt agent: --token-file"]
    assert lines[0].startswith("runt agent: RUNT_CONFIG: there is no file")


@pytest.mark.slow
def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    environ = {**os.environ, "RUNT_TOKEN": "secret", "RUNT_DATA": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-c", "import sys, runtime_node; sys.exit(runtime_node.main(sys.argv[1:]))"]
    done = subprocess.run(
        [*command, "--notebook=n", "--server=http://127.0.0.1:1"], env=environ, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == ExitCode.FAILED
    assert done.stderr == "runt agent: cannot reach http://127.0.0.1:1: Connection refused (is the server running?)\n"


def test_the_help_names_every_flag_and_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == ExitCode.OK
    text = capsys.readouterr().out
    for word in (
        "--notebook",
        "--server",
        "--token-file",
        "RUNT_TOKEN",
        "--client-id",
        "--runtime-id",
        "--cwd",
        "--log-level",
        "Examples:",
    ):
        assert word in text
    for code in ExitCode:
        assert f"{code:>3}  {MEANINGS[code]}" in text


def test_exit_statuses_are_public_and_stay_as_they_are() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "REFUSED": 3,
        "DISPLACED": 4,
        "EVICTED": 5,
        "UNAUTHORIZED": 6,
        "ENGINE": 7,
        "FORCED": 130,
    }


def test_a_process_is_its_pid_and_its_start() -> None:
    created_s = process_created_s(os.getpid())
    assert created_s is not None
    assert is_same_process(os.getpid(), created_s)
    assert not is_same_process(os.getpid(), created_s - 60)
    assert process_created_s(2**22 + 1) is None


def test_a_log_line_is_one_line_without_a_traceback() -> None:
    record = logging.LogRecord("runtime_node", logging.ERROR, "", 1, "failed\nbadly", None, None)
    record.created = 0.0
    try:
        raise ValueError("why")
    except ValueError as exc:
        record.exc_info = (type(exc), exc, exc.__traceback__)
    assert LineFormatter(tracebacks=False).format(record) == "1970-01-01T00:00:00.000Z error runtime_node failed badly: ValueError: why"
    assert "Traceback" in LineFormatter(tracebacks=True).format(record)


async def test_the_clock_and_the_ids_are_this_machines() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.now_ms() > 1_700_000_000_000
    ids = {RandomIds().new_id() for _ in range(100)}
    assert (len(ids), all(map(is_id, ids))) == (100, True)


def test_public_names_include_the_cores() -> None:
    names = runtime_node.__all__
    assert set(runtime_core.__all__) <= set(names)
    assert len(names) == len(set(names))
    assert all(hasattr(runtime_node, name) for name in names)
