"""The composition root of an agent on this machine: builds its parts from a configuration, runs it, and says how it ended."""

import asyncio
import os
import platform
import socket
import sys
from collections.abc import Sequence

from runtime_core.agent import RuntimeAgent
from runtime_core.errors import (
    EngineStartError,
    InvalidOptionError,
    RejectedError,
    RuntimeCoreError,
    SessionEndedError,
    SessionRefusedError,
)
from runtime_core.log import Logger
from runtime_core.options import RuntimeAgentOptions, RuntimeCapabilities
from runtime_core.ports import StoreStatus
from runtime_store import RuntimeStoreError, Store, connect

from .artifacts import FolderArtifacts, HttpArtifacts
from .config import OPTIONS, RuntimeConfig, parse_runtime_args
from .errors import ConfigError, Problem, RuntimeNodeError, UnauthorizedError
from .event_loop import run_program
from .exit_codes import MEANINGS, ExitCode
from .logs import one_line, set_up_logs
from .runtimes import attach_runtime
from .server_api import UrllibApi
from .signals import StopSignals
from .system import RandomIds, SystemClock

_LOG = Logger("runtime_node")

_STATUS: dict[str, ExitCode] = {
    "shutdown": ExitCode.OK,
    "restart": ExitCode.OK,
    "displaced": ExitCode.DISPLACED,
    "refused": ExitCode.REFUSED,
    "evicted": ExitCode.EVICTED,
    "lost": ExitCode.FAILED,
    "crashed": ExitCode.FAILED,
    "upgrade": ExitCode.FAILED,
}
_UPGRADE = "this version derives notebooks by other rules than the server; install the server's version"


async def create_node_runtime_agent(args: Sequence[str], capabilities: RuntimeCapabilities) -> tuple[RuntimeAgent, Store]:
    """Make an agent and its store from command-line flags, environment and configuration file.

    The agent runs what `--runtime` names until `on_execution` gives it another handler. Start it with `start`, end it with
    `shutdown`, then close the store.

    Raises:
        ConfigError: Everything that is missing or wrong, at once.
        RuntimeNodeError: The server cannot be reached, or refuses the token, or has no such notebook.
        RuntimeStoreError: The store's file cannot be used.
    """
    return await build_agent(parse_runtime_args(args), capabilities)


async def build_agent(config: RuntimeConfig, capabilities: RuntimeCapabilities) -> tuple[RuntimeAgent, Store]:
    """Make an agent and its store from a configuration; see `create_node_runtime_agent`."""
    api = UrllibApi(config.server, config.token)
    user = await api.me()
    if config.client_id is not None and config.client_id != user:
        hint = "leave --client-id out, or use a token of that user"
        raise ConfigError((Problem("--client-id", f"the token is of user {user!r}, not {config.client_id!r}", hint),))
    await api.notebook(config.notebook)
    folder = config.data / "agents" / config.notebook
    artifacts = HttpArtifacts(api, config.notebook, FolderArtifacts(folder / "artifacts"))
    store = await connect(
        config.server,
        config.notebook,
        client_id=user,
        token=config.token,
        path=folder / f"{config.runtime_id}.db",
        power_safe=False,
        artifacts=artifacts,
    )
    try:
        info = {"host": socket.gethostname(), "python": platform.python_version(), "folder": str(config.cwd)}
        options = RuntimeAgentOptions(
            runtime_id=config.runtime_id,
            runtime_type=config.runtime,
            client_id=user,
            info=info,
            execution_timeout_s=config.timeout_s,
        )
        agent = RuntimeAgent(store, capabilities, options, artifacts=artifacts, clock=SystemClock(), ids=RandomIds())
        attach_runtime(agent, config)
    except BaseException:
        await store.close(0)
        raise
    return agent, store


async def run_agent(config: RuntimeConfig) -> tuple[ExitCode, str]:
    """Be a notebook's runtime until a signal, a person or another runtime ends it.

    Returns:
        The status to exit with, and one line that says why.
    """
    with StopSignals() as signals:
        agent, store = await build_agent(config, RuntimeCapabilities())
        unsubscribe = store.subscribe_status(_ConnectionLog())
        try:
            return await _live(agent, store, config, signals)
        finally:
            unsubscribe()
            # The agent has given the authority its time: without a connection there is nothing more to wait for.
            left = await store.close(5 if store.status.connected else 0)
            if left:
                _LOG.warning("events wait for the next start", count=left)


