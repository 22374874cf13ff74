"""What the READMEs and guides show as Python runs, and prints what they say it prints.

The Python blocks of one document are one program, run by a fresh interpreter in an empty folder. A line `# -> text` promises
a line of output; a program prints what it promises and nothing else.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path for pattern in ("*.md", "docs/**/*.md", "packages/*/README.md") for path in ROOT.glob(pattern))
FENCE, PROMISE = "```", "# -> "


def program(document: str) -> str:
    """Keep the Python of a document, each line at its number, so that a traceback points into the document."""
    lines: list[str] = []
    language: str | None = None
    for line in document.splitlines():
        if line.startswith(FENCE):
            language = line.removeprefix(FENCE).strip() if language is None else None
            line = ""
        lines.append(line if language == "python" else "")
    return "\n".join(lines) + "\n"


def promises(source: str) -> list[str]:
    """Give the lines that a program says it prints."""
    return [line.strip().removeprefix(PROMISE) for line in source.splitlines() if line.strip().startswith(PROMISE)]


WITH_PYTHON = [path for path in DOCUMENTS if program(path.read_text()).strip()]


def test_every_package_and_the_front_page_have_an_example() -> None:
    packages = [path.parent / "README.md" for path in sorted(ROOT.glob("packages/*/pyproject.toml"))]
    assert set(WITH_PYTHON) >= {ROOT / "README.md", *packages}


@pytest.mark.slow
@pytest.mark.parametrize("path", WITH_PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_run_and_print_what_they_say(path: Path, tmp_path: Path) -> None:
    source = program(path.read_text())
    script = tmp_path / "example.py"
    script.write_text(source)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-W", "error", script.name], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == promises(source)
    assert ran.stderr == ""
