"""The wheels of `make dist`, installed where nothing of this checkout is and no Node.js: the command runs and serves notebooks."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from harness.notebook_server import NotebookServer, judge, notebook_bytes
from harness.processes import processes
from harness.waiting import until_rows

from runtime_schema.events import ExecutionRequested
from runtime_schema.ids import CellId, ExecutionId
from runtime_schema.queries import ALL_CHUNKS

pytest_plugins = ["harness.fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools/bin/uv"


def run(*command: str | Path, cwd: Path, environment: dict[str, str]) -> str:
    """Run a command that must work; gives what it wrote."""
    found = subprocess.run(
        list(command), cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False
    )
    assert found.returncode == 0, f"{command} ended with {found.returncode}\n{found.stdout}\n{found.stderr}"
    return found.stdout + found.stderr


@pytest.fixture(scope="module")
def wheels() -> list[Path]:
    """What `make dist` builds; environment and app are those that this test run was set up with."""
    assert (ROOT / "packages/runtime-server/src/runtime_server/static/index.html").is_file(), "build the app first: make ui"
    assert (ROOT / "packages/runtime-server/src/runtime_server/pyodide/index.json").is_file(), "build the pages' Python first: make pyodide"
    quiet = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    run("make", "--old-file=setup", "--old-file=ui", "dist", cwd=ROOT, environment=quiet)
    return sorted((ROOT / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheels, what they need, and what the example needs."""
    folder = tmp_path_factory.mktemp("installed")
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    run(UV, "venv", "--python", ROOT / ".tools/bin/python", "env", cwd=folder, environment=environment)
    lock = ROOT / "requirements.lock"
    needs = [*wheels, "pandas", "matplotlib"]
    run(UV, "pip", "install", "--python", "env", "--constraints", lock, *needs, cwd=folder, environment=environment)
    return folder / "env/bin"


@pytest.fixture
def bare(installed: Path, tmp_path: Path) -> dict[str, str]:
    """An environment whose only programs are the installed ones."""
    environment = {"PATH": str(installed), "HOME": str(tmp_path), "PYTHONPATH": "", "LANG": "C.UTF-8"}
    assert shutil.which("node", path=environment["PATH"]) is None
    return environment


def test_each_distribution_has_a_wheel(wheels: list[Path]) -> None:
    expected = {path.parent.name.replace("-", "_") for path in ROOT.glob("packages/*/pyproject.toml")}
    assert {wheel.name.partition("-")[0] for wheel in wheels} == expected


def test_installed_command_runs_a_notebook(installed: Path, bare: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    said = run(installed / "runt", "run", "examples/quickstart.ipynb", "-o", "out.ipynb", cwd=tmp_path, environment=bare)
    assert "quickstart.ipynb: ok" in said
    notebook = judge.read(tmp_path / "out.ipynb", as_version=4)
    judge.validate(notebook)
    kinds = {kind for cell in notebook.cells for output in cell.get("outputs", ()) for kind in output.get("data", ())}
    assert {"image/png", "text/html", "text/plain"} <= kinds


async def test_installed_command_serves_the_app_and_runs_cells(installed: Path, bare: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "work.ipynb").write_bytes(notebook_bytes("print('here')"))
    with processes(tmp_path) as started:
        server = NotebookServer(
            started, tmp_path / "data", ("notebook", str(tmp_path / "work.ipynb")), (str(installed / "runt"),), environment=bare
        )
        await server.start()
        index = await server.ask("GET", "/")
        assert (index.status, index.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', index.body.decode())
        kinds = [(await server.ask("GET", asset)).headers["content-type"].partition(";")[0] for asset in assets]
        assert {"text/javascript", "text/css"} <= set(kinds)
        python = (await server.ask("GET", "/pyodide/index.json")).json
        for name in python["boot"]:
            assert len((await server.ask("GET", python["base"] + name)).body) == python["files"][name]
        assert len((await server.ask("GET", python["site"]["url"])).body) == python["site"]["size"]

        (notebook,) = await server.notebook_ids()
        store = await server.store(notebook)
        source = "import sys, runt\nprint(sys.prefix, runt.__file__)"
        store.commit(ExecutionRequested(execution_id=ExecutionId("x1"), cell_id=CellId("c0"), source=source, requested_ms=0))
        rows = await until_rows(
            store, ALL_CHUNKS, lambda rows: "".join(row.text for row in rows).endswith("\n"), within_s=40, what="the cell's output"
        )
        prefix, _, module = "".join(row.text for row in rows).strip().partition(" ")
        assert prefix == str(installed.parent)
        assert module.startswith(prefix)
        await store.close()
        assert await server.stop() == 0
