"""numpy, pandas and matplotlib in a page: from another distribution that the server is given, loaded as cells import them."""

import asyncio
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from harness.notebook_server import NotebookServer
from harness.pages import NotebookPage, OpenNotebook, open_cells, shoot
from harness.processes import processes
from playwright.async_api import Locator, Request, expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".tools" / "pyodide-0.27.7"
LOADED_MS = 90_000
# Counts a picture's decoded pixels: all, those of its most frequent colour, and how many colours there are.
PIXELS = """async image => {
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  return [image.naturalWidth, image.naturalHeight, Math.max(...counts.values()) / pixels.length, counts.size];
}"""


@pytest.fixture(scope="session")
def release_folder() -> Path:
    """A folder with Pyodide 0.27.7 and its wheels, made where there is none."""
    pip = ROOT / ".tools" / "bin" / "python"
    maker = ROOT / "scripts" / "pyodide" / "release-0.27.7"
    made = subprocess.run([pip if pip.exists() else sys.executable, maker, FOLDER], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return FOLDER


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def science_server(tmp_path_factory: pytest.TempPathFactory, release_folder: Path) -> AsyncIterator[NotebookServer]:
    """`runt serve --pyodide` on that folder."""
    folder = tmp_path_factory.mktemp("science")
    with processes(folder) as made:
        server = NotebookServer(made, folder / "data", words=("serve", "--pyodide", str(release_folder)))
        await server.start()
        await server.sign_in()
        yield server
        assert await server.stop() == 0


async def open_with(server: NotebookServer, open_notebook: OpenNotebook, *cells: str) -> tuple[NotebookPage, list[str]]:
    """Open a notebook; gives the page and every address that it asks for from then on."""
    _, page = await open_cells(server, open_notebook, *cells)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.page.context.on("request", note)
    return page, asked


async def expect_picture(image: Locator) -> None:
    """See that a figure of some size was drawn."""
    await expect(image).to_be_visible(timeout=LOADED_MS)
    width, height, most, colours = await image.evaluate(PIXELS)
    assert width > 300
    assert height > 200
    assert most < 0.99, "it is blank"
    assert colours > 10


def hashes(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Give the hashes of packages by file name: those of the lock file, and those of the files that are there."""
    lock = json.loads((folder / "pyodide-lock.json").read_text())
    sums = {package["file_name"]: package["sha256"] for package in lock["packages"].values()}
    return sums, {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name in sums}


async def test_every_file_of_the_folder_is_what_the_lock_file_says(release_folder: Path) -> None:
    sums, found = await asyncio.to_thread(hashes, release_folder)
    assert {"numpy", "pandas", "matplotlib", "ipython"} <= {name.partition("-")[0] for name in found}
    assert [name for name, digest in found.items() if digest != sums[name]] == []


async def test_figure_is_drawn_from_a_click_without_asking_anybody_else(
    science_server: NotebookServer, open_notebook: OpenNotebook
) -> None:
    page, asked = await open_with(science_server, open_notebook, "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.show()")
    began_s = asyncio.get_running_loop().time()
    await page.run(0)
    await page.cell(0).get_by_test_id("start-in-browser-hint").click()
    picture = page.cell(0).get_by_test_id("output-image")
    await expect(page.runtime).to_contain_text(re.compile("Loading .*matplotlib"), timeout=LOADED_MS)
    await expect(picture).to_be_visible(timeout=LOADED_MS)
    print(f"{asyncio.get_running_loop().time() - began_s:.1f} s from the click to the plot")
    await expect_picture(picture)
    await page.status(0, "ok")
    await expect(page.runtime).to_have_text("Ready")
    assert any("/matplotlib-" in url for url in asked)
    # What the frame reads of `blob:` was handed to it before.
    others = [url for url in asked if not url.startswith((f"{science_server.url}/", "blob:", "data:"))]
    assert others == []


async def test_arrays_tables_and_figures_are_shown(science_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    page, _ = await open_with(
        science_server,
        open_notebook,
        "import numpy as np\nnp.arange(6).reshape(2, 3)",
        "import pandas as pd\npd.DataFrame({'city': ['Oslo', 'Rome'], 'degrees': [4.5, 17]})",
        "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.bar(['a', 'b'], [3, 5]);",
        "%matplotlib inline\nplt.scatter(np.arange(50), np.arange(50) ** 2)\nplt.show()\nprint(len(plt.get_fignums()))",
        "axes.set_title('again')\nfigure",
    )
    await page.start_in_browser(within_s=LOADED_MS / 1000)
    for place in range(5):
        await page.run(place)
        await page.status(place, "ok", within_s=LOADED_MS / 1000)
    await expect(page.cell(0).get_by_test_id("output-result")).to_have_text("array([[0, 1, 2],\n       [3, 4, 5]])")
    frame = page.cell(1).get_by_test_id("output-html")
    table = frame.content_frame.locator("table.dataframe")
    await expect(table.locator("thead th")).to_have_text(["", "city", "degrees"])
    await expect(table.locator("tbody td")).to_have_text(["Oslo", "4.5", "Rome", "17.0"])
    box = await frame.bounding_box()
    assert box is not None
    assert 60 < box["height"] < 300
    for place in (2, 3, 4):
        await expect_picture(page.cell(place).get_by_test_id("output-image"))
    await expect(page.stdout(3)).to_have_text("0")
    await page.cell(1).scroll_into_view_if_needed()
    await shoot(page.page, "browser-science")


async def test_package_that_the_folder_lacks_is_named(science_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    # The list of this release has the one, but the folder has no file of it; nobody knows the other.
    page, asked = await open_with(science_server, open_notebook, "import bokeh", "import unheard_of", "'goes on'")
    await page.start_in_browser(within_s=LOADED_MS / 1000)
    for place in range(2):
        await page.run(place)
        await page.status(place, "error", within_s=30)
    told = page.cell(0).get_by_test_id("output-stderr")
    await expect(told).to_contain_text("bokeh cannot be loaded from this Python distribution (Pyodide 0.27.7)")
    await expect(told).to_contain_text("`--pyodide` gives it another one")
    await expect(page.cell(0).get_by_test_id("output-error")).to_contain_text("ModuleNotFoundError: No module named 'bokeh'")
    told = page.cell(1).get_by_test_id("output-stderr")
    await expect(told).to_contain_text("unheard_of is not in this Python distribution")
    await page.run(2)
    await expect(page.cell(2).get_by_test_id("output-result")).to_have_text("'goes on'")
    assert [url for url in asked if "bokeh" in url] == []
