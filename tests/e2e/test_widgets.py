"""Widgets in the page: what people move reaches Python and what Python sets shows, in every view of every page, also after a reload.

Their code runs in frames that reach nothing of the app.
"""

import base64
import io
import zipfile
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NotebookPage, OpenNotebook, shoot
from harness.processes import Processes, processes
from playwright.async_api import FrameLocator, Response, expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SLIDER = """\
import ipywidgets as w
slider = w.IntSlider(value=3, min=0, max=100, description="Depth")
slider.observe(lambda change: print("moved to", change["new"]), "value")
slider"""
ANYWIDGET = """\
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = '''
    function render({ model, el }) {
      const button = document.createElement("button");
      button.className = "counter";
      const draw = () => { button.textContent = `count is ${model.get("count")}`; };
      button.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes(); model.send("clicked"); };
      model.on("change:count", draw);
      draw();
      el.append(button);
    }
    export default { render };'''
    _css = ".counter { color: rgb(1, 2, 3); }"
    count = traitlets.Int(0).tag(sync=True)
counter = Counter()
counter.on_msg(lambda widget, content, buffers: print(content, widget.count))
counter"""
INTERACT = """\
from IPython.display import HTML, display
@w.interact(x=w.IntSlider(value=2, max=9))
def square(x):
    print("square", x * x)
    display(HTML(f"<b>{x}</b>"))"""
BOX = "box = w.VBox([w.Label('first')])\nbox"
TQDM = "from tqdm.notebook import tqdm\nfor step in tqdm(range(7), desc='Steps'):\n    pass"
FIGURE = """\
import plotly.graph_objects as go
captured = w.Output()
with captured:
    display(go.Figure(go.Bar(y=[1, 2])))
    display(w.Button(description="inside"))
captured"""
HOSTILE = """\
class Hostile(anywidget.AnyWidget):
    _esm = '''
    export default { async render({ el }) {
      const tried = {};
      const attempt = (name, act) => { try { act(); tried[name] = "worked"; } catch (error) { tried[name] = error.name; } };
      attempt("document", () => parent.document.body.remove());
      attempt("cookie", () => document.cookie);
      attempt("storage", () => localStorage.length);
      attempt("address", () => { top.location.href = "about:blank"; });
      tried.request = await fetch("/api/me").then(() => "worked", (error) => error.name);
      tried.code = await import("https://example.org/code.js").then(() => "worked", (error) => error.name);
      el.id = "verdict";
      el.textContent = JSON.stringify(tried);
    } };'''
Hostile()"""
CELLS = (SLIDER, "slider", "slider.value = 61", ANYWIDGET, INTERACT, BOX, TQDM, FIGURE, HOSTILE, "")
AGAIN, SET, COUNTER, SQUARE, BOXES, STEPS, CAPTURED, ATTACKS, FREE = range(1, len(CELLS))
SHOWN_MS = 30_000
FIGURE_WIDGET = """\
import plotly.graph_objects as go
figure = go.FigureWidget(go.Scatter(y=[1, 2, 3], mode="markers"))
figure"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def notebook(shared_server: NotebookServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The one notebook of these tests, with a runtime."""
    made = await shared_server.import_notebook("widgets", notebook_bytes(*CELLS))
    with processes(tmp_path_factory.mktemp("widgets")) as started:
        shared_server.start_agent(made, started)
        yield made


async def opened(server: NotebookServer, notebook: str, open_notebook: OpenNotebook, *cells: int) -> NotebookPage:
    """Open it and run cells."""
    page = await open_notebook(server, notebook)
    await page.opened(len(CELLS))
    for cell in cells:
        await page.run(cell)
        await page.status(cell, "ok", within_s=60)
    return page


def widget(page: NotebookPage, cell: int) -> FrameLocator:
    return page.cell(cell).get_by_test_id("output-widget").content_frame


async def shows(page: NotebookPage, cell: int, value: int) -> None:
    await expect(widget(page, cell).get_by_role("slider")).to_have_attribute("aria-valuetext", str(value), timeout=SHOWN_MS)


