"""Snippets as they run inside a page's worker: one Pyodide, and for each a fresh engine and an empty folder."""

import asyncio
import builtins
import importlib
import json
import os
from collections.abc import Sequence
from typing import Any, final

from snippet_files import WORK, Run
from snippet_runs import normal_form

from runtime_browser import StackSwitching, SystemClock, WorkerEngine
from runtime_browser.bridge import PyodideBridge
from runtime_browser.port import Message, Port
from runtime_browser.testing import FakeBridge
from runtime_core.ports import EngineSink
from runtime_schema.live import CommMessage
from runtime_schema.outputs import Output, StreamText

from .snippet_sink import SnippetSink

WITHIN_S = 20
TOLD = "snippet: "
"""How what is told begins in the browser's console: the port carries no texts of this length to a page."""


async def main(raw: Any, snippets: str) -> None:  # Any: JavaScript's object, a bridge to be
    """Run snippets, a JSON list of name, cells, order and answers, and log how each went, in normal form, as `TOLD` and JSON."""
    port = Port(PyodideBridge(raw, importlib.import_module("pyodide.ffi")))  # type: ignore[arg-type]  # a module, as a Protocol
    await port.welcome()
    port.open()
    for name, cells, order, answers in json.loads(snippets):
        os.makedirs(work := f"/snippets/{name}/{WORK}")
        os.chdir(work)
        try:
            async with asyncio.timeout(WITHIN_S):
                run = await _run(cells, answers)
        except Exception as exc:  # the others run all the same
            run: Run = {"cells": [], "ended": repr(exc)}
        print(f"{TOLD}{json.dumps([name, normal_form(run, order)])}", flush=True)
    port.post("ended", reason="ran", problem=None)


async def _run(cells: Sequence[str], answers: Sequence[str]) -> Run:
    page = PageHalf(SnippetSink(answers))
    await page.engine.start(page)
    try:
        return await page.sink.run(page.engine, cells, after_each=page.hear)
    finally:
        await page.engine.stop()
        builtins.__dict__.pop("_", None)  # doctest leaves it, for whoever comes next


@final
class PageHalf(EngineSink):
    """A worker's engine with the least of a page: it takes text before whatever else comes, and answers questions."""

    def __init__(self, sink: SnippetSink) -> None:
        self.sink = sink
        ffi, webloop = importlib.import_module("pyodide.ffi"), importlib.import_module("pyodide.webloop")
        switching = StackSwitching(ffi.run_sync, ffi.can_run_sync, (ffi, webloop))
        self._bridge = FakeBridge(isolated=True)
        self._bridge.while_blocked = lambda _ms: self.hear()
        self._bridge.package_source = _find_nothing
        self._place: Message = {}
        port = Port(self._bridge)
        port.open()
        self.engine = WorkerEngine(port, lambda: "s1", clock=SystemClock(), switching=switching)

    def hear(self) -> None:
        """Take what the worker has said until now."""
        said, self._bridge.posted = self._bridge.posted, []
        for text in said:
            if text.startswith("T"):
                self.sink.emit(self._place["execution"], StreamText(stream=self._place["stream"], text=text[1:]))
                self._bridge.taken_units += len(text[1:].encode("utf-16-le")) // 2
                continue
            message: Message = json.loads(text)
            if message["t"] == "place":
                self._place = message
            elif message["t"] == "input":
                self._bridge.reply(message["id"], self.sink.answer(message["execution"], message["prompt"], message["password"]))

    def emit(self, execution_id: str, output: Output) -> None:
        self.hear()
        self.sink.emit(execution_id, output)

    async def ready(self) -> None:
        pass

    async def read_input(self, execution_id: str, prompt: str, password: bool) -> str:
        return self.sink.answer(execution_id, prompt, password)

    def comm(self, execution_id: str, message: CommMessage) -> None:
        self.sink.comm(execution_id, message)

    def exit(self) -> None:
        self.sink.exit()

    def died(self, reason: str) -> None:
        self.sink.died(reason)


async def _find_nothing(_source: str) -> Sequence[str]:
    return ()
