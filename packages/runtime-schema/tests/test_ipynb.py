"""Files come in and go out unchanged, through the log; what cannot be read is refused with its place."""

import base64
import itertools
import json
import sqlite3
from collections.abc import Mapping
from typing import Any

import pytest

from runtime_schema.args import encode_args
from runtime_schema.errors import InvalidNotebookError
from runtime_schema.events import CellDeleted, CellMoved, CellSourceSet, Event, wire_name
from runtime_schema.ipynb import FileCell, NotebookFile, read_notebook, write_notebook
from runtime_schema.ipynb_events import Import, NotebookState, export_notebook, import_notebook
from runtime_schema.materialize import create_state, materialize
from runtime_schema.queries import Query, RowT

PNG = base64.b64encode(bytes(range(256)) * 200).decode()
NOTEBOOK: dict[str, Any] = {
    "cells": [
        {
            "cell_type": "markdown",
            "id": "m1",
            "metadata": {"tags": ["a"]},
            "source": ["# Title\n", "text"],
            "attachments": {"a.png": {"image/png": "QUJD"}},
        },
        {"cell_type": "raw", "id": "r1", "metadata": {"format": "text/latex"}, "source": []},
        {
            "cell_type": "code",
            "id": "c1",
            "metadata": {"jupyter": {"source_hidden": True, "other": 1}, "collapsed": False},
            "source": ["print('é')\n"],
            "execution_count": 7,
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
                {"output_type": "stream", "name": "stderr", "text": []},
                {
                    "output_type": "display_data",
                    "data": {"image/png": PNG, "text/plain": ["<Figure>"]},
                    "metadata": {"image/png": {"width": 3}},
                },
                {
                    "output_type": "execute_result",
                    "execution_count": 7,
                    "data": {"application/vnd.plotly.v1+json": {"b": [1, 2.5, None], "a": "x"}, "text/html": ["<b>\n", "x</b>"]},
                    "metadata": {},
                },
                {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["\u001b[31ma", "b"]},
            ],
        },
        {
            "cell_type": "code",
            "id": "s1",
            "metadata": {"runt": {"cell_type": "sql"}},
            "source": ["select 1"],
            "execution_count": None,
            "outputs": [],
        },
        {
            "cell_type": "code",
            "id": "h1",
            "metadata": {"jupyter": {"outputs_hidden": True}},
            "source": [],
            "execution_count": 3,
            "outputs": [],
        },
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "custom": [1, {"x": None}]},
    "nbformat": 4,
    "nbformat_minor": 5,
}


