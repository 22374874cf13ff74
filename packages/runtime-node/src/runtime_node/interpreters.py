"""Which Python runs the engine: the agent's own, another interpreter, a virtual environment's, or a uv project's."""

import os
import shutil
import sys
from pathlib import Path

from .errors import ConfigError, Problem


def interpreter_command(python: Path | None = None, venv: Path | None = None, project: Path | None = None) -> tuple[str, ...]:
    """Give the command that starts the interpreter; at most one of the arguments says another one than ours.

    Args:
        python: An interpreter.
        venv: The folder of a virtual environment.
        project: The folder of a uv project; its environment is brought up to date, and has IPython beside what it declares.

    Raises:
        ConfigError: There is no such interpreter, environment or project, or no uv.
    """
    if python is not None:
        found = shutil.which(str(python.expanduser()))
        if found is None:
            raise ConfigError((Problem("--python", f"{python} is not an interpreter that can be run", "give the path of one"),))
        return (found,)
    if venv is not None:
        inside = venv.expanduser() / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        if not os.access(inside, os.X_OK):
            hint = f"make one with `python -m venv {venv}`"
            raise ConfigError((Problem("--venv", f"{venv} is not a virtual environment: it has no {inside.name}", hint),))
        return (str(inside.absolute()),)
    if project is not None:
        folder, uv = project.expanduser().absolute(), shutil.which("uv")
        if not (folder / "pyproject.toml").is_file():
            raise ConfigError((Problem("--project", f"{project} has no pyproject.toml", "give the folder of a uv project"),))
        if uv is None:
            raise ConfigError((Problem("--project", "uv is not on the PATH", "install it from https://docs.astral.sh/uv"),))
        return (uv, "run", "--project", str(folder), "--with", "ipython", "python")
    return (sys.executable,)