async def test_slider_moves_python_and_python_moves_the_slider_in_every_view(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await opened(shared_server, notebook, open_notebook, 0, AGAIN)
    await shows(page, 0, 3)
    await shows(page, AGAIN, 3)
    await widget(page, 0).get_by_role("slider").press("ArrowRight")
    await expect(page.stdout(0)).to_have_text("moved to 4\n", timeout=SHOWN_MS)
    await shows(page, AGAIN, 4)
    await page.run(SET)
    await shows(page, 0, 61)
    await shows(page, AGAIN, 61)
    await widget(page, AGAIN).get_by_role("slider").press("ArrowLeft")
    await shows(page, 0, 60)
    await expect(page.stdout(0)).to_contain_text("moved to 60")
    await shoot(page.page, "widgets")


async def test_reload_and_a_second_page_show_the_current_state(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await opened(shared_server, notebook, open_notebook, 0, SET)
    await shows(page, 0, 61)
    await page.page.reload()
    await page.opened(len(CELLS))
    await shows(page, 0, 61)
    other = await opened(shared_server, notebook, open_notebook)
    await shows(other, 0, 61)
    await widget(other, 0).get_by_role("slider").press("ArrowRight")
    await shows(page, 0, 62)
    await expect(other.stdout(0)).to_contain_text("moved to 62")


async def test_what_moves_fast_ends_where_people_let_go(shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook) -> None:
    page = await opened(shared_server, notebook, open_notebook, 0, AGAIN)
    await page.cell(0).scroll_into_view_if_needed()
    await shows(page, 0, 3)
    handle, track = widget(page, 0).get_by_role("slider"), widget(page, 0).locator(".noUi-base")
    start, box = await handle.bounding_box(), await track.bounding_box()
    assert start is not None
    assert box is not None
    mouse, y = page.page.mouse, start["y"] + start["height"] / 2
    await mouse.move(start["x"] + start["width"] / 2, y)
    await mouse.down()
    for turn in range(3):
        await mouse.move(box["x"] + box["width"] * (0.2, 0.9, 0.5)[turn], y, steps=40)
    await mouse.up()
    last = await handle.get_attribute("aria-valuetext")
    assert last is not None
    await shows(page, AGAIN, int(last))
    await page.write(FREE, "print('it is', slider.value)")
    await page.run(FREE)
    await expect(page.stdout(FREE)).to_have_text(f"it is {last}\n", timeout=SHOWN_MS)
    await shows(page, 0, int(last))


async def test_anywidget_runs_its_code_and_its_style(shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook) -> None:
    page = await opened(shared_server, notebook, open_notebook, 0, COUNTER)
    button = widget(page, COUNTER).locator(".counter")
    await expect(button).to_have_text("count is 0", timeout=SHOWN_MS)
    await expect(button).to_have_css("color", "rgb(1, 2, 3)")
    await page.press(button)
    await expect(page.stdout(COUNTER)).to_have_text("clicked 1\n")
    await page.write(FREE, "counter.count = 41; counter._css = '.counter { color: rgb(9, 9, 9); }'")
    await page.run(FREE)
    await expect(button).to_have_text("count is 41")
    await expect(button).to_have_css("color", "rgb(9, 9, 9)")
    await page.write(FREE, "counter._esm = 'export default { render({ el }) { el.textContent = \"newer code\"; } }'")
    await page.run(FREE)
    await expect(widget(page, COUNTER).get_by_text("newer code")).to_be_visible()


async def test_interact_shows_what_its_function_shows(shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook) -> None:
    page = await opened(shared_server, notebook, open_notebook, 0, SQUARE)
    frame = widget(page, SQUARE)
    await expect(frame.locator(".widget-output")).to_contain_text("square 4", timeout=SHOWN_MS)
    await frame.get_by_role("slider").press("ArrowRight")
    await expect(frame.locator(".widget-output pre")).to_have_text("square 9\n")
    await expect(frame.locator(".widget-output b")).to_have_text("3")


async def test_progress_bar_of_tqdm_is_full_at_the_end(shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook) -> None:
    page = await opened(shared_server, notebook, open_notebook, STEPS)
    await expect(widget(page, STEPS).locator("#output")).to_contain_text("7/7", timeout=SHOWN_MS)
    await expect(widget(page, STEPS).locator(".progress-bar")).to_have_css("width", "300px")


async def test_children_that_come_later_are_shown_and_a_closed_widget_is_not(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await opened(shared_server, notebook, open_notebook, 0, BOXES)
    await expect(widget(page, BOXES).get_by_text("first")).to_be_visible(timeout=SHOWN_MS)
    await page.write(FREE, "box.children += (w.HBox([w.Label('second')]),)")
    await page.run(FREE)
    await expect(widget(page, BOXES).get_by_text("second")).to_be_visible()
    await page.write(FREE, "box.close()")
    await page.run(FREE)
    await expect(page.cell(BOXES).get_by_test_id("output-widget")).to_have_count(0)


async def test_charts_and_widgets_are_drawn_inside_of_an_output_widget(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await opened(shared_server, notebook, open_notebook, 0, SQUARE, CAPTURED)
    await expect(widget(page, CAPTURED).locator(".bars .point")).to_have_count(2, timeout=SHOWN_MS)
    await expect(widget(page, CAPTURED).get_by_role("button", name="inside")).to_be_visible(timeout=SHOWN_MS)


async def test_widget_inside_of_an_output_widget_is_drawn_out_of_sight(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    inner = "import ipywidgets as w\ncaptured = w.Output()\nwith captured:\n    display(w.Button(description='inside'))\ncaptured"
    notebook = await shared_server.import_notebook("far", notebook_bytes(*["pass\n" * 40] * 3, inner))
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.opened(4)
    await page.run_all()
    await expect(page.cell(3)).to_have_attribute("data-status", "ok", timeout=SHOWN_MS)
    await expect(widget(page, 3).get_by_role("button", name="inside")).to_be_visible(timeout=SHOWN_MS)
    await expect(page.cell(3).get_by_test_id("output-widget")).not_to_be_in_viewport()


async def test_code_of_a_widget_reaches_nothing_of_the_app(
    shared_server: NotebookServer, notebook: str, open_notebook: OpenNotebook
) -> None:
    page = await opened(shared_server, notebook, open_notebook, COUNTER)
    answered: list[str] = []

    def note(response: Response) -> None:
        answered.append(response.url)

    page.page.context.on("response", note)
    await page.run(ATTACKS)
    await page.status(ATTACKS, "ok")
    await expect(page.cell(ATTACKS).get_by_test_id("output-widget")).to_have_attribute("sandbox", "allow-scripts")
    await expect(widget(page, ATTACKS).locator("#verdict")).to_have_text(
        '{"document":"SecurityError","cookie":"SecurityError","storage":"SecurityError","address":"SecurityError","request":"TypeError",'
        '"code":"TypeError"}',
        timeout=SHOWN_MS,
    )
    await page.opened(len(CELLS))
    own = urlsplit(shared_server.url).netloc
    assert [url for url in answered if url.startswith("http") and urlsplit(url).netloc != own] == []


async def test_widget_says_that_its_runtime_is_gone_and_lives_when_its_cell_runs_again(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await shared_server.import_notebook("gone", notebook_bytes(SLIDER))
    agent = shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.opened(1)
    await page.run(0)
    await shows(page, 0, 3)
    await agent.stop()
    await expect(page.cell(0).get_by_test_id("widget-gone")).to_have_text(
        "This widget ended with its runtime. Run the cell again to bring it back.", timeout=SHOWN_MS
    )
    await expect(page.cell(0).get_by_test_id("output-text")).to_contain_text("IntSlider(value=3")
    await expect(page.cell(0).get_by_test_id("output-widget")).to_have_count(0)
    await shoot(page.page, "widget-gone")
    shared_server.start_agent(notebook, started)
    await expect(page.runtime).to_have_text("Ready", timeout=SHOWN_MS)
    await expect(page.cell(0).get_by_test_id("widget-gone")).to_be_visible()
    await page.run(0)
    await shows(page, 0, 3)


async def test_figure_widget_of_plotly_follows_python(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await shared_server.import_notebook("figure", notebook_bytes(FIGURE_WIDGET, "figure.data[0].y = [4, 5, 6, 7, 8]"))
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.opened(2)
    await page.run(0)
    await expect(widget(page, 0).locator(".points path")).to_have_count(3, timeout=SHOWN_MS)
    await page.run(1)
    await expect(widget(page, 0).locator(".points path")).to_have_count(5, timeout=SHOWN_MS)


async def test_widgets_live_with_a_runtime_in_the_page_too(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    notebook = await shared_server.import_notebook("page", notebook_bytes(packed("comm", "ipywidgets"), SLIDER, "slider.value = 61"))
    page = await open_notebook(shared_server, notebook)
    await page.opened(3)
    await page.start_in_browser()
    await page.run_all()
    await page.status(2, "ok", within_s=60)
    await shows(page, 1, 61)
    await widget(page, 1).get_by_role("slider").press("ArrowRight")
    await expect(page.stdout(1)).to_contain_text("moved to 62")


def packed(*packages: str) -> str:
    """A cell that brings packages along: the page has no index to install them from here."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for package in packages:
            spec = find_spec(package)
            assert spec is not None
            assert spec.origin is not None
            folder = Path(spec.origin).parent
            for path in folder.rglob("*.py"):
                if "tests" not in path.parts:
                    files.write(path, path.relative_to(folder.parent))
    text = base64.b64encode(archive.getvalue()).decode()
    return f"import base64, sys\nopen('/tmp/packed.zip', 'wb').write(base64.b64decode('{text}'))\nsys.path.append('/tmp/packed.zip');"
