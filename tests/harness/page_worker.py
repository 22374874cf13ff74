"""A page that starts Python in a worker as the app does, but lets a test say which Python and which stores."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, Route

from .notebook_server import NotebookServer, notebook_bytes
from .pages import cookie_into

WITHIN_S = 90
UI = Path(__file__).parents[2] / "ui"
CONFIG = UI / "packages" / "runtime-browser" / "tests" / "page" / "vite.config.ts"


@dataclass(frozen=True, slots=True)
class PageWorker:
    """The page, and the server it is a page of."""

    page: Page
    server: NotebookServer

    async def run(self, main: str, authority: str, lend: Sequence[str]) -> tuple[str, dict[str, Any]]:  # Any: JSON
        """Run a program in a fresh worker, on stores of an empty notebook: gives the notebook's id, and how it ended."""
        notebook = await self.server.import_notebook("checked", notebook_bytes())
        async with asyncio.timeout(WITHIN_S):
            check = {"notebook": notebook, "authority": authority, "lend": list(lend), "main": main}
            return notebook, await self.page.evaluate("check => conform(check)", check)


async def build_script(folder: Path) -> None:
    """Build the page's script from its sources."""
    vite = await asyncio.create_subprocess_exec(
        UI / "node_modules" / ".bin" / "vite", "build", "--config", CONFIG, "--outDir", folder, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await vite.communicate()
    assert vite.returncode == 0, said.decode()


async def open_page_worker(server: NotebookServer, context: BrowserContext, script: Path) -> PageWorker:
    """Open a page of the server with that script: a page that is not the server's may not connect to it."""
    await cookie_into(context, server.url, server.cookie)
    page = await context.new_page()
    address = f"{server.url}/conformance/"

    async def answer(route: Route) -> None:
        await route.fulfill(path=script / route.request.url.removeprefix(address))

    await page.route(f"{address}**", answer)
    await page.goto(server.url)
    await page.add_script_tag(url=f"{address}main.js", type="module")
    await page.wait_for_function("'conform' in window")
    return PageWorker(page, server)
