"""The generated TypeScript: the same every time, complete, and a stale file is told."""

import json
from pathlib import Path

import pytest

from runtime_schema.args import DEFINITIONS
from runtime_schema.generate_typescript import generate, main
from runtime_schema.hashes import RULES_HASH
from runtime_schema.materializers import MATERIALIZERS
from runtime_schema.queries import QUERIES

GENERATED = Path(__file__).parents[3] / "ui" / "packages" / "schema" / "src" / "schema.gen.ts"


def constant(name: str) -> object:
    """Read one exported constant back; data is written as JSON."""
    text = generate().split(f"export const {name}", 1)[1].split("= ", 1)[1]
    return json.JSONDecoder().raw_decode(text)[0]


def test_the_file_in_the_repository_is_current() -> None:
    assert main(["--check", str(GENERATED)]) == 0


def test_writing_then_checking_is_content(tmp_path: Path) -> None:
    path = tmp_path / "made" / "schema.gen.ts"
    assert main([str(path)]) == 0
    assert path.read_text(encoding="utf-8") == generate()
    assert main(["--check", str(path)]) == 0


@pytest.mark.parametrize("content", [None, "// old\n"])
def test_a_stale_or_missing_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None) -> None:
    path = tmp_path / "schema.gen.ts"
    if content is not None:
        path.write_text(content)
    assert main(["--check", str(path)]) == 1
    assert capsys.readouterr().err == f"{path} does not match runtime_schema; run `make generate` and commit the result\n"
    assert path.exists() == (content is not None)


def test_every_event_and_rule_is_there_in_order() -> None:
    events = constant("EVENTS")
    rules = constant("MATERIALIZERS")
    assert isinstance(events, dict)
    assert isinstance(rules, dict)
    assert list(events) == list(DEFINITIONS)  # pyright: ignore[reportUnknownArgumentType]  # JSON of our own making
    assert list(rules) == list(MATERIALIZERS)  # pyright: ignore[reportUnknownArgumentType]  # the same


def test_a_field_says_how_it_is_checked() -> None:
    events = constant("EVENTS")
    assert isinstance(events, dict)
    assert events["v1.FilePut"] == [
        {"name": "path", "optional": False, "kind": "string"},
        {"name": "sha256", "optional": False, "kind": "sha256"},
        {"name": "mimeType", "optional": False, "kind": "string"},
        {"name": "sizeBytes", "optional": False, "kind": "integer"},
        {"name": "createdMs", "optional": False, "kind": "integer"},
    ]
    assert {"name": "items", "optional": False, "kind": {"list": "batchItem"}} in events["v1.ExecutionBatchRequested"]
    assert {"name": "position", "optional": False, "kind": "position"} in events["v1.CellMoved"]
    assert {"name": "all", "optional": True, "kind": "boolean"} in events["v1.ExecutionCancelRequested"]


def test_a_statement_names_what_it_binds() -> None:
    rules = constant("MATERIALIZERS")
    assert isinstance(rules, dict)
    assert rules["v1.CellMoved"]["statements"][0]["params"] == ["position", "cellId"]
    assert rules["v1.ExecutionBatchRequested"]["each"] == "items"
    assert rules["v1.ActorSet"]["guard"] is None


def test_types_follow_the_definitions() -> None:
    text = generate()
    assert '  "v1.CellMoved": { readonly cellId: string; readonly position: string };\n' in text
    assert "readonly capabilities: readonly CellType[];" in text
    assert "  readonly lastExecutionId: string | null;\n" in text
    assert " as Query<ChunkRow, { readonly outputId: string; readonly after: number }>,\n" in text
    assert " as Query<CellRow, NoParams>,\n" in text
    assert all(f"\n  {query.name}: {{" in text for query in QUERIES)
    assert f'export const RULES_HASH = "{RULES_HASH}";' in text
