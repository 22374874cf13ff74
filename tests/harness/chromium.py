"""The system's Chromium: where it is, how it is started, and one whose tabs hide each other."""

import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import BrowserContext, async_playwright

from .processes import Processes

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_DEVTOOLS = re.compile(r"DevTools listening on (\S+)")


def chromium_path() -> str:
    """Find it."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    assert path is not None, "the browser tests need Chromium: run `make chromium`"
    return path


@asynccontextmanager
async def window_with_tabs(started: Processes, folder: Path) -> AsyncGenerator[BrowserContext]:
    """Start a browser as people have it, where the tab in front hides the others and they are slowed down.

    Of the tabs that Playwright itself starts, each is in front.
    """
    command = [chromium_path(), "--headless=new", *CHROMIUM_FLAGS, "--remote-debugging-port=0", f"--user-data-dir={folder / 'profile'}"]
    process = started.start([*command, "about:blank"])
    address = await process.said(_find_address, within_s=20, what="the browser's address")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.connect_over_cdp(address, no_defaults=True)
        yield chromium.contexts[0]
        await chromium.close()


def _find_address(output: str) -> str | None:
    found = _DEVTOOLS.search(output)
    return found[1] if found else None
