"""What cells show that ran in the page itself: text as it comes, displays, questions, errors, and much of everything."""

import pytest
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import NotebookPage, OpenNotebook
from playwright.async_api import Request, expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

# Keeps, in the page, every text that a cell's outputs have had: what was shown for a moment is not missed.
WATCH = """([place, part]) => {
  const seen = (window.seenTexts = []);
  const cell = document.querySelectorAll("[data-testid=cell]")[place];
  const look = () => {
    const text = [...cell.querySelectorAll(`[data-testid^=output-${part}]`)].map((each) => each.textContent).join("");
    const status = cell.dataset.status;
    if (JSON.stringify(seen.at(-1)) !== JSON.stringify([status, text])) seen.push([status, text]);
  };
  new MutationObserver(look).observe(cell, { subtree: true, childList: true, characterData: true, attributes: true });
  look();
}"""
# The thread is blocked where no signal and no message reaches it.
BLOCKED = "sum(range(10**7))"
BAR = """
import sys, time
for n in range(0, 101, 10):
    print(f"\\r{n:3}%|{'█' * (n // 10):10}| {n}/100", end="", file=sys.stderr, flush=True)
    time.sleep(0.05)
print(file=sys.stderr)
"""
BIG_PICTURE = """
import struct, zlib
from IPython.display import Image
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\\0" + bytes((x * 7 + y) % 256 for x in range(900)) for y in range(1200))
png = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 900, 1200, 8, 0, 0, 0, 0))
png += chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")
Image(png)
"""


async def run_here(server: NotebookServer, open_notebook: OpenNotebook, *cells: str) -> NotebookPage:
    """Open a notebook of these cells, with a runtime in the page."""
    notebook = await server.import_notebook("outputs", notebook_bytes(*cells))
    page = await open_notebook(server, notebook)
    await page.opened(len(cells))
    await page.start_in_browser()
    return page


async def watch(page: NotebookPage, place: int, part: str) -> None:
    """Note every text of a kind of output from now on."""
    await page.page.evaluate(WATCH, [place, part])


async def seen(page: NotebookPage, status: str) -> list[str]:
    """Give the texts that were shown while the cell was in a state, each once, in order."""
    noted: list[list[str]] = await page.page.evaluate("window.seenTexts")
    return list(dict.fromkeys(text for state, text in noted if state == status))


