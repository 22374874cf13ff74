"""Charts of plotly and altair as they come, without any setting: drawn in a frame that reaches nothing, by code from our own server."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import OpenNotebook, shoot
from harness.processes import processes
from playwright.async_api import Locator, Request, expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PLOTLY = "import plotly.express as px\npx.bar(x=['a', 'b', 'c'], y=[1, 3, 2], title='Three bars')"
ALTAIR = """\
import altair as alt, pandas as pd
fish = pd.DataFrame({"length": [1, 2, 3, 4], "weight": [2, 5, 4, 9], "kind": ["cod", "cod", "eel", "eel"]})
alt.Chart(fish, title="Fish").mark_point().encode(x="length", y="weight", color="kind", tooltip="kind")"""
VEGA = """\
from IPython.display import display
display({"application/vnd.vega.v5+json": {
    "$schema": "https://vega.github.io/schema/vega/v5.json", "width": 120, "height": 60,
    "data": [{"name": "table", "values": [{"x": 10}, {"x": 60}]}],
    "marks": [{"type": "rect", "from": {"data": "table"}, "encode": {"enter": {
        "x": {"field": "x"}, "y": {"value": 5}, "width": {"value": 20}, "height": {"value": 40}}}}]
}, "text/plain": "a chart"}, raw=True)"""
FROM_THE_WEB = "alt.Chart('https://example.org/fish.csv').mark_point().encode(x='length:Q')"
RUN_S = 60.0
DRAWN_MS = 30_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def notebook(shared_server: NotebookServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A notebook of charts, with a runtime."""
    made = await shared_server.import_notebook("charts", notebook_bytes(PLOTLY, ALTAIR, VEGA, FROM_THE_WEB))
    with processes(tmp_path_factory.mktemp("charts")) as started:
        shared_server.start_agent(made, started)
        yield made


async def test_charts_are_drawn_and_nothing_comes_from_elsewhere(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await open_notebook(shared_server, notebook)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.page.context.on("request", note)
    await page.opened(4)
    await page.run_all()

    await page.status(0, "ok", within_s=RUN_S)
    plotly = frame_of(page.cell(0).get_by_test_id("output-plotly"))
    await expect(plotly.locator(".bars .point")).to_have_count(3, timeout=DRAWN_MS)
    await expect(plotly.locator(".gtitle")).to_have_text("Three bars")
    await shoot(page.page, "plotly")

    await page.status(1, "ok", within_s=RUN_S)
    altair = frame_of(page.cell(1).get_by_test_id("output-vega"))
    await expect(altair.locator(".mark-symbol.role-mark path")).to_have_count(4, timeout=DRAWN_MS)
    await altair.locator(".mark-symbol.role-mark path").first.hover()
    await expect(altair.locator("#vg-tooltip-element")).to_contain_text("cod")
    await shoot(page.page, "altair")

    await page.status(2, "ok")
    vega = frame_of(page.cell(2).get_by_test_id("output-vega"))
    await expect(vega.locator(".mark-rect.role-mark path")).to_have_count(2, timeout=DRAWN_MS)

    await page.status(3, "ok")
    refused = frame_of(page.cell(3).get_by_test_id("output-vega"))
    await expect(refused.locator(".output-note")).to_contain_text("https://example.org/fish.csv, which outputs may not", timeout=DRAWN_MS)
    await shoot(page.page, "vega")

    own = urlsplit(shared_server.url).netloc
    strangers = [url for url in asked if url.startswith(("http", "ws")) and urlsplit(url).netloc != own]
    assert strangers == []


async def test_a_chart_is_drawn_in_a_frame_of_no_origin(shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook) -> None:
    page = await open_notebook(shared_server, notebook)
    await page.opened(4)
    for place, kind in ((0, "plotly"), (1, "vega")):
        if await page.cell(place).get_attribute("data-status") != "ok":
            await page.run(place)
            await page.status(place, "ok", within_s=RUN_S)
        await page.cell(place).scroll_into_view_if_needed()
        frame = page.cell(place).get_by_test_id(f"output-{kind}")
        await expect(frame).to_have_attribute("sandbox", "allow-scripts")
        assert await frame_of(frame).locator("body").evaluate("() => origin") == "null"


async def test_a_chart_follows_the_page_from_light_to_dark(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await open_notebook(shared_server, notebook)
    await page.opened(4)
    for place in (0, 1):
        if await page.cell(place).get_attribute("data-status") != "ok":
            await page.run(place)
            await page.status(place, "ok", within_s=RUN_S)
    plotly = page.cell(0).get_by_test_id("output-plotly")
    title = frame_of(plotly).locator(".gtitle")
    await expect(title).to_have_css("fill", "rgb(42, 63, 95)", timeout=DRAWN_MS)
    await page.page.emulate_media(color_scheme="dark")
    await expect(title).to_have_css("fill", "rgb(228, 230, 237)")
    await expect(plotly).to_have_css("height", "452px")
    await expect(frame_of(page.cell(1).get_by_test_id("output-vega")).locator(".role-title-text text")).to_have_css(
        "fill", "rgb(255, 255, 255)"
    )
    await shoot(page.page, "charts")
    await page.page.emulate_media(color_scheme="light")
    await expect(title).to_have_css("fill", "rgb(42, 63, 95)")


def frame_of(output: Locator) -> Locator:
    """What an output's frame holds."""
    return output.content_frame.locator("html")