class _ConnectionLog:
    """Logs when the connection comes and goes."""

    def __init__(self) -> None:
        self._known: tuple[bool, str | None] | None = None

    def __call__(self, status: StoreStatus) -> None:
        known = status.connected, status.problem
        if known != self._known:
            self._known = known
            _LOG.info("connection", up=status.connected, problem=status.problem)


async def start_caught_up(agent: RuntimeAgent, store: Store, *, take_over: bool) -> None:
    """Start an agent once its store has all of the log: before, it could not name the session that it is to replace.

    Raises:
        RuntimeCoreError: As `RuntimeAgent.start`.
    """
    await store.synced()
    await agent.start(takeover=take_over)


async def _live(agent: RuntimeAgent, store: Store, config: RuntimeConfig, signals: StopSignals) -> tuple[ExitCode, str]:
    asked = asyncio.ensure_future(signals.asked.wait())
    starting = asyncio.ensure_future(start_caught_up(agent, store, take_over=config.take_over))
    await asyncio.wait({asked, starting}, return_when=asyncio.FIRST_COMPLETED)
    starting.cancel()  # does nothing when it is done
    await asyncio.wait({starting})
    if not starting.cancelled() and (problem := starting.exception()) is not None:
        return _failure(problem)
    ended = asyncio.ensure_future(agent.closed())
    await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        _LOG.info("stopping", signal=signals.name)
        await agent.shutdown()
    asked.cancel()
    reason = await ended
    if agent.problem is not None:
        return _failure(agent.problem)
    status = _STATUS.get(reason, ExitCode.FAILED)
    return status, f"stopped: {_UPGRADE if reason == 'upgrade' else MEANINGS[status]}"


def _failure(problem: BaseException) -> tuple[ExitCode, str]:
    match problem:
        case SessionRefusedError():
            return ExitCode.REFUSED, str(problem)
        case SessionEndedError(reason=reason) if reason in ("displaced", "evicted", "refused", "shutdown"):
            return _STATUS[reason], f"stopped: {MEANINGS[_STATUS[reason]]}"
        case EngineStartError():
            return ExitCode.ENGINE, str(problem)
        case UnauthorizedError():
            return ExitCode.UNAUTHORIZED, str(problem)
        case ConfigError() | InvalidOptionError():
            return ExitCode.USAGE, str(problem)
        case RejectedError(code="upgrade"):
            return ExitCode.FAILED, _UPGRADE
        case RuntimeNodeError() | RuntimeStoreError() | RuntimeCoreError() | RejectedError():
            return ExitCode.FAILED, str(problem)
        case _:
            raise problem


def main(args: Sequence[str]) -> int:
    """Run an agent with these flags; returns the status to exit with."""
    if any(word in ("-h", "--help") for word in args):
        sys.stdout.write(help_text())
        return ExitCode.OK
    try:
        config = parse_runtime_args(args)
    except ConfigError as exc:
        sys.stderr.write("".join(f"runt agent: {problem}\n" for problem in exc.problems))
        return ExitCode.USAGE
    os.environ.pop("RUNT_TOKEN", None)  # user code inherits the environment
    set_up_logs(config.log_level, config.log_format)
    try:
        status, line = run_program(run_agent(config))
    except (RuntimeNodeError, RuntimeStoreError, RuntimeCoreError) as exc:
        status, line = _failure(exc)
    sys.stderr.write(f"runt agent: {one_line(line)}\n")
    return status


def help_text() -> str:
    """Write what `runt agent --help` shows."""
    names = {option.flag: f"{option.flag} {option.value}" for option in OPTIONS}
    width = max(map(len, names.values()))
    flags = "\n".join(f"  {names[option.flag]:<{width}}  {option.meaning}" for option in OPTIONS)
    statuses = "\n".join(f"  {code:>3}  {MEANINGS[code]}" for code in ExitCode)
    return f"""Usage: runt agent --notebook ID [FLAGS]

Run a notebook's cells on this machine. The agent connects to the server, takes what is to be run, and sends back what comes
out; when the connection is gone it works on, and sends what came out meanwhile when it is back.

Flags:
{flags}

Each flag but --data and --config may also stand in the configuration file, and each in the environment: --token-file as
RUNT_TOKEN_FILE, and so on. Flags win over the environment, the environment over the file.

Examples:
  runt agent --notebook 0199f3a2-…                        a notebook of the server that runs on this machine
  runt agent --notebook 0199f3a2-… --server https://notebooks.example.org --token-file ~/.runt-token
  RUNT_LOG_LEVEL=debug runt agent --notebook 0199f3a2-… --runtime echo

Ctrl-C, SIGTERM and SIGHUP end it politely: what runs gets some seconds to end. A second one ends it at once.

Exit status:
{statuses}
"""
