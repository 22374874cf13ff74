"""Commands that cannot work: one clear line and a status, and no traceback."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from harness.commands import expect_one_line
from harness.notebook_server import free_port, notebook_bytes
from harness.processes import run_to_end

pytestmark = [pytest.mark.slow]

BROKEN = '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": 7}]}'


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield int(holder.getsockname()[1])


@pytest.mark.parametrize("command", [["serve"], ["notebook", "--no-browser"]])
def test_port_in_use_is_named_with_the_way_out(tmp_path: Path, taken_port: int, command: list[str]) -> None:
    words = [*command, "--data", "data", "--port", str(taken_port)]
    expect_one_line(words, tmp_path, 1, f"port {taken_port} on 127.0.0.1 is in use", "--port")


@pytest.mark.parametrize("command", [["run"], ["import", "--data", "data"]])
def test_missing_file_is_named(tmp_path: Path, command: list[str]) -> None:
    expect_one_line([*command, "nowhere.ipynb"], tmp_path, 2, "nowhere.ipynb: there is no such file")


def make_broken(file: Path) -> None:
    file.write_text(BROKEN)


def make_binary(file: Path) -> None:
    file.write_bytes(b"\x89PNG\r\n\x1a\n")


def make_old(file: Path) -> None:
    file.write_text('{"nbformat": 3, "worksheets": []}')


UNUSABLE = [
    (make_broken, 1, "cells[0].source: must be a string or a list of strings"),
    (make_binary, 1, "is not a notebook that can be read"),
    (make_old, 1, "this version reads nbformat 4, not 3"),
    (Path.mkdir, 2, "is a folder"),
]


@pytest.mark.parametrize(("make", "status", "problem"), UNUSABLE)
@pytest.mark.parametrize("command", [["run"], ["import", "--data", "data"], ["notebook", "--no-browser", "--data", "data", "--port", "0"]])
def test_unusable_file_is_named_with_the_place_of_the_fault(
    tmp_path: Path, command: list[str], make: Callable[[Path], None], status: int, problem: str
) -> None:
    make(tmp_path / "bad.ipynb")
    expect_one_line([*command, "bad.ipynb"], tmp_path, status, "bad.ipynb", problem)


@pytest.mark.parametrize("command", [["run"], ["import", "--data", "data"]])
def test_unreadable_file_is_named_with_the_reason(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "loop.ipynb").symlink_to("loop.ipynb")  # nobody can read a loop, not even root
    expect_one_line([*command, "loop.ipynb"], tmp_path, 1, "loop.ipynb cannot be read: Too many levels of symbolic links")


def test_output_without_a_folder_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "good.ipynb").write_bytes(notebook_bytes("open('ran', 'w')"))
    expect_one_line(["run", "good.ipynb", "-o", "nowhere/out.ipynb"], tmp_path, 2, "nowhere/out.ipynb cannot be written")
    assert not (tmp_path / "ran").exists()


def test_error_is_one_object_with_a_code_for_programs(tmp_path: Path) -> None:
    status, out, err = run_to_end(["run", "nowhere.ipynb", "--json"], cwd=tmp_path)
    assert (status, out) == (2, "")
    assert json.loads(err) == {"code": "no-file", "message": "nowhere.ipynb: there is no such file"}


@pytest.mark.parametrize("words", [["dance"], ["run"], ["run", "a.ipynb", "--sideways"], ["serve", "--port", "many"]])
def test_wrong_command_line_is_explained_in_one_line(tmp_path: Path, words: list[str]) -> None:
    expect_one_line(words, tmp_path, 2, "--help")


@pytest.fixture
def damaged(tmp_path: Path) -> dict[str, str]:
    """An environment in which IPython cannot be imported."""
    package = tmp_path / "damaged/IPython"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('it is damaged')")
    return {"PYTHONPATH": str(package.parent)}


def test_runtime_that_cannot_start_is_told_in_one_line(tmp_path: Path, damaged: dict[str, str]) -> None:
    (tmp_path / "good.ipynb").write_bytes(notebook_bytes("1"))
    expect_one_line(["run", "good.ipynb"], tmp_path, 1, "could not start", "ImportError: it is damaged", environment=damaged)


def test_agent_without_a_server_says_so(tmp_path: Path) -> None:
    words = ["agent", "--notebook", "x", "--data", "data", "--server", f"http://127.0.0.1:{free_port()}"]
    expect_one_line(words, tmp_path, 1, "cannot reach", environment={"RUNT_TOKEN": "runt_any"})
