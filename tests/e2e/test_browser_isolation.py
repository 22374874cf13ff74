"""Code in the page's Python is a stranger to the app: it reads none of the person's data."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NotebookPage, OpenNotebook, cookie_into
from harness.tcp_proxy import TcpProxy
from playwright.async_api import Browser, Frame, expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

STARTED_MS = 60_000
CANARY = "canary-5b1f"
ATTACKS = (Path(__file__).parent / "isolation_attacks.js").read_text()
NEVER_ANSWERED = {"event source"}
"""What our server answers nobody; the attack shows only that nothing else happens."""
WITH_CANARY = {"cookies", "cookie store", "local storage", "session storage", "indexed db", "private files", "caches"}
PLANT = """async canary => {
  document.cookie = `canary=${canary}`;
  localStorage.setItem("canary", canary);
  sessionStorage.setItem("canary", canary);
  const opening = indexedDB.open("canary");
  opening.onupgradeneeded = () => opening.result.createObjectStore(canary);
  await new Promise((done, fail) => { opening.onsuccess = done; opening.onerror = fail; });
  const folder = await navigator.storage.getDirectory();
  await folder.getDirectoryHandle(canary, { create: true });
  await caches.open(canary);
  globalThis.heard = [];
  new BroadcastChannel("canary").onmessage = ({ data }) => heard.push(data);
}"""
ATTACK_CELL = """
from pyodide.code import run_js
from pyodide.http import open_url, pyfetch
from js import XMLHttpRequest
import json
told = json.loads(await run_js(f"({attacks})")(app, notebook, asset))
async def attempt(name, attack):
    try:
        told[name] = [True, str(await attack())]
    except Exception as exc:
        told[name] = [False, f"{type(exc).__name__}: {exc}"]
async def fetched(): return await (await pyfetch(app + "/api/me", credentials="include")).string()
async def opened(): return open_url(app + "/api/me").read()
async def over_urllib():
    from urllib.request import urlopen
    return urlopen(app + "/api/me").read()
for name, attack in {"pyfetch": fetched, "open_url": opened, "urllib": over_urllib}.items():
    await attempt(name, attack)
