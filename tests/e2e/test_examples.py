"""The examples run as they are shipped, by `runt run`."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from harness.processes import run_to_end

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
QUICK = {"RUNT_EXAMPLE_SECONDS": "0"}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped") / "examples"
    shutil.copytree(EXAMPLES, folder)
    return folder


def run(examples: Path, name: str) -> tuple[int, str, dict[str, list[Any]]]:
    """Run one; gives its status, what it wrote, and outputs by cell id."""
    status, out, err = run_to_end(["run", f"{name}.ipynb", "-o", f"{name}.out.ipynb"], cwd=examples, environment=QUICK)
    assert out == ""
    made: Any = json.loads((examples / f"{name}.out.ipynb").read_text())
    return status, err, {cell["id"]: cell["outputs"] for cell in made["cells"] if cell["cell_type"] == "code"}


def text(outputs: list[Any]) -> str:
    return "".join("".join(output.get("text", ())) for output in outputs)


def test_quickstart_shows_a_table_and_a_figure(examples: Path) -> None:
    status, err, outputs = run(examples, "quickstart")
    assert (status, err.splitlines()[-1].startswith("quickstart.ipynb: ok, 5 cells in ")) == (0, True)
    assert text(outputs["load"]) == "344 penguins, 3 species, 2007 to 2009\n"
    assert "<th>Gentoo</th>" in "".join(outputs["averages"][0]["data"]["text/html"])
    assert len(outputs["figure"][0]["data"]["image/png"]) > 10_000
    assert text(outputs["guess"]) == "right for 94% of 342 penguins\n"


def test_streaming_prints_updates_and_other_streams(examples: Path) -> None:
    status, err, outputs = run(examples, "streaming")
    assert (status, err.splitlines()[-1].startswith("streaming.ipynb: ok, 5 cells in ")) == (0, True)
    assert len(text(outputs["lines"]).splitlines()) == 10
    assert text(outputs["bar"]).endswith("finished\n")
    assert [output["data"]["text/markdown"] for output in outputs["display"]] == [["## lift-off 🚀"]]
    assert [(output["name"], "".join(output["text"])) for output in outputs["streams"]] == [
        ("stdout", "this is stdout\n"),
        ("stderr", "this is stderr\n"),
        ("stdout", "this is another process\n"),
    ]


def test_errors_stops_at_the_cell_that_raises_and_shows_it(examples: Path) -> None:
    status, err, outputs = run(examples, "errors")
    assert status == 1
    assert "cell 3 (uncaught) failed:" in err
    assert err.splitlines()[-1].startswith("errors.ipynb: cell 3 failed with ValueError, 3 of 4 cells in ")
    assert "2 weights are good: [3750, 3250]" in text(outputs["caught"])
    assert [output["output_type"] for output in outputs["uncaught"]] == ["stream", "error"]
    assert outputs["after"] == []


def test_the_shipped_examples_hold_no_outputs() -> None:
    for file in EXAMPLES.glob("*.ipynb"):
        cells: Any = json.loads(file.read_text())["cells"]
        assert not any(cell.get("outputs") for cell in cells), file.name
