"""What cells show in the page: colours, lines that are written over, questions, and HTML that stays in its frame."""

from pathlib import Path

import pytest
from harness.gate import Gate
from harness.notebook_server import NotebookServer, notebook_bytes
from harness.pages import OpenNotebook, shoot
from harness.processes import Processes
from playwright.async_api import expect

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

ESCAPE_ATTEMPTS = """
from IPython.display import HTML
HTML('''<p id="verdict">waiting</p><script>
const tried = {};
const attempt = (name, act) => {
  try { act(); tried[name] = "worked"; } catch (error) { tried[name] = error.name; }
};
attempt("document", () => parent.document.body.remove());
attempt("title", () => { parent.document.title = "stolen"; });
attempt("cookie", () => document.cookie);
attempt("storage", () => localStorage.length);
attempt("address", () => { top.location.href = "about:blank"; });
attempt("global", () => { parent.stolen = 1; });
fetch("/api/me", { credentials: "include" }).then(() => "worked", (error) => error.name).then((word) => {
  tried.request = word;
  document.getElementById("verdict").textContent = JSON.stringify(tried);
});
</script>''')
"""


async def test_ansi_colours_are_shown(shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook) -> None:
    source = r"print('\x1b[31mred\x1b[0m plain \x1b[1;32mgreen\x1b[0m \x1b[38;2;10;20;250mblue\x1b[0m')"
    notebook = await shared_server.import_notebook("colours", notebook_bytes(source))
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.run(0)
    await expect(page.stdout(0)).to_have_text("red plain green blue")
    colours = [
        await page.stdout(0).locator("span", has_text=word).last.evaluate("span => getComputedStyle(span).color")
        for word in ("red", "green", "blue")
    ]
    plain = await page.stdout(0).evaluate("pre => getComputedStyle(pre).color")
    assert len({plain, *colours}) == 4


async def test_progress_bar_is_written_over_in_place(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    source = (
        "for percent in range(0, 51, 10):\n    print(f'\\rloading {percent} %', end='', flush=True)\n"
        f"{gate.source}\nprint('\\rloading 100 %')\nprint('ready')"
    )
    notebook = await shared_server.import_notebook("bar", notebook_bytes(source))
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.run(0)
    await expect(page.stdout(0)).to_have_text("loading 50 %")
    await page.status(0, "running")
    gate.open()
    await expect(page.stdout(0)).to_have_text("loading 100 %\nready")


async def test_question_is_answered_in_the_page_and_a_password_is_kept_nowhere(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    name, secret = "Ada-Lovelace-1815", "correct-horse-battery"
    source = "import getpass\nprint('hello', input('Your name? '))\nword = getpass.getpass('Password: ')\nprint(len(word), 'letters')"
    notebook = await shared_server.import_notebook("questions", notebook_bytes(source))
    agent = shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.run(0)
    question = page.cell(0).get_by_label("Your name?")
    await expect(question).to_be_visible(timeout=20_000)
    await expect(question).to_have_attribute("type", "text")
    await question.fill(name)
    await shoot(page.page, "input")
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
    await agent.stop()
    files = [path for path in shared_server.data.rglob("*") if path.is_file()]
    assert any(name.encode() in path.read_bytes() for path in files)
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    assert secret not in agent.output + (shared_server.process.output if shared_server.process else "")


async def test_script_in_an_html_output_reaches_nothing_of_the_page(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await shared_server.import_notebook("hostile", notebook_bytes(ESCAPE_ATTEMPTS))
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.run(0)
    await page.status(0, "ok")
    frame = page.cell(0).get_by_test_id("output-html")
    await expect(frame).to_have_attribute("sandbox", "allow-scripts")
    verdict = frame.content_frame.locator("#verdict")
    await expect(verdict).to_have_text(
        '{"document":"SecurityError","title":"SecurityError","cookie":"SecurityError","storage":"SecurityError",'
        '"address":"SecurityError","global":"SecurityError","request":"TypeError"}'
    )
    assert await page.page.evaluate("window.stolen") is None
    assert await page.page.title() == "hostile · runt"
    await page.opened(1)


async def test_display_is_updated_in_place_and_cleared(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    first, second = Gate(tmp_path, "first"), Gate(tmp_path, "second")
    source = (
        "from IPython.display import clear_output, display\n"
        f"shown = display('one', display_id=True)\n{first.source}\nshown.update('two')\n{second.source}\n"
        "clear_output()\nprint('after the clearing')"
    )
    notebook = await shared_server.import_notebook("display", notebook_bytes(source))
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.run(0)
    shown = page.cell(0).get_by_test_id("output-display")
    await expect(shown).to_have_text("'one'")
    first.open()
    await expect(shown).to_have_text("'two'")
    second.open()
    await expect(page.stdout(0)).to_have_text("after the clearing")
    await expect(shown).to_have_count(0)


async def test_very_long_output_is_shown_folded_and_opens(
    shared_server: NotebookServer, started: Processes, open_notebook: OpenNotebook
) -> None:
    notebook = await shared_server.import_notebook("long", notebook_bytes("for line in range(20_000):\n    print('line', line)"))
    shared_server.start_agent(notebook, started)
    page = await open_notebook(shared_server, notebook)
    await page.run(0)
    await page.status(0, "ok", within_s=30)
    blocks = page.stdout(0).locator(".terminal-block")
    await expect(blocks.last).to_contain_text("line 19999")
    box = await page.stdout(0).bounding_box()
    assert box is not None
    assert box["height"] < 900
    await expect(page.cell(0).get_by_test_id("output-expand")).to_have_text("Show all 20,000 lines")
    await shoot(page.page, "long-output")
    await page.cell(0).get_by_test_id("output-expand").click()
    await expect(blocks.first).to_contain_text("line 0\nline 1\n")
    await expect(blocks).to_have_count(200)
    await page.cell(0).get_by_test_id("output-expand").click()
    await expect(page.cell(0).get_by_test_id("output-expand")).to_be_in_viewport()
