"""The suites of the packages that a page loads pass inside Pyodide too, and none of them is empty there."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE = ROOT / ".tools/pyodide-tests"
FEWEST = {"runtime-browser": 100, "runtime-core": 180, "runtime-python": 70, "runtime-schema": 500}
"""Somewhat below what passed when this was written: a run that selects too little is no success."""
COUNT = re.compile(r"^(\S+): (\d+) passed, (\d+) need a host$", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_suites_pass_inside_pyodide() -> None:
    assert MADE.is_dir(), "what the suites need inside Pyodide is not there: run `make test-pyodide`"
    ran = subprocess.run(
        ["node", "tests/pyodide/run.mjs", str(MADE / "site"), str(MADE / "cache"), *(f"packages/{package}/tests" for package in FEWEST)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(ran.stdout, ran.stderr)
    assert ran.returncode == 0, "tests fail inside Pyodide; pytest's own report from there is below"
    passed = {package: int(count) for package, count, _ in COUNT.findall(ran.stdout)}
    assert passed.keys() == FEWEST.keys()
    assert {package: count for package, count in passed.items() if count < FEWEST[package]} == {}