print(json.dumps(told))
"""
LOADS = """
import zipfile, micropip
with zipfile.ZipFile("/tmp/loaded-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("loaded.py", "answer = 42")
    wheel.writestr("loaded-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: loaded\\nVersion: 1.0\\n")
    wheel.writestr("loaded-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("loaded-1.0.dist-info/RECORD", "")
await micropip.install("emfs:/tmp/loaded-1.0-py3-none-any.whl")
import loaded
loaded.answer
"""
BROWSERS_OWN = {"content-autofill.googleapis.com:443"}
CALLS_AWAY = """
from pyodide.http import pyfetch
try:
    await pyfetch("https://elsewhere.example/")
except OSError:
    pass
"""


class Elsewhere:
    """Stands for every server that is not ours: it is asked, notes that, and hangs up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Note whom a request is for."""
        self.asked.append((await reader.readline()).decode().split(" ")[1])
        writer.close()

    @property
    def by_pages(self) -> list[str]:
        """What was not asked by the browser itself."""
        return [host for host in self.asked if host not in BROWSERS_OWN]


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere() -> AsyncIterator[Elsewhere]:
    """Where a browser's proxy setting sends what is not for our server."""
    noted = Elsewhere()
    server = await asyncio.start_server(noted.answer, "127.0.0.1", 0)
    noted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield noted
    server.close()
    await server.wait_closed()


@pytest_asyncio.fixture(params=["as served", "without our policies"], loop_scope="session")
async def host(request: pytest.FixtureRequest, shared_server: NotebookServer) -> AsyncIterator[TcpProxy]:
    """The server as it is, and with no policy in its answers: then the sandbox and its own refusals must do."""
    proxy = TcpProxy(shared_server.port, without=(b"content-security-policy",) if request.param == "without our policies" else ())
    await proxy.start()
    yield proxy
    await proxy.stop()


def frame_of(page: NotebookPage) -> Frame:
    [frame] = [frame for frame in page.page.frames if frame.url.endswith("/runtime-frame.html")]
    return frame


async def attack_from(place: Any, *about: str) -> dict[str, tuple[bool, str]]:  # Any: Playwright's page or frame
    return json.loads(await place.evaluate(f"about => ({ATTACKS})(...about)", about))


async def test_user_code_reaches_nothing_of_the_app(shared_server: NotebookServer, host: TcpProxy, open_notebook: OpenNotebook) -> None:
    asset = re.findall(r'"(/assets/[^"]+\.js)"', (await shared_server.ask("GET", "/")).body.decode())[0]
    told = f"app, asset, attacks = {host.url!r}, {asset!r}, {ATTACKS!r}\nnotebook = "
    cells = (told, ATTACK_CELL, LOADS, "print('begun')\nwhile True: pass", "'still here'")
    notebook = await shared_server.import_notebook("attacks", notebook_bytes(*cells))
    page = await open_notebook(shared_server, notebook, url=host.url)
    await page.opened(len(cells))
    await page.write(0, f"{told}{notebook!r}")
    await page.page.evaluate(PLANT, CANARY)
    await page.start_in_browser()
    frame = await page.page.get_by_test_id("runtime-frame").element_handle()
    assert await frame_of(page).evaluate("[self.origin, crossOriginIsolated]") == ["null", True]
    assert await frame.evaluate("frame => frame.getAttribute('sandbox')") == "allow-scripts"

    by_app = await attack_from(page.page, host.url, notebook, asset)
    assert {name for name, (reached, _) in by_app.items() if not reached} == NEVER_ANSWERED, by_app
    assert {name for name, (_, text) in by_app.items() if CANARY in text} == WITH_CANARY
    assert by_app["making a notebook"] == [True, "201"]
    notebooks = set(await shared_server.notebook_ids())

    failures: list[str | None] = []
    page.page.context.on("requestfailed", lambda request: failures.append(request.failure))
    by_frame = await attack_from(frame_of(page), host.url, notebook, asset)
    await page.run(0)
    await page.run(1)
    await page.status(1, "ok")
    by_user: dict[str, tuple[bool, str]] = json.loads(await page.stdout(1).inner_text())
    assert by_user.keys() > by_app.keys() == by_frame.keys()
    assert {name: text for name, (reached, text) in by_user.items() if reached} == {}
    # A beacon never says what became of it; what it asked for is looked for below.
    assert {name: text for name, (reached, text) in by_frame.items() if reached} == {"beacon": "true"}
    print("\n".join(f"{name}: {text[:110]}" for name, (_, text) in by_user.items()))
    # With our policies none of it leaves the browser; without, the server is asked, and no answer comes through.
    assert (set(failures) == {"csp"}) == (host.without == ())
    await page.page.evaluate("new BroadcastChannel('canary').postMessage('the end')")
    await page.page.wait_for_function("heard.includes('the end')")
    assert await page.page.evaluate("heard") == ["by the app", "the end"]
    assert set(await shared_server.notebook_ids()) == notebooks

    await page.run(2)
    await expect(page.cell(2).get_by_test_id("output-result")).to_have_text("42", timeout=STARTED_MS)
    await page.run(3)
    await expect(page.stdout(3)).to_have_text("begun")
    await page.cell(3).get_by_test_id("stop-cell").click()
    await page.status(3, "cancelled")
    await page.run(4)
    await expect(page.cell(4).get_by_test_id("output-result")).to_have_text("'still here'")
    await page.saved()
    shown = json.dumps(await shared_server.export(notebook))
    assert CANARY not in shown
    assert shared_server.cookie.partition("=")[2] not in shown


async def test_whole_session_asks_nobody_but_our_own_server(
    shared_server: NotebookServer, elsewhere: Elsewhere, browser: Browser, open_notebook: OpenNotebook
) -> None:
    cells = (
        "import micropip\nprint('hello')",
        "from IPython.display import HTML\nHTML('<b>bold</b>')",
        "print('begun')\nwhile True: pass",
        CALLS_AWAY,
    )
    notebook = await shared_server.import_notebook("network", notebook_bytes(*cells))
    context = await browser.new_context(proxy={"server": elsewhere.url, "bypass": f"<-loopback>,127.0.0.1:{shared_server.port}"})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    await cookie_into(context, shared_server.url, shared_server.cookie)
    page = await open_notebook(shared_server, notebook, context=context)
    await page.opened(len(cells))
    await page.start_in_browser()
    for place in range(2):
        await page.run(place)
        await page.status(place, "ok")
    await page.run(2)
    await expect(page.stdout(2)).to_have_text("begun")
    await page.cell(2).get_by_test_id("stop-cell").click()
    await page.status(2, "cancelled")
    await page.page.get_by_test_id("restart").click()
    await page.page.get_by_test_id("confirm-action").click()
    await page.run(0)
    await page.status(0, "ok", within_s=60)
    assert [url for url in asked if not url.startswith((f"{shared_server.url}/", "data:", "blob:"))] == []
    assert f"{shared_server.url}/pyodide/index.json" in asked
    assert elsewhere.by_pages == []

    # What would have been seen: only user code asks others, and only because it wants to.
    await page.run(3)
    await page.status(3, "ok")
    assert set(elsewhere.by_pages) == {"elsewhere.example:443"}
    await context.close()