class Replica:
    """A state that imports are applied to."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        create_state(self.db)
        self.ids = itertools.count()
        self.kept: dict[str, bytes] = {}

    def rows(self, query: Query[RowT]) -> list[RowT]:
        return [query.row(*row) for row in self.db.execute(query.sql)]

    def state(self) -> NotebookState:
        return NotebookState.read(self.rows)

    def bring_in(self, notebook: Mapping[str, Any], **options: Any) -> Import:
        file = read_notebook(json.dumps(notebook).encode())
        made = import_notebook(file, new_id=lambda: f"id{next(self.ids)}", now_ms=1, state=self.state(), **options)
        self.kept |= {sha256: data for sha256, (data, _) in made.artifacts.items()}
        for event in made.events:
            self.apply(event)
        return made

    def apply(self, event: Event) -> None:
        assert materialize(self.db, wire_name(event), encode_args(event), "local", "S")

    def export(self) -> Any:
        return json.loads(write_notebook(export_notebook(self.state(), self.kept.__getitem__)))


def test_import_then_export_loses_nothing() -> None:
    replica = Replica()
    made = replica.bring_in(NOTEBOOK, title="My file")
    assert replica.export() == NOTEBOOK
    assert len(made.artifacts) == 1
    assert replica.db.execute("SELECT value FROM notebook WHERE key = 'title'").fetchone() == ('"My file"',)
    assert replica.db.execute("SELECT id FROM cells WHERE source_visible = 0").fetchall() == [("c1",)]
    assert replica.db.execute("SELECT id FROM cells WHERE output_visible = 0").fetchall() == [("h1",)]


def test_import_of_an_unchanged_file_is_nothing() -> None:
    replica = Replica()
    replica.bring_in(NOTEBOOK)
    assert replica.bring_in(NOTEBOOK).events == ()


def test_import_of_a_changed_file_touches_what_changed() -> None:
    replica = Replica()
    replica.bring_in(NOTEBOOK)
    changed = json.loads(json.dumps(NOTEBOOK))
    changed["cells"][1]["source"] = ["new"]
    del changed["cells"][3]
    changed["cells"].insert(1, {"cell_type": "code", "metadata": {}, "source": "x", "execution_count": None, "outputs": []})
    changed["cells"][0]["attachments"]["a.png"]["image/png"] = "REVG"
    changed["cells"][3]["outputs"].pop()
    changed["cells"][4]["metadata"] = {"k": 1}
    changed["cells"][4]["cell_type"] = "raw"
    del changed["cells"][4]["outputs"], changed["cells"][4]["execution_count"]
    made = replica.bring_in(changed)
    assert [event.cell_id for event in made.events if isinstance(event, CellDeleted)] == ["s1", "m1"]
    assert [event.cell_id for event in made.events if isinstance(event, CellSourceSet)] == ["r1"]
    assert not any(isinstance(event, CellMoved) for event in made.events)
    exported = replica.export()
    changed["cells"][1]["id"] = exported["cells"][1]["id"]
    changed["cells"][1]["source"] = ["x"]
    assert exported == changed


def test_import_of_a_reordered_file_moves_cells() -> None:
    replica = Replica()
    replica.bring_in(NOTEBOOK)
    turned = {**NOTEBOOK, "cells": NOTEBOOK["cells"][::-1]}
    replica.bring_in(turned)
    assert replica.export() == turned


def test_outputs_stay_as_they_are_while_a_runtime_is_active() -> None:
    replica = Replica()
    replica.bring_in(NOTEBOOK, with_outputs=False)
    assert all(not cell.get("outputs") for cell in replica.export()["cells"])


def test_markdown_output_of_an_ai_cell_is_exported_as_display_data() -> None:
    replica = Replica()
    replica.bring_in(NOTEBOOK)
    replica.db.execute("UPDATE outputs SET kind = 'markdown' WHERE kind = 'stream' AND stream = 'stdout'")
    assert replica.export()["cells"][2]["outputs"][0] == {
        "output_type": "display_data",
        "data": {"text/markdown": ["a\n", "b"]},
        "metadata": {},
    }


def test_long_stream_is_split_and_long_text_is_kept_outside() -> None:
    code = NOTEBOOK["cells"][2]
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["x" * 100_000]},
        {"output_type": "display_data", "data": {"text/plain": ["é" * 40_000]}, "metadata": {}},
    ]
    notebook = {**NOTEBOOK, "cells": [{**code, "outputs": outputs}]}
    replica = Replica()
    replica.bring_in(notebook)
    assert replica.db.execute("SELECT count(*) FROM output_chunks").fetchone() == (4,)
    assert replica.export() == notebook


def test_duplicate_and_unusable_ids_are_made_anew() -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "raw", "metadata": {}, "source": "", **extra} for extra in ({"id": "a"}, {"id": "a"}, {"id": "<b>"}, {})
    ]
    replica = Replica()
    replica.bring_in({**NOTEBOOK, "nbformat_minor": 2, "cells": cells})
    ids = [cell["id"] for cell in replica.export()["cells"]]
    assert ids[0] == "a"
    assert len(set(ids)) == 4


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"nbformat": 3}, "nbformat: this version reads nbformat 4, not 3; convert it with `jupyter nbconvert --to notebook`"),
    ({"nbformat": "4"}, 'nbformat: this version reads nbformat 4, not "4"'),
    ({"nbformat": 99}, "nbformat: this version reads nbformat 4, not 99"),
    ({"nbformat_minor": "x"}, "nbformat_minor: must be an integer"),
    ({"cells": {}}, "cells: must be a list"),
    ({"cells": [1]}, "cells[0]: must be an object"),
    ({"metadata": []}, "metadata: must be an object"),
    ({"cells": [{"cell_type": "heading"}]}, "cells[0].cell_type: must be one of code, markdown, raw"),
    ({"cells": [{"cell_type": "raw", "source": 1}]}, "cells[0].source: must be a string or a list of strings"),
    ({"cells": [{"cell_type": "raw", "source": ["a", 1]}]}, "cells[0].source: must be a string or a list of strings"),
    ({"cells": [{"cell_type": "code", "outputs": {}}]}, "cells[0].outputs: must be a list"),
    ({"cells": [{"cell_type": "code", "execution_count": "1"}]}, "cells[0].execution_count: must be an integer or null"),
    (
        {"cells": [{"cell_type": "code", "outputs": [{"output_type": "pyout"}]}]},
        'cells[0].outputs[0].output_type: "pyout" is not an output type of nbformat 4',
    ),
    (
        {"cells": [{"cell_type": "code", "outputs": [{"output_type": "stream", "name": "log"}]}]},
        "cells[0].outputs[0].name: must be stdout or stderr",
    ),
    (
        {"cells": [{"cell_type": "code", "outputs": [{"output_type": "error", "traceback": "x"}]}]},
        "cells[0].outputs[0].traceback: must be a list of strings",
    ),
    (
        {"cells": [{"cell_type": "code", "outputs": [{"output_type": "display_data", "data": {"png": ""}}]}]},
        "cells[0].outputs[0].data['png']: is not a MIME type",
    ),
]


@pytest.mark.parametrize(("change", "problem"), MALFORMED)
def test_malformed_file_is_refused_with_its_place(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidNotebookError) as caught:
        read_notebook(json.dumps(NOTEBOOK | change).encode())
    assert str(caught.value) == problem


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"nbformat": NaN}'])
def test_bytes_that_are_no_notebook_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidNotebookError):
        read_notebook(data)


def test_source_that_no_event_can_carry_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidNotebookError, match=r"^cells\[0\]\.source: is larger than 240 KiB$"):
        Replica().bring_in({**NOTEBOOK, "cells": [{"cell_type": "raw", "metadata": {}, "source": "x" * 300_000}]})


def test_bytes_that_are_not_base64_are_refused_with_their_place() -> None:
    output: dict[str, Any] = {"output_type": "display_data", "data": {"image/png": "=" + "é" * 40_000}, "metadata": {}}
    with pytest.raises(InvalidNotebookError, match=r"^cells\[0\]\.outputs\['image/png'\]: is not base64$"):
        Replica().bring_in({**NOTEBOOK, "cells": [{**NOTEBOOK["cells"][4], "outputs": [output]}]})


def test_cell_without_an_id_is_written_without_one() -> None:
    file = NotebookFile(cells=(FileCell(id=None, cell_type="raw", source="x"),), metadata={}, nbformat_minor=4)
    assert json.loads(write_notebook(file))["cells"] == [{"cell_type": "raw", "metadata": {}, "source": ["x"]}]


def test_error_without_a_place_says_only_what_is_wrong() -> None:
    with pytest.raises(InvalidNotebookError, match=r"^not acceptable JSON: Expecting value"):
        read_notebook(b"")
