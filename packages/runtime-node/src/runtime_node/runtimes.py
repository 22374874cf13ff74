"""What each `--runtime` is made of."""

import sys

from runtime_core.agent import RuntimeAgent
from runtime_core.errors import InvalidOptionError
from runtime_core.handlers import drive_engine, echo, html
from runtime_core.ports import Engine

from .config import RuntimeConfig

JUPYTER = "jupyter:"


def attach_runtime(agent: RuntimeAgent, config: RuntimeConfig) -> None:
    """Let an agent that has not started run cells by the runtime of its configuration.

    Raises:
        InvalidOptionError: There is no such runtime.
    """
    match config.runtime:
        case "echo":
            agent.on_execution(echo)
        case "html":
            agent.on_execution(html)
        case _:
            drive_engine(agent, _engine(config))


def _engine(config: RuntimeConfig) -> Engine:
    if config.runtime == "python":
        from .subprocess_engine import SubprocessEngine

        return SubprocessEngine(
            python=config.python or (sys.executable,),
            cwd=config.cwd,
            env=config.env,
            memory_bytes=config.memory_bytes,
            prewarm=config.prewarm,
        )
    name = config.runtime.removeprefix(JUPYTER)
    if name == config.runtime or not name:
        raise InvalidOptionError("runtime", f"{config.runtime!r} is none of python, echo, html and {JUPYTER}NAME")
    from .jupyter_engine import JupyterEngine

    return JupyterEngine(name, cwd=config.cwd, env=config.env)
