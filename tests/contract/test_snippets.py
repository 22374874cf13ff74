"""Snippets show in our host engine what they show in ipykernel, except where contract/snippets/differences.toml says why not."""

import sys
from pathlib import Path

import pytest
from harness.snippet_sink import SnippetSink
from snippet_files import FOLDER, RECORDED, WORK, environment, parse_snippet, read_differences, read_recording, read_snippets
from snippet_runs import differing_lines, normal_form

from runtime_node import SubprocessEngine

SNIPPETS = read_snippets()
DIFFERENCES = read_differences("host")


@pytest.mark.slow
@pytest.mark.parametrize("name", SNIPPETS)
async def test_snippet_shows_on_a_host_what_ipykernel_shows(name: str, tmp_path: Path) -> None:
    snippet = SNIPPETS[name]
    if snippet.python not in (None, f"{sys.version_info.major}.{sys.version_info.minor}"):
        pytest.skip(f"the recording is in the words of Python {snippet.python}")
    work = tmp_path / WORK
    work.mkdir()
    sink = SnippetSink(snippet.answers)
    engine = SubprocessEngine(cwd=work, env=environment(tmp_path))
    await engine.start(sink)
    try:
        run = await sink.run(engine, snippet.cells)
    finally:
        await engine.stop()
    known = DIFFERENCES[name].lines if name in DIFFERENCES else ()
    assert differing_lines(read_recording(name), normal_form(run, snippet.order)) == known


def test_every_snippet_is_recorded_and_every_recording_is_of_a_snippet() -> None:
    assert {path.stem for path in RECORDED.glob("*.json")} == set(SNIPPETS)


@pytest.mark.parametrize("host", ["host", "page"])
def test_every_difference_is_of_a_snippet_that_runs_there_and_has_a_reason(host: str) -> None:
    known = read_differences("host" if host == "host" else "page")
    assert [name for name in known if name not in SNIPPETS or host not in SNIPPETS[name].runs] == []
    assert [name for name, each in known.items() if not each.reason or not each.lines] == []


def test_header_that_says_too_little_is_refused() -> None:
    assert FOLDER.is_dir()
    for text in ("", "print(1)\n", "# about\n# %%\n1\n", "# about\n# runs: moon\n# %%\n1\n", "# about\n# runs: host\n# who: me\n# %%\n1\n"):
        with pytest.raises(ValueError, match="x: "):
            parse_snippet("x", text)
