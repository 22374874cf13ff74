"""Snippets show in a page what they show in ipykernel, except where contract/snippets/differences.toml says why not."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import snippet_files
import snippet_runs
from harness import snippet_sink, snippets_in_worker
from harness.page_worker import PageWorker
from harness.snippets_in_worker import TOLD
from playwright.async_api import ConsoleMessage
from snippet_files import Run, read_differences, read_recording, read_snippets
from snippet_runs import differing_lines

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SNIPPETS = {name: snippet for name, snippet in read_snippets().items() if "page" in snippet.runs}
# Puts modules where the worker's Python finds them, and runs one.
MAIN = """
import pathlib, sys
for name, text in {modules!r}.items():
    path = pathlib.Path("/for-snippets", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
sys.path.append("/for-snippets")
from harness.snippets_in_worker import main
await main(bridge, {snippets!r})
"""


async def test_snippets_show_in_chromium_what_ipykernel_shows(worker: PageWorker) -> None:
    runs = await run_in_page(worker)
    found = {name: differing_lines(read_recording(name), runs[name]) for name in SNIPPETS}
    assert story(found) == story({name: each.lines for name, each in read_differences("page").items()})


def story(differences: Mapping[str, Sequence[str]]) -> str:
    """Write differences as one text, as their file has them."""
    return "\n".join("\n".join([f"[page.{name}]", *lines]) for name, lines in sorted(differences.items()) if lines)


async def run_in_page(worker: PageWorker) -> dict[str, Run]:
    """Run them all in one worker, and give what it logs of each."""
    told: asyncio.Queue[tuple[str, Run]] = asyncio.Queue()

    def listen(message: ConsoleMessage) -> None:
        if message.text.startswith(TOLD):
            told.put_nowait(json.loads(message.text.removeprefix(TOLD)))

    worker.page.on("console", listen)
    given = json.dumps([[name, snippet.cells, snippet.order, snippet.answers] for name, snippet in SNIPPETS.items()])
    _, verdict = await worker.run(MAIN.format(modules=modules(), snippets=given), "page", ("guest",))
    assert (verdict["reason"], verdict["faults"]) == ("ran", []), verdict["problem"]
    async with asyncio.timeout(20):
        return dict([await told.get() for _ in SNIPPETS])


def modules() -> dict[str, str]:
    """Give the files that the worker's Python needs beside our distributions."""
    ours = {Path(module.__file__ or ""): "" for module in (snippet_files, snippet_runs)}
    ours |= {Path(module.__file__ or ""): "harness/" for module in (snippet_sink, snippets_in_worker)}
    return {"harness/__init__.py": "", **{folder + path.name: path.read_text() for path, folder in ours.items()}}
