"""What each runtime type is made of; Python is imported only where it runs."""

from collections.abc import Callable
from typing import assert_never

from runtime_core.agent import RuntimeAgent
from runtime_core.handlers import drive_engine, echo, html
from runtime_core.ports import Engine

from .config import RuntimeType


def attach_runtime(agent: RuntimeAgent, runtime: RuntimeType, make_engine: Callable[[], Engine]) -> None:
    """Let an agent that has not started run cells by the named runtime.

    Args:
        agent: The agent.
        runtime: Which one.
        make_engine: Makes what runs Python, if that is it.
    """
    match runtime:
        case "python":
            drive_engine(agent, make_engine())
        case "html":
            agent.on_execution(html)
        case "echo":
            agent.on_execution(echo)
        case _:
            assert_never(runtime)
