"""The composition root of a worker: builds a runtime of what the page says, runs it, and says how it ended.

JavaScript calls `main`; `serve` is the same without Pyodide.
"""

import logging
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TextIO, cast

from runtime_core.agent import RuntimeAgent
from runtime_core.errors import RejectedError, RuntimeCoreError, SessionEndedError, SessionRefusedError
from runtime_core.log import Logger
from runtime_core.options import RuntimeCapabilities
from runtime_core.ports import Clock, Engine, IdSource
from runtime_core.tasks import Tasks

from .agent import BrowserRuntimeOptions, create_browser_runtime_agent
from .artifacts import PortArtifacts
from .blocking import StackSwitching
from .bridge import Bridge, Ffi, PyodideBridge
from .config import BrowserConfig, read_config
from .errors import BrowserConfigError
from .port import Message, Port
from .port_store import PortStore
from .runtimes import attach_runtime
from .system import SystemClock
from .worker_engine import WorkerEngine

_LOG = Logger("runtime_browser")
_LOGGERS = tuple(map(logging.getLogger, ("runtime_browser", "runtime_core", "runtime_python")))

_SENTENCES: Mapping[str, str] = {
    "displaced": "Another runtime took over.",
    "evicted": "Somebody removed this runtime from the notebook.",
    "lost": "The notebook's server was out of reach for too long.",
    "upgrade": "This page derives notebooks by other rules than the server: reload it.",
}
"""Why it ended, where nobody here asked for it."""


async def main(raw: Any) -> None:  # Any: JavaScript's object, a bridge to be
    """Be the runtime of the notebook in the page, until the page or somebody else ends it."""
    ffi, webloop = import_module("pyodide.ffi"), import_module("pyodide.webloop")
    known = cast("Ffi", ffi)  # what the checker cannot see from here
    switching = StackSwitching(known.run_sync, known.can_run_sync, (ffi, webloop))
    version = str(import_module("pyodide").__version__)
    await serve(PyodideBridge(raw, known), switching=switching, info={"pyodide": version})


async def serve(
    bridge: Bridge,
    *,
    switching: StackSwitching | None = None,
    info: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    ids: IdSource | None = None,
) -> None:
    """Run an agent over a bridge, from the page's welcome to the message `ended`.

    Args:
        bridge: To the page.
        switching: Pyodide's stack switching.
        info: Facts about the runtime to show people.
        clock, ids: By default this worker's.
    """
    port = Port(bridge)
    reason, problem = await _run(port, switching, {"host": "browser", **(info or {})}, clock or SystemClock(), ids)
    port.post("ended", reason=reason, problem=problem)


async def _run(
    port: Port, switching: StackSwitching | None, info: Mapping[str, str], clock: Clock, ids: IdSource | None
) -> tuple[str, str | None]:
    """Live, and return the reason of the end with a sentence for people, unless it was asked for."""
    welcome = await port.welcome()
    handler = _log_to(sys.stderr)
    try:
        told = welcome["config"]
        config = read_config(told["search"], told["storage"], told["defaults"])
        for logger in _LOGGERS:
            logger.setLevel(config.log_level.upper())
        agent = _build(port, welcome, config, switching, info, clock, ids)
        return await _live(agent, port, config)
    except BrowserConfigError as exc:
        return "config", str(exc)
    except RuntimeCoreError as exc:
        return "failed", str(exc)
    except Exception as exc:  # whatever it is, the page must hear of the end
        _LOG.error("failed", exc)
        return "failed", f"The runtime ended unexpectedly: {type(exc).__name__}: {exc}"
    finally:
        for logger in _LOGGERS:
            logger.removeHandler(handler)


def _build(
    port: Port,
    welcome: Message,
    config: BrowserConfig,
    switching: StackSwitching | None,
    info: Mapping[str, str],
    clock: Clock,
    ids: IdSource | None,
) -> RuntimeAgent:
    options = BrowserRuntimeOptions(
        client_id=welcome["clientId"],
        runtime_id=config.runtime_id,
        runtime_type=config.runtime,
        lost_after_ms=config.lost_after_ms,
        cancel_grace_s=config.cancel_grace_s,
        inline_limit_bytes=config.inline_limit_bytes,
        info={**info, "python": sys.version.partition(" ")[0]},
    )
    store, artifacts = PortStore(port, welcome), PortArtifacts(port.bridge)
    agent = create_browser_runtime_agent(store, RuntimeCapabilities(), options, artifacts=artifacts, clock=clock, ids=ids)

    def make_engine() -> Engine:
        return WorkerEngine(port, lambda: agent.session_id or "", clock=clock, load_imports=config.load_imports, switching=switching)

    attach_runtime(agent, config.runtime, make_engine)
    return agent


async def _live(agent: RuntimeAgent, port: Port, config: BrowserConfig) -> tuple[str, str | None]:
    stopping = Tasks(lambda exc: _LOG.error("failed to stop", exc))
    port.handle("stop", lambda _: stopping.spawn(agent.shutdown()) and None)
    agent.on_state(lambda phase: port.post("phase", phase=phase))
    port.open()
    try:
        await agent.start(takeover=config.takeover, replaces=config.replaces)
    except SessionRefusedError as exc:
        return "refused", str(exc)
    except SessionEndedError as exc:
        return exc.reason, _SENTENCES.get(exc.reason)
    except RejectedError:
        pass  # `closed` tells why
    reason = await agent.closed()
    if reason not in _SENTENCES and agent.problem is not None:
        return reason, str(agent.problem)
    return reason, _SENTENCES.get(reason)


def _log_to(stream: TextIO) -> logging.Handler:
    """Log to the browser's console: `sys.stderr` itself will be that of cells, and the root logger is theirs too."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    for logger in _LOGGERS:
        logger.addHandler(handler)
    return handler
