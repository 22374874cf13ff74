"""A notebook in a real browser, in the words of somebody who uses it."""

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from playwright.async_api import BrowserContext, Locator, Page, expect

from .notebook_server import NotebookServer, notebook_bytes

Place = int
Kind = Literal["python", "html", "echo"]
_COUNT_PRESSES = """button => {
  const presses = { count: 0 };
  button.addEventListener("click", () => { presses.count += 1; }, { once: true });
  return presses;
}"""
_DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_HAS_FOCUS = "element => element === document.activeElement"
_START_HERE = re.compile("^(start-in-browser|run-in-browser-instead)$")
NewContext = Callable[[], Awaitable[BrowserContext]]
"""Makes a browser context: a person's own cookies and storage."""


@dataclass(frozen=True, slots=True)
class NotebookPage:
    """One tab with an open notebook. Cells are counted from 0."""

    page: Page

    @property
    def cells(self) -> Locator:
        """All cells."""
        return self.page.get_by_test_id("cell")

    def cell(self, place: Place) -> Locator:
        """One cell."""
        return self.cells.nth(place)

    def editor(self, place: Place) -> Locator:
        """Where a cell's source is written."""
        return self.cell(place).get_by_test_id("cell-editor")

    def stdout(self, place: Place) -> Locator:
        """What a cell has printed."""
        return self.cell(place).get_by_test_id("output-stdout")

    @property
    def runtime(self) -> Locator:
        """The chip that tells of the runtime."""
        return self.page.get_by_test_id("runtime-status")

    def connection(self) -> Locator:
        """What the page says of its connection."""
        return self.page.get_by_test_id("connection-status")

    async def press(self, target: Locator) -> None:
        """Click something. Chromium gives a press to the frame that it last drew at that place, so it may draw before."""
        await target.evaluate("element => element.scrollIntoViewIfNeeded()")
        await self.page.evaluate(_DRAWN)
        await target.click()

    async def run(self, place: Place) -> None:
        """Press a cell's run button; again when an output that came just then has moved it from under the pointer."""
        button = self.cell(place).get_by_test_id("run-cell")
        presses = await button.evaluate_handle(_COUNT_PRESSES)
        while await presses.evaluate("presses => presses.count") == 0:
            await self.press(button)

    async def run_all(self) -> None:
        """Press *Run all*."""
        await self.page.get_by_test_id("run-all").click()

    async def start_in_browser(self, kind: Kind | None = None, *, within_s: float = 60) -> None:
        """Start a runtime in this tab from the panel, in place of an idle one elsewhere, and wait until it is ready."""
        await self.runtime.click()
        if kind is not None:
            await self.page.get_by_test_id("browser-runtime-kind").select_option(kind)
        await self.page.get_by_test_id(_START_HERE).click()
        await expect(self.runtime).to_have_attribute("data-browser", "ready", timeout=within_s * 1000)
        await self.page.keyboard.press("Escape")
        await expect(self.page.get_by_test_id("runtime-panel")).to_have_count(0)

    async def select(self, place: Place) -> None:
        """Select a cell as a click in its margin does; keys are then commands."""
        await self.cell(place).locator(".gutter").click(position={"x": 2, "y": 2})
        await expect(self.cell(place)).to_have_attribute("aria-current", "true")

    async def write(self, place: Place, text: str) -> None:
        """Replace a cell's source by typing."""
        editor = self.editor(place)
        while not await editor.evaluate(_HAS_FOCUS):
            await self.press(editor)
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.insert_text(text)

    async def status(self, place: Place, status: str, *, within_s: float = 20) -> None:
        """Wait until a cell's last run is in a state."""
        await self.cell(place).scroll_into_view_if_needed()
        await expect(self.cell(place)).to_have_attribute("data-status", status, timeout=within_s * 1000)

    async def opened(self, count: int) -> None:
        """Wait until the notebook with so many cells is there."""
        await expect(self.cells).to_have_count(count)

    async def saved(self, *, within_s: float = 20) -> None:
        """Wait until the server has all edits."""
        await expect(self.connection()).to_have_attribute("data-connected", "true", timeout=within_s * 1000)
        await expect(self.connection()).to_have_attribute("data-pending", "0", timeout=within_s * 1000)


class OpenNotebook(Protocol):
    """Opens a notebook of a signed-in server in a context of its own, or in another tab of one that is given."""

    async def __call__(
        self, server: NotebookServer, notebook: str, *, context: BrowserContext | None = None, url: str = ""
    ) -> NotebookPage:
        """Open it, at the server's address or at a proxy's."""
        ...


async def open_cells(server: NotebookServer, open_notebook: OpenNotebook, *cells: str) -> tuple[str, NotebookPage]:
    """Make a notebook of these cells and open it: its id, and its page."""
    notebook = await server.import_notebook("cells", notebook_bytes(*cells))
    page = await open_notebook(server, notebook)
    await page.opened(len(cells))
    return notebook, page


async def cookie_into(context: BrowserContext, url: str, cookie: str) -> None:
    """Let a context in with a cookie (`name=value`) that a start link was exchanged for."""
    name, _, value = cookie.partition("=")
    await context.add_cookies([{"name": name, "value": value, "url": url, "httpOnly": True, "sameSite": "Strict"}])


async def shoot(page: Page, name: str) -> None:
    """Keep a picture of the page in light and dark, where `RUNT_SCREENSHOTS` names a folder."""
    folder = os.environ.get("RUNT_SCREENSHOTS")
    if not folder:
        return
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        await page.screenshot(path=Path(folder) / f"{name}-{scheme}.png")
    await page.emulate_media(color_scheme=None)
