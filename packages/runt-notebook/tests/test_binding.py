"""Which notebook a file belongs to, who changed since, and who keeps the file."""

from pathlib import Path

import pytest

from runt.binding import Binding, Bindings, Reunion, compare


def bound(path: Path, notebook: str = "n1") -> Binding:
    return Binding(notebook=notebook, path=str(path.resolve()), file_sha256="file", state_sha256="state")


@pytest.mark.parametrize(
    ("file", "state", "found"),
    [
        ("file", "state", "equal"),
        ("file", "newer", "write-file"),
        ("newer", "state", "merge-file"),
        ("newer", "other", "both-changed"),
        ("same", "same", "equal"),
    ],
)
def test_a_reunion_tells_who_changed(file: str, state: str, found: Reunion) -> None:
    assert compare(bound(Path("/a")), file, state) == found


def test_a_file_is_found_by_every_way_to_it(tmp_path: Path) -> None:
    file, link = tmp_path / "a.ipynb", tmp_path / "link.ipynb"
    file.touch()
    link.symlink_to(file)
    bindings = Bindings(tmp_path / "data")
    assert bindings.find(file) is None
    bindings.save(bound(file))
    bindings.save(bound(tmp_path / "b.ipynb", "n2"))
    assert bindings.find(file) == bindings.find(link) == bound(file)


def test_a_damaged_binding_is_none(tmp_path: Path) -> None:
    bindings = Bindings(tmp_path)
    bindings.save(bound(tmp_path / "a"))
    for content in ("{", "[]", '{"notebook": 1}'):
        (tmp_path / "files" / "n1.json").write_text(content)
        assert bindings.find(tmp_path / "a") is None


def test_one_at_a_time_keeps_a_file(tmp_path: Path) -> None:
    with Bindings(tmp_path).keep(tmp_path / "a") as first, Bindings(tmp_path).keep(tmp_path / "a") as second:
        assert (first, second) == (True, False)
    with Bindings(tmp_path).keep(tmp_path / "a") as again, Bindings(tmp_path).keep(tmp_path / "b") as other:
        assert (again, other) == (True, True)
