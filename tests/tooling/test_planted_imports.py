"""A check that sees nothing passes for ever: each wrong import planted here must be reported by the tool that guards that arrow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BAD_TYPESCRIPT = [
    ("schema/src/planted.ts", "@runt/store"),
    ("schema/src/planted.ts", "node:fs"),
    ("schema/src/planted.ts", "../../store/src/store"),
    ("store/src/planted.ts", "@runt/app"),
    ("store/src/planted.ts", "react"),
    ("store/src/planted.ts", "../../schema/src/schema.gen"),
    ("app/src/planted.ts", "../../store/src/store"),
    ("app/src/planted.ts", "@runt/unknown"),
]
GOOD_TYPESCRIPT = [
    ("schema/src/planted.ts", "./schema.gen"),
    ("store/src/planted.ts", "@runt/schema"),
    ("store/src/planted.ts", "sql.js"),
    ("store/src/react.ts", "react"),
    ("app/src/planted.ts", "@runt/store/react"),
]
BAD_CORE = [
    "import uuid",
    "import time",
    "import asyncio\n\nasyncio.run(f())",
    "import asyncio\n\nasyncio.sleep(1)",
    "from datetime import datetime\n\ndatetime.now()",
]
BAD_PYTHON = [
    ("runtime-schema/src/runtime_schema", "import runtime_core"),
    ("runtime-core/src/runtime_core", "import runtime_store"),
    ("runtime-core/src/runtime_core", "import subprocess"),
    ("runtime-core/src/runtime_core", "import apsw"),
    ("runtime-server/src/runtime_server", "import runtime_node"),
    ("runtime-server/src/runtime_server", "import runtime_core"),
]


@pytest.fixture
def ui(tmp_path: Path) -> Path:
    for file in [ROOT / "ui/biome.json", *(ROOT / "ui/packages").glob("*/package.json")]:
        copy = tmp_path / file.relative_to(ROOT / "ui")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    return tmp_path


def biome_reports(ui: Path, path: str, module: str) -> bool:
    """Tell whether biome refuses the import of a module at a path below ui/packages."""
    planted = ui / "packages" / path
    planted.parent.mkdir()
    planted.write_text(f'export {{ x }} from "{module}";\n')
    found = subprocess.run(
        [str(ROOT / "ui/node_modules/.bin/biome"), "lint", str(planted)], cwd=ui, capture_output=True, text=True, check=False
    )
    assert "Checked 1 file" in found.stdout, found.stderr
    return "noRestrictedImports" in found.stdout + found.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("path", "module"), BAD_TYPESCRIPT)
def test_biome_reports_a_wrong_import(ui: Path, path: str, module: str) -> None:
    assert biome_reports(ui, path, module)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "module"), GOOD_TYPESCRIPT)
def test_biome_allows_a_right_import(ui: Path, path: str, module: str) -> None:
    assert not biome_reports(ui, path, module)


@pytest.mark.slow
@pytest.mark.parametrize("code", BAD_CORE)
def test_ruff_reports_clock_chance_and_loops_in_the_core(code: str) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename=packages/runtime-core/src/runtime_core/planted.py", "-"],
        cwd=ROOT,
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "TID251" in found.stdout


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over a copy of the packages."""
    sources = os.pathsep.join(str(source) for source in sorted(tree.glob("*/src")))
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    for source in (ROOT / "packages").glob("*/src"):
        shutil.copytree(source, tmp_path / source.parent.name / "src", ignore=shutil.ignore_patterns("__pycache__", "static"))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(("package", "code"), BAD_PYTHON)
def test_import_linter_reports_a_wrong_import(packages: Path, package: str, code: str) -> None:
    module = packages / package / "errors.py"
    module.write_text(code + "\n")
    found = lint_imports(packages)
    assert found.returncode == 1, found.stdout
    assert "BROKEN" in found.stdout


@pytest.mark.slow
def test_import_linter_reports_a_module_of_the_core_that_has_no_place(packages: Path) -> None:
    (packages / "runtime-core/src/runtime_core/utils.py").write_text("")
    found = lint_imports(packages)
    assert found.returncode == 1
    assert "utils" in found.stdout + found.stderr


@pytest.mark.slow
def test_import_linter_finds_nothing_where_nothing_was_planted(packages: Path) -> None:
    found = lint_imports(packages)
    assert found.returncode == 0, found.stdout