async def test_text_is_shown_as_it_comes(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    page = await run_here(
        shared_server,
        open_notebook,
        f"print('before')\n{BLOCKED}\nprint('after')",
        f"print('half a line', end='', flush=True)\n{BLOCKED}\nprint(', and the rest')",
    )
    await watch(page, 0, "stdout")
    await page.run(0)
    await expect(page.stdout(0)).to_have_text("before\nafter")
    await page.status(0, "ok")
    assert "before" in await seen(page, "running")

    await watch(page, 1, "stdout")
    await page.run(1)
    await expect(page.stdout(1)).to_have_text("half a line, and the rest")
    await page.status(1, "ok")
    assert "half a line" in await seen(page, "running")


async def test_progress_bar_is_written_over_in_place(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    page = await run_here(shared_server, open_notebook, BAR)
    await watch(page, 0, "stderr")
    await page.run(0)
    await page.status(0, "ok")
    await expect(page.cell(0).get_by_test_id("output-stderr")).to_have_text("100%|██████████| 100/100")
    bars = [text for text in await seen(page, "running") if text]
    assert len(bars) > 3
    assert all(text.count("%") == 1 for text in bars), bars
    assert bars == sorted(bars)


async def test_displays_are_updated_replaced_and_cleared(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    page = await run_here(
        shared_server,
        open_notebook,
        "from IPython.display import HTML, clear_output, display, update_display\n_ = display('one', display_id='kept')",
        "update_display('two', display_id='kept')",
        "import time\nfor n in range(5):\n    clear_output(wait=True)\n    display(n)\n    time.sleep(0.05)",
        "print('gone')\nclear_output()\ndisplay(HTML('<b id=bold>bold</b>'))",
    )
    for place in range(2):
        await page.run(place)
        await page.status(place, "ok")
    await expect(page.cell(0).get_by_test_id("output-display")).to_have_text("'two'")
    await expect(page.cell(1).get_by_test_id("outputs")).to_have_count(0)

    await watch(page, 2, "display")
    await page.run(2)
    await page.status(2, "ok")
    await expect(page.cell(2).get_by_test_id("output-display")).to_have_text("4")
    shown = [text for text in await seen(page, "running") if text]
    assert shown == sorted(shown)
    assert all(len(text) == 1 for text in shown), "the last one stays until the next one is there"

    await page.run(3)
    await expect(page.cell(3).get_by_test_id("output-html").content_frame.locator("#bold")).to_have_text("bold")
    await expect(page.stdout(3)).to_have_count(0)


async def test_question_is_answered_and_a_password_is_kept_nowhere(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    name, secret = "Ada-in-the-page-1815", "correct-horse-in-the-page"
    source = "import getpass\nprint('hello', input('Your name? '))\nword = getpass.getpass('Password: ')\nprint(len(word), 'letters')"
    page = await run_here(shared_server, open_notebook, source)
    await page.run(0)
    question = page.cell(0).get_by_label("Your name?")
    await expect(question).to_have_attribute("type", "text")
    await question.fill(name)
    await question.press("Enter")
    field = page.cell(0).get_by_label("Password:")
    await expect(field).to_have_attribute("type", "password")
    await expect(page.stdout(0)).to_contain_text(f"hello {name}")
    await field.fill(secret)
    await field.press("Enter")
    await expect(page.stdout(0)).to_contain_text(f"{len(secret)} letters")
    await page.status(0, "ok")
    await page.saved()
    assert secret not in await page.page.content()
    files = [path for path in shared_server.data.rglob("*") if path.is_file()]
    assert any(name.encode() in path.read_bytes() for path in files)
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


async def test_errors_warnings_logs_and_colours_are_shown(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    page = await run_here(
        shared_server,
        open_notebook,
        "def half(n):\n    return n / 0\nhalf(1)",
        "import logging, warnings\nwarnings.warn('take care')\nlogging.warning('noted')",
        r"print('\x1b[31mred\x1b[0m plain \x1b[38;2;10;20;250mblue\x1b[0m')",
        "import asyncio\nawait asyncio.sleep(0)\nawait asyncio.gather(asyncio.sleep(0, 'waited for'))",
        "print('grüße 🎉 👩‍🔬 中文')",
    )
    await page.run(0)
    await page.status(0, "error")
    error = page.cell(0).get_by_test_id("output-error")
    await expect(error).to_contain_text("ZeroDivisionError: division by zero")
    await expect(error).to_contain_text("1 def half(n):\n----> 2     return n / 0")
    await expect(error).not_to_contain_text("site-packages")

    for place in range(1, 5):
        await page.run(place)
        await page.status(place, "ok")
    told = page.cell(1).get_by_test_id("output-stderr")
    await expect(told).to_contain_text("UserWarning: take care")
    await expect(told).to_contain_text("noted")
    await expect(page.stdout(2)).to_have_text("red plain blue")
    coloured = [page.stdout(2), *(page.stdout(2).locator("span", has_text=word).last for word in ("red", "blue"))]
    assert len({await each.evaluate("element => getComputedStyle(element).color") for each in coloured}) == 3
    await expect(page.cell(3).get_by_test_id("output-result")).to_have_text("['waited for']")
    await expect(page.stdout(4)).to_have_text("grüße 🎉 👩‍🔬 中文")


async def test_large_outputs_go_to_the_server_as_artifacts(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    html = "from IPython.display import HTML\nHTML('<p>' + 'word ' * 200_000 + '</p><i id=end>the end</i>')"
    page = await run_here(shared_server, open_notebook, html, BIG_PICTURE)
    sent: list[Request] = []

    def note(request: Request) -> None:
        if request.method == "PUT":
            sent.append(request)

    page.page.on("request", note)
    await page.run(0)
    await page.status(0, "ok")
    await expect(page.cell(0).get_by_test_id("output-html").content_frame.locator("#end")).to_have_text("the end")
    await page.run(1)
    await page.status(1, "ok")
    picture = page.cell(1).get_by_test_id("output-image")
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [900, 1200]
    await page.saved()
    sizes = [len(request.post_data_buffer or b"") for request in sent]
    assert [size > 1_000_000 for size in sizes] == [True, True], sizes

    await page.page.reload()
    await expect(picture).to_have_js_property("naturalWidth", 900)


async def test_ten_thousand_lines_arrive_whole_and_in_order(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    page = await run_here(shared_server, open_notebook, "for n in range(10_000):\n    print('line', n)")
    await page.run(0)
    await page.status(0, "ok", within_s=30)
    expand = page.cell(0).get_by_test_id("output-expand")
    await expect(expand).to_have_text("Show all 10,000 lines")
    await expand.click()
    blocks = page.stdout(0).locator(".terminal-block")
    await expect(blocks).to_have_count(100)
    assert "\n".join(await blocks.all_text_contents()).splitlines() == [f"line {n}" for n in range(10_000)]


async def test_output_of_a_background_task_stays_with_its_cell(shared_server: NotebookServer, open_notebook: OpenNotebook) -> None:
    later = "import asyncio\ngo = asyncio.Event()\nasync def later():\n    await go.wait()\n    print('late')\n"
    page = await run_here(shared_server, open_notebook, later + "task = asyncio.create_task(later())", "go.set()\nawait task\nprint('own')")
    await page.run(0)
    await page.status(0, "ok")
    await page.run(1)
    await page.status(1, "ok")
    await expect(page.stdout(0)).to_have_text("late")
    await expect(page.stdout(1)).to_have_text("own")


async def test_packages_are_installed_with_micropip_and_other_ways_say_so(
    shared_server: NotebookServer, open_notebook: OpenNotebook
) -> None:
    page = await run_here(shared_server, open_notebook, "import micropip\nmicropip.install", "%pip install tqdm", "!ls")
    await page.run(0)
    await expect(page.cell(0).get_by_test_id("output-result")).to_contain_text("bound method")
    for place, said in ((1, "tqdm could not be installed"), (2, "await micropip.install('name')")):
        await page.run(place)
        await page.status(place, "error")
        await expect(page.cell(place).get_by_test_id("output-error").locator(".error-head")).to_contain_text(said)
