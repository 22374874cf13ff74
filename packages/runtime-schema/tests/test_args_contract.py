"""The check of args says what contract/args.json says; TypeScript's tests read the same file."""

import json
from pathlib import Path
from typing import Any

import pytest

from runtime_schema.args import check_args
from runtime_schema.errors import InvalidEventError

CASES: list[tuple[str, Any, str | None]] = [
    tuple(case) for case in json.loads((Path(__file__).parents[3] / "contract" / "args.json").read_text(encoding="utf-8"))["cases"]
]


@pytest.mark.parametrize(("name", "args", "problem"), CASES)
def test_shared_case(name: str, args: Any, problem: str | None) -> None:
    said: str | None = None
    try:
        check_args(name, args)
    except InvalidEventError as exc:
        said = str(exc)
    if problem is not None and problem.endswith("JSON: "):
        assert said is not None
        assert said.startswith(problem)
    else:
        assert said == problem
