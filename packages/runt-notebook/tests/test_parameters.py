"""Parameters, kernels and what a resumed run runs: plain data in, plain data out."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runt.errors import UsageError
from runt.kernels import choose_kernel, language_of
from runt.parameters import Value, assignments, inject, parse_parameters, parse_value, tags_of
from runt.resume import cells_to_run, log_folder
from runtime_schema.ipynb import FileCell, NotebookFile


def cell(source: str, *tags: str) -> FileCell:
    return FileCell(id=source, cell_type="code", source=source, metadata=json.dumps({"tags": tags} if tags else {}))


def notebook(*cells: FileCell, **metadata: object) -> NotebookFile:
    return NotebookFile(cells=cells, metadata={name: json.dumps(value) for name, value in metadata.items()})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026", 2026),
        ("-1.5e3", -1500.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", None),
        ("a b", "a b"),
        ("1.2.3", "1.2.3"),
        ("1e999", "1e999"),
        ('[1, "a"]', [1, "a"]),
        ('{"a": 1}', {"a": 1}),
        ("[oops", "[oops"),
        ("9" * 2000, "9" * 2000),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: Value) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@given(st.text())
def test_no_value_is_refused(text: str) -> None:
    parse_value(text)


def test_the_last_word_of_a_name_wins_and_raw_is_text() -> None:
    assert parse_parameters(["a=1", "b=x=y", "a=2"], ["c=3"]) == {"a": 2, "b": "x=y", "c": "3"}
    for word in ("a", "=1", "1a=2", "a b=1"):
        with pytest.raises(UsageError, match="sets no parameter"):
            parse_parameters([word])


def test_values_are_set_behind_the_tagged_cell_and_replace_those_of_before() -> None:
    before = notebook(cell("first"), cell("year = 1", "parameters"), cell("old", "injected-parameters"), cell("last"))
    after = inject(before, {"year": 2026, "name": "it's"})
    assert [one.source for one in after.cells] == ["first", "year = 1", '# Parameters\nyear = 2026\nname = "it\'s"\n', "last"]
    assert tags_of(after.cells[2].metadata) == {"injected-parameters"}
    assert inject(after, {"year": 2026, "name": "it's"}) == after
    assert inject(before, {}) == before


def test_without_a_tagged_cell_values_come_first() -> None:
    assert [one.source for one in inject(notebook(cell("x")), {"n": None}).cells] == ["# Parameters\nn = None\n", "x"]


def test_values_are_written_in_the_kernels_language() -> None:
    assert assignments({"a": True, "b": [1]}, "javascript") == "// Parameters\nvar a = true;\nvar b = [1];\n"
    assert assignments({"a": True, "b": "it's"}, "bash") == "# Parameters\na='true'\nb='it'\\''s'\n"
    with pytest.raises(UsageError, match="cannot be written in bash"):
        assignments({"a": [1]}, "bash")
    with pytest.raises(UsageError, match="cannot be written in cobol"):
        assignments({"a": 1}, "cobol")


@pytest.mark.parametrize("metadata", ["{}", "[]", '{"tags": "x"}', '{"tags": [1]}', '{"tags": null}'])
def test_metadata_without_tags_has_none(metadata: str) -> None:
    assert tags_of(metadata) == frozenset()


def test_a_file_runs_with_what_it_is_for() -> None:
    def installed() -> list[str]:
        return ["ir", "python3"]

    python = notebook(kernelspec={"name": "my-env", "language": "python"})
    r = notebook(kernelspec={"name": "ir", "language": "R"})
    julia = notebook(kernelspec={"name": "julia-1.9"}, language_info={"name": "julia"})
    assert [choose_kernel(one, None, installed) for one in (notebook(), python, r)] == ["python", "python", "ir"]
    assert choose_kernel(python, "python3", installed) == "python3"
    assert choose_kernel(julia, "python", installed) == "python"
    assert language_of(r) == "r"
    with pytest.raises(UsageError, match=r"its cells are julia, and its kernel 'julia-1.9' is not installed: installed are ir, python3"):
        choose_kernel(julia, None, installed)
    with pytest.raises(UsageError, match="there is no Jupyter kernel 'irr'"):
        choose_kernel(notebook(), "irr", installed)
    with pytest.raises(UsageError, match="no Jupyter kernel is installed"):
        choose_kernel(julia, None, list)


def test_a_resumed_run_runs_the_rest_behind_what_is_tagged_setup() -> None:
    tags = {"a": frozenset({"setup"}), "b": frozenset[str](), "c": frozenset[str]()}
    assert cells_to_run("abc", tags, frozenset()) == ["a", "b", "c"]
    assert cells_to_run("abc", tags, frozenset("ab")) == ["a", "c"]
    assert cells_to_run("abc", tags, frozenset("abc")) == [], "nothing is left to be set up for"


def test_a_log_is_of_this_file_with_this_content_and_these_parameters(tmp_path: Path) -> None:
    names = {
        log_folder(tmp_path, Path("a.ipynb"), b"1", "p"),
        log_folder(tmp_path, Path("b.ipynb"), b"1", "p"),
        log_folder(tmp_path, Path("a.ipynb"), b"2", "p"),
        log_folder(tmp_path, Path("a.ipynb"), b"1", "q"),
    }
    assert len(names) == 4
    assert log_folder(tmp_path, Path("a.ipynb"), b"1", "p") in names
