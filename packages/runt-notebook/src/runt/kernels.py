"""Which runtime a file's cells are for: our own Python, or the Jupyter kernel that the file names. Pure."""

import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from runtime_schema.ipynb import NotebookFile

from .errors import UsageError

PYTHON = "python"


def language_of(notebook: NotebookFile) -> str:
    """The language of its cells, in lower case; Python when it does not say."""
    spec, info = _object(notebook.metadata.get("kernelspec")), _object(notebook.metadata.get("language_info"))
    return str(info.get("name") or spec.get("language") or PYTHON).lower()


def choose_kernel(notebook: NotebookFile, told: str | None, installed: Callable[[], Sequence[str]]) -> str:
    """Choose what runs it: `python` is our own engine, another name a Jupyter kernel.

    Args:
        notebook: The file.
        told: What the person said.
        installed: Names the installed Jupyter kernels, which takes a while.

    Raises:
        UsageError: There is no such kernel, or the file's language needs one that is not there.
    """
    if told == PYTHON or (told is None and language_of(notebook) in (PYTHON, "ipython")):
        return PYTHON
    named = told or str(_object(notebook.metadata.get("kernelspec")).get("name") or language_of(notebook))
    known = installed()
    if named in known:
        return named
    there = f"installed are {', '.join(known)}" if known else "no Jupyter kernel is installed"
    language = language_of(notebook)
    why = f"there is no Jupyter kernel {named!r}" if told else f"its cells are {language}, and its kernel {named!r} is not installed"
    raise UsageError("no-kernel", f"{why}: {there}, and `--kernel python` is always there")


def _object(text: str | None) -> dict[str, Any]:
    value: Any = json.loads(text) if text else {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
