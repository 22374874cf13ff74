"""The command line: help that teaches, and one clear line, a code and a status for everything that cannot work."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runt.main import app

NOT_A_NOTEBOOK = b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "1"}, {"cell_type": "cod"}]}'


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RUNT_CONFIG", "")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.ipynb").write_bytes(NOT_A_NOTEBOOK)
    (tmp_path / "folder").mkdir()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        app(words)
    return int(caught.value.code or 0)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["rum"], 2, "No such command 'rum'. Did you mean 'run'? (see `runt --help`)"),
        (["run"], 2, "Missing argument 'FILE.ipynb' (see `runt run --help`)"),
        (["run", "a.ipynb", "--foo"], 2, "No such option: --foo (see `runt run --help`)"),
        (["run", "none.ipynb"], 2, "none.ipynb: there is no such file"),
        (["run", "folder"], 2, "folder is a folder; name an .ipynb file in it"),
        (["run", "bad.ipynb"], 1, "bad.ipynb is not a notebook that can be read: cells[1].cell_type: must be one of code, markdown, raw"),
        (["run", "bad.ipynb", "-o", "x.ipynb", "--inplace"], 2, "-o and --inplace exclude each other; give one of them"),
        (["notebook", "bad.ipynb"], 1, "is not a notebook that can be read: cells[1].cell_type: must be one of code, markdown, raw"),
        (["notebook", "none/new.ipynb"], 1, "none/new.ipynb cannot be written: No such file or directory"),
        (["import", "none.ipynb"], 2, "none.ipynb: there is no such file"),
        (["import", "bad.ipynb"], 1, "cells[1].cell_type: must be one of code, markdown, raw"),
    ],
)
def test_what_cannot_work_is_one_line(words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words) == status
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("runt: ")
    assert line.endswith(said)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "none.ipynb", "--json"], "no-file"),
        (["run", "bad.ipynb", "--json"], "invalid-notebook"),
        (["run", "--json"], "bad-usage"),
    ],
)
def test_programs_get_a_code(words: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    call(*words)
    error = json.loads(capsys.readouterr().err)
    assert (error["code"], error.keys()) == (code, {"code", "message"})


@pytest.mark.slow
def test_a_port_in_use_says_what_to_do(taken_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["serve"], ["notebook", "--no-browser", "--runtime", "none"]):
        assert call(*command, "--port", str(taken_port)) == 1
        assert capsys.readouterr().err == (
            f"runt: port {taken_port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for any free one\n"
        )


@pytest.mark.slow
def test_a_data_folder_that_cannot_be_one_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("serve", "--data", "bad.ipynb") == 1
    assert "bad.ipynb cannot be used as the data folder: File exists (choose another with --data)" in capsys.readouterr().err


@pytest.mark.slow
def test_an_unknown_notebook_is_named_with_those_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["export", "Whales"], ["notebook", "Whales", "--no-browser", "--port", "0"]):
        assert call(*command) == 2
        assert capsys.readouterr().err == ("runt: there is no notebook 'Whales' (there is none yet; the name of a file ends with .ipynb)\n")


@pytest.mark.slow
def test_import_and_export_give_the_notebook_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.ipynb").write_text(
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "raw", "id": "c", "source": "x"}]}'
    )
    assert call("import", "a.ipynb", "--title", "Penguins", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["title"] == "Penguins"
    for name in ("Penguins", "pENGUINS", made["id"]):
        assert call("export", name, "-o", "b.ipynb") == 0
        assert json.loads((tmp_path / "b.ipynb").read_text())["cells"][0]["source"] == ["x"]
    assert call("import", "a.ipynb", "--title", "Penguins") == 0
    assert call("export", "Penguins") == 2
    assert "several notebooks are called 'Penguins'; give one of their ids: " in capsys.readouterr().err


@pytest.mark.slow
def test_a_token_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("token") == 0
    first = capsys.readouterr().out.strip()
    assert call("token", "--json", "--role", "viewer", "--name", "x") == 0
    second = json.loads(capsys.readouterr().out)
    assert second == {"token": second["token"], "name": "x", "role": "viewer"}
    assert first != second["token"]


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_teaches(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words) == 0
    text = capsys.readouterr().out
    for command in ("notebook", "serve", "agent", "run", "import", "export", "token", "pyodide", "Examples:", "Exit status:"):
        assert command in text


@pytest.mark.parametrize("command", ["notebook", "serve", "agent", "run", "import", "export", "token", "pyodide mirror"])
def test_every_command_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*command.split(), "--help") == 0
    text = capsys.readouterr().out
    assert "Example" in text
    assert f"runt {command}" in text


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out.startswith("runt ")


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(Exception, match="there is no such file"):
        app(["run", "none.ipynb", "--debug"])
