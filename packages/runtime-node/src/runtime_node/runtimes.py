"""What each `--runtime` is made of."""

from pathlib import Path
from typing import assert_never

from runtime_core.agent import RuntimeAgent
from runtime_core.handlers import drive_engine, echo, html

from .config import RuntimeType
from .subprocess_engine import SubprocessEngine


def attach_runtime(agent: RuntimeAgent, runtime: RuntimeType, *, cwd: Path) -> None:
    """Let an agent that has not started run cells by the named runtime.

    Args:
        agent: The agent.
        runtime: Which one.
        cwd: The folder that code runs in, where the runtime has one.
    """
    match runtime:
        case "python":
            drive_engine(agent, SubprocessEngine(cwd=cwd))
        case "echo":
            agent.on_execution(echo)
        case "html":
            agent.on_execution(html)
        case _:
            assert_never(runtime)
