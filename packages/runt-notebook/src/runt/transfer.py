"""Notebooks and tokens in and out of a data folder, through the server that runs on it or one that runs for a moment."""

from pathlib import Path

from runtime_node.server_api import Notebook

from .errors import UsageError
from .files import read_file
from .serve import Running, any_server


async def import_file(data: Path, file: Path, title: str | None) -> Notebook:
    """Make a notebook of a file.

    Raises:
        UsageError: There is no such file.
        FailedError: It is no notebook, or no server can be had.
    """
    content = read_file(file)
    async with any_server(data) as running:
        return await running.api.import_notebook(title or file.stem, content.data)


async def export_notebook(data: Path, name: str) -> bytes:
    """Give a notebook as a file.

    Raises:
        UsageError: There is no such notebook, or several of that title.
        FailedError: No server can be had.
    """
    async with any_server(data) as running:
        return await running.api.export_notebook((await find_notebook(running, name)).id)


async def find_notebook(running: Running, name: str) -> Notebook:
    """Find a notebook by id or title; a title may differ in case.

    Raises:
        UsageError: There is none, or several.
    """
    notebooks = await running.api.notebooks()
    for matches in (
        [notebook for notebook in notebooks if notebook.id == name],
        [notebook for notebook in notebooks if notebook.title == name],
        [notebook for notebook in notebooks if notebook.title.casefold() == name.casefold()],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            ids = ", ".join(notebook.id for notebook in matches)
            raise UsageError("ambiguous-notebook", f"several notebooks are called {name!r}; give one of their ids: {ids}")
    known = ", ".join(sorted({notebook.title for notebook in notebooks})[:8])
    there_are = f"there are {known}" if known else "there is none yet"
    raise UsageError("unknown-notebook", f"there is no notebook {name!r} ({there_are}; the name of a file ends with .ipynb)")


async def make_token(data: Path, name: str, role: str) -> str:
    """Make a token, with the server that runs on the folder or without one.

    Raises:
        FailedError: The folder cannot be used.
    """
    async with any_server(data) as running:
        return await running.api.make_token(name, role)
