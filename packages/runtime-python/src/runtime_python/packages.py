"""`%pip`: installs into the interpreter that runs the cell, by uv where there is one, and says what a restart is needed for.

In a page packages come by micropip, which must be awaited: there the magic's line is rewritten before the cell is compiled.
"""

import importlib
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import metadata

_UV_KNOWS = ("install", "uninstall", "list", "freeze", "show", "check", "tree")
_PIP_LINE = re.compile(r"^(\s*)%pip\s+install\s+(.*?)\s*$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OPTIONS_OF_PIP = ("-q", "--quiet", "-U", "--upgrade", "--pre", "-y", "--no-input", "--disable-pip-version-check")


def pip_command(line: str, uv: str | None, python: str) -> list[str]:
    """Say what to run for the words behind `%pip`.

    Args:
        line: The words.
        uv: Where uv is, if it is.
        python: The interpreter to install into.
    """
    words = shlex.split(line)
    if uv is not None and words and words[0] in _UV_KNOWS:
        return [uv, "pip", words[0], "--python", python, *(word for word in words[1:] if word not in ("-y", "--yes"))]
    return [python, "-m", "pip", *words]


def run_pip(line: str, run: Callable[[str], int], say: Callable[[str], object]) -> int:
    """Run `%pip`, make what it installed importable, and say what was changed under the running code.

    Args:
        line: The words behind it.
        run: Runs a shell command and gives its status.
        say: Takes a sentence for the person.
    """
    before = _imported_versions()
    status = run(shlex.join(pip_command(line, shutil.which("uv"), sys.executable)))
    importlib.invalidate_caches()
    after = _imported_versions()
    if changed := sorted(name for name, version in before.items() if after.get(name) != version):
        say(f"Note: {', '.join(changed)} was already imported in another version; restart the runtime to use the new one.\n")
    return status


def await_micropip(lines: list[str]) -> list[str]:
    """Rewrite `%pip install …` lines for a page, as one of IPython's input transformers."""
    return [_rewritten(line) for line in lines]


def _rewritten(line: str) -> str:
    found = _PIP_LINE.match(line)
    if found is None:
        return line
    names = [word for word in shlex.split(found[2]) if word not in _OPTIONS_OF_PIP]
    return f"{found[1]}await get_ipython().install_in_page({names!r})\n"


async def install_in_page(requirements: Sequence[str]) -> None:
    """Install by micropip, and look whether that worked: of a file that it cannot fetch it only writes to the browser's console.

    Raises:
        ModuleNotFoundError: Something is not there afterwards.
    """
    await importlib.import_module("micropip").install(list(requirements))
    importlib.invalidate_caches()
    named = [found[0] for text in requirements if "://" not in text and (found := _NAME.match(text))]
    if missing := [name for name in named if not _is_installed(name)]:
        what = ", ".join(missing)
        raise ModuleNotFoundError(
            f"{what} could not be installed: the Python of this page does not have it. `runt pyodide mirror` adds packages."
        )


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _imported_versions() -> dict[str, str]:
    """The versions on disk of the distributions that are named as a module that was imported: nearly all of them."""
    versions: dict[str, str] = {}
    for found in metadata.distributions():
        name = found.metadata["Name"]
        if name and name.replace("-", "_") in sys.modules:
            versions[name] = found.version
    return versions
