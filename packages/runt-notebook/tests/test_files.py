"""A person's file: read with a clear error, replaced whole, permissions kept."""

import os
from pathlib import Path

import pytest

from runt.errors import FailedError, RuntError, UsageError
from runt.files import conflict_path, make_empty, read_file, write_whole


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (None, UsageError, "there is no such file"),
        (b"not json", FailedError, "is not a notebook that can be read: not acceptable JSON"),
        (b'{"nbformat": 3}', FailedError, "nbformat: this version reads nbformat 4, not 3; convert it with `jupyter nbconvert"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 5}]}', FailedError, "cells[0].source: must be a string"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(content: bytes | None, kind: type[RuntError], said: str, tmp_path: Path) -> None:
    file = tmp_path / "a.ipynb"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(kind) as caught:
        read_file(file)
    assert str(caught.value).startswith(str(file))
    assert said in str(caught.value)


def test_a_folder_is_no_notebook(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        read_file(tmp_path)


def test_an_unreadable_file_says_why(tmp_path: Path) -> None:
    (tmp_path / "loop.ipynb").symlink_to(tmp_path / "loop.ipynb")  # unreadable to everybody, root included
    with pytest.raises(FailedError, match="cannot be read: Too many levels of symbolic links"):
        read_file(tmp_path / "loop.ipynb")


def test_a_new_notebook_has_one_empty_cell(tmp_path: Path) -> None:
    make_empty(tmp_path / "new.ipynb")
    notebook = read_file(tmp_path / "new.ipynb").notebook
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [("code", "")]
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o444])
def test_permissions_are_kept(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "a.ipynb"
    file.write_bytes(b"old")
    file.chmod(mode)
    write_whole(file, b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", mode)


def test_a_new_file_has_the_permissions_that_new_files_have(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "real.ipynb", tmp_path / "link.ipynb"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.ipynb"
    file.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FailedError, match="cannot be written: No space left on device"):
        write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.ipynb"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FailedError, match="cannot be written: No such file or directory"):
        write_whole(tmp_path / "none" / "a.ipynb", b"")


def test_a_conflict_stands_beside_the_file() -> None:
    assert conflict_path(Path("/f/a.b.ipynb")) == Path("/f/a.b.conflict.ipynb")
