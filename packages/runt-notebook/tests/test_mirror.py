"""`runt pyodide mirror` on releases made here, in a folder and behind a server, and `--pyodide` on what is none."""

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from runt.errors import FailedError
from runt.main import app
from runt.mirror import FolderSource, Lock, LockedPackage, mirror, read_lock, resolve

RUNTIME = ["pyodide.asm.js", "pyodide.asm.wasm", "pyodide.mjs", "python_stdlib.zip"]
DEPENDS = {"ipython": ["six"], "six": [], "numpy": ["openblas"], "openblas": [], "pandas": ["numpy", "six"], "Ruamel.YAML": []}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    folder.mkdir()
    packages: dict[str, Any] = {}
    for name, depends in DEPENDS.items():
        content = f"the wheel of {name}".encode()
        file_name = f"{name.lower()}-1-py3-none-any.whl"
        (folder / file_name).write_bytes(content)
        packages[name] = {"name": name, "file_name": file_name, "sha256": hashlib.sha256(content).hexdigest(), "depends": depends}
    for name in RUNTIME:
        (folder / name).write_text(f"the file {name}")
    (folder / "pyodide-lock.json").write_text(json.dumps({"info": {"python": "3.12.7", "version": "0.27.7"}, "packages": packages}))
    return folder


@pytest.fixture
def address(release: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(release))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def call(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        app([str(word) for word in words])
    return int(caught.value.code or 0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def wheel(name: str) -> str:
    return f"{name}-1-py3-none-any.whl"


def test_a_folder_is_mirrored_with_what_packages_depend_on(release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "deep" / "target"
    assert call("pyodide", "mirror", target, "--from", release, "NumPy") == 0
    assert names(target) == sorted([*RUNTIME, "pyodide-lock.json", *map(wheel, ("ipython", "numpy", "openblas", "six"))])
    assert (target / wheel("numpy")).read_bytes() == b"the wheel of numpy"
    assert f"{wheel('numpy')}  0.0 MB" in capsys.readouterr().out


def test_an_address_is_mirrored(address: str, tmp_path: Path) -> None:
    assert call("pyodide", "mirror", tmp_path / "target", "--from", address, "--all") == 0
    assert {wheel(name.lower()) for name in DEPENDS} <= set(names(tmp_path / "target"))


def test_what_is_there_and_fits_is_not_fetched_again(release: Path, tmp_path: Path) -> None:
    target, said = tmp_path / "target", list[str]()
    mirror(target, FolderSource(release), ["pandas"], said.append)
    (target / wheel("pandas")).write_bytes(b"half a wh")
    said.clear()
    mirror(target, FolderSource(release), ["pandas"], said.append)
    assert said == [f"{wheel('pandas')}  0.0 MB"]
    assert (target / wheel("pandas")).read_bytes() == b"the wheel of pandas"


def test_a_file_with_another_hash_is_refused_and_not_kept(release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (release / wheel("numpy")).write_bytes(b"something else")
    assert call("pyodide", "mirror", tmp_path / "target", "--from", release, "numpy") == 1
    expected, found = (hashlib.sha256(content).hexdigest() for content in (b"the wheel of numpy", b"something else"))
    assert capsys.readouterr().err == (
        f"runt: {wheel('numpy')} is not what pyodide-lock.json says: expected sha256 {expected}, found {found}; it was not kept\n"
    )
    assert not [name for name in names(tmp_path / "target") if name.startswith("numpy")]


def test_another_release_is_not_mixed_in(release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "pyodide-lock.json").write_text("{}")
    assert call("pyodide", "mirror", target, "--from", release, "six") == 2
    assert f"{target} holds another release of Pyodide; choose another folder, or empty it" in capsys.readouterr().err
    assert names(target) == ["pyodide-lock.json"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--from", "{release}", "nunpy"], 2, "the lock file has no package 'nunpy'; did you mean numpy?"),
        (["--from", "{release}", "zzz"], 2, "the lock file has no package 'zzz'; it has 6 others"),
        (["--from", "{release}/none", "six"], 2, "there is no such folder; give --from a folder with a release of Pyodide, or the https:"),
        (["--from", "http://example.org/pyodide", "six"], 2, "http://example.org/pyodide is no https:// address"),
        (["--from", "{tmp}", "six"], 1, "pyodide-lock.json cannot be fetched or kept: No such file or directory"),
        (["six"], 2, "Missing option '--from'"),
    ],
)
def test_what_cannot_be_mirrored_is_one_line(
    release: Path, tmp_path: Path, words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(release=release, tmp=tmp_path) for word in words]
    assert call("pyodide", "mirror", tmp_path / "target", *given) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_file_that_the_web_does_not_have_is_named(
    release: Path, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (release / wheel("openblas")).unlink()
    assert call("pyodide", "mirror", tmp_path / "target", "--from", address, "numpy") == 1
    assert f"{wheel('openblas')} cannot be fetched: 404 File not found ({address}{wheel('openblas')})" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"info": {}, "packages": {"a": {}}}',
        '{"info": {}, "packages": {"a": {"file_name": "../a", "sha256": "", "depends": []}}}',
        '{"info": {}, "packages": {"a": {"file_name": "https://example.org/a", "sha256": "", "depends": []}}}',
    ],
)
def test_what_is_no_lock_file_is_refused(text: str) -> None:
    with pytest.raises(FailedError, match=r"pyodide-lock\.json is no lock file of Pyodide"):
        read_lock(text.encode())


def test_lock_files_of_314_name_no_version_and_their_runtime_is_a_module() -> None:
    lock = read_lock(b'{"info": {"python": "3.14.2"}, "packages": {"a": {"file_name": "a.whl", "sha256": "AB", "depends": ["b"]}}}')
    assert lock == Lock(asm="pyodide.asm.mjs", packages={"a": LockedPackage(file_name="a.whl", sha256="ab", depends=("b",))})


def test_names_are_those_of_pip() -> None:
    packages = {key: LockedPackage(file_name=key, sha256="", depends=()) for key in ("ruamel.yaml", "prompt_toolkit")}
    assert resolve(packages, ["Ruamel-YAML", "prompt-toolkit"]) == ["prompt_toolkit", "ruamel.yaml"]


@pytest.mark.slow
@pytest.mark.parametrize("command", [["serve"], ["notebook", "--no-browser", "--runtime", "none"]])
def test_a_pyodide_that_is_none_is_said_before_anything_starts(
    command: list[str], release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (release / "pyodide.asm.wasm").unlink()
    for given, problem in (
        (str(release), "it has no pyodide.asm.wasm"),
        (str(tmp_path / "none"), "it cannot be read: No such file or directory"),
        ("http://example.org/pyodide", "it is no https:// address"),
    ):
        assert call(*command, "--data", tmp_path / "data", "--port", "0", "--pyodide", given) == 2
        assert capsys.readouterr().err == (
            f"runt: {given} is no Pyodide distribution: {problem} (give --pyodide a folder with a release of Pyodide,"
            " such as `runt pyodide mirror` makes, or the https:// address of one)\n"
        )
