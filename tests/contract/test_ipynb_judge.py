"""Jupyter's own nbformat judges our .ipynb: what it made and finds valid comes back valid and equal after a life as events."""

import base64
import itertools
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, cast

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from runtime_schema.args import encode_args
from runtime_schema.events import wire_name
from runtime_schema.ipynb import read_notebook, write_notebook
from runtime_schema.ipynb_events import Import, NotebookState, export_notebook, import_notebook
from runtime_schema.materialize import create_state, materialize
from runtime_schema.queries import Query, RowT

Node = Any  # nbformat is untyped: its nodes are dicts that answer to attributes
make: Any = v4  # as above
judge: Any = nbformat  # as above

# Everything that JSON and an .ipynb can carry; NUL and lone surrogates are refused by name elsewhere.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
lines = st.lists(texts, max_size=4).map("\n".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False, width=32) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
free_metadata = st.dictionaries(st.sampled_from(["custom", "x-y", "é", "vendor"]), json_values, max_size=3)
pictures = st.sampled_from([10, 50_000]).map(lambda size: base64.b64encode(bytes(range(250)) * (size // 250 + 1)).decode())
bundles = st.fixed_dictionaries(
    {"text/plain": lines},
    optional={
        "text/html": lines | st.just("<p>long</p>\n" * 4_000),
        "image/png": pictures,
        "image/svg+xml": lines,
        "text/markdown": lines,
        "application/javascript": lines,
        "application/json": json_values,
        "application/vnd.plotly.v1+json": st.dictionaries(texts, json_values, max_size=3),
    },
)
counts = st.none() | st.integers(1, 10_000)


def streams() -> st.SearchStrategy[Node]:
    def stream(name: str, text: str) -> Node:
        return make.new_output("stream", name=name, text=text)

    return st.builds(stream, st.sampled_from(["stdout", "stderr"]), lines | st.just("line\n" * 20_000))


def displays() -> st.SearchStrategy[Node]:
    def display(data: Mapping[str, object], metadata: Mapping[str, object]) -> Node:
        return make.new_output("display_data", data=data, metadata=metadata)

    return st.builds(display, bundles, free_metadata)


def results() -> st.SearchStrategy[Node]:
    def result(data: Mapping[str, object], metadata: Mapping[str, object], count: int | None) -> Node:
        return make.new_output("execute_result", data=data, metadata=metadata, execution_count=count)

    return st.builds(result, bundles, free_metadata, counts)


def errors() -> st.SearchStrategy[Node]:
    def error(name: str, value: str, traceback: list[str]) -> Node:
        return make.new_output("error", ename=name, evalue=value, traceback=traceback)

    return st.builds(error, texts, texts, st.lists(lines, max_size=3))


def code_cells() -> st.SearchStrategy[Node]:
    outputs = st.lists(streams() | displays() | results() | errors(), max_size=4)
    hidden = st.sampled_from([{}, {"jupyter": {"source_hidden": True}}, {"jupyter": {"outputs_hidden": True}}, {"tags": ["a", "b"]}])

    def code(source: str, outs: list[Node], count: int | None, metadata: dict[str, object], marks: dict[str, object]) -> Node:
        return make.new_code_cell(source, outputs=outs, execution_count=count, metadata=metadata | marks)

    return st.builds(code, lines, outputs, counts, free_metadata, hidden)


def prose_cells() -> st.SearchStrategy[Node]:
    attachments = st.dictionaries(st.sampled_from(["a.png", "b c.png"]), st.fixed_dictionaries({"image/png": pictures}), max_size=2)

    def prose(make_cell: Callable[..., Node], source: str, metadata: dict[str, object], attached: dict[str, object]) -> Node:
        more = {"attachments": attached} if attached else {}
        return make_cell(source, metadata=metadata, **more)

    return st.builds(prose, st.sampled_from([make.new_markdown_cell, make.new_raw_cell]), lines, free_metadata, attachments)


@st.composite
def notebooks(draw: st.DrawFn) -> Node:
    cells = draw(st.lists(code_cells() | prose_cells(), max_size=5))
    for place, cell in enumerate(cells):
        cell["id"] = draw(st.sampled_from([f"cell-{place}", f"{place:08x}", f"a_{place}-" + "x" * 50]))
    metadata = draw(free_metadata)
    if draw(st.booleans()):
        metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return make.new_notebook(cells=cells, metadata=metadata)


def through_the_log(data: bytes) -> bytes:
    """Import a file as events, derive the state from them, and write the state as a file."""
    ids = itertools.count()
    made: Import = import_notebook(read_notebook(data), new_id=lambda: f"id{next(ids)}", now_ms=1, state=None, title="Judged")
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        create_state(db)
        for event in made.events:
            assert materialize(db, wire_name(event), encode_args(event), "local", "S"), f"{wire_name(event)} was not applied"

        def rows(query: Query[RowT]) -> list[RowT]:
            return [query.row(*row) for row in db.execute(query.sql)]

        state = NotebookState.read(rows)
    finally:
        db.close()
    return write_notebook(export_notebook(state, lambda sha256: made.artifacts[sha256][0]))


@pytest.mark.slow
@given(notebooks())
def test_notebook_that_nbformat_made_comes_back_valid_and_equal(notebook: Node) -> None:
    judge.validate(notebook)
    written = through_the_log(judge.writes(notebook).encode())
    back = judge.reads(written.decode(), as_version=4)
    judge.validate(back)
    assert back == notebook


@pytest.mark.slow
@given(notebooks())
def test_exported_file_is_byte_for_byte_what_jupyter_would_save(notebook: Node) -> None:
    saved = cast("str", judge.writes(notebook))
    assert through_the_log(saved.encode()).decode() == saved + "\n"


def test_notebook_of_an_older_minor_version_comes_back_valid() -> None:
    old = make.new_notebook(cells=[make.new_code_cell("1 + 1", execution_count=1), make.new_markdown_cell("old")])
    old.nbformat_minor = 2
    for cell in old.cells:
        del cell["id"]
    back = judge.reads(through_the_log(judge.writes(old, version=judge.NO_CONVERT).encode()).decode(), as_version=4)
    judge.validate(back)
    assert [cell.source for cell in back.cells] == ["1 + 1", "old"]
    assert back.nbformat_minor == 5
