"""The generated LiveStore module: every event, table and rule, with the shapes that the definitions say."""

from pathlib import Path

import pytest

from runtime_schema.args import DEFINITIONS
from runtime_schema.generate_livestore import generate, main
from runtime_schema.tables import INDEXES, TABLES

GENERATED = Path(__file__).parents[3] / "ui" / "livestore" / "src" / "livestore.gen.ts"


def test_the_file_in_the_repository_is_current() -> None:
    assert main(["--check", str(GENERATED)]) == 0


def test_a_stale_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "livestore.gen.ts"
    path.write_text("// old\n")
    assert main(["--check", str(path)]) == 1
    assert "run `make generate`" in capsys.readouterr().err


def test_every_event_has_a_definition_and_a_rule() -> None:
    text = generate()
    for name in DEFINITIONS:
        assert f'Events.synced({{ name: "{name}", schema: fits("{name}", Schema.Struct(' in text
        assert f'  "{name}": rule("{name}"),\n' in text


def test_every_table_is_there_with_its_columns_and_indexes() -> None:
    text = generate()
    for table, ddl in TABLES.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {table}: State.SQLite.table(")]
        columns = [words[0] for row in ddl.splitlines()[2:-1] if (words := row.split())[0] != "PRIMARY"]
        assert line.count("State.SQLite.") == 1 + len(columns)
        assert all(f"{column}: State.SQLite." in line for column in columns)
    assert all(f'{{ name: "{index.split()[2]}", columns: [' in text for index in INDEXES)


def test_shapes_follow_the_definitions() -> None:
    text = generate()
    assert "metadata: Schema.optionalWith(Schema.String, { exact: true })" in text
    assert "items: Schema.Array(BatchItem)" in text
    assert 'status: Schema.Literal("ready", "restarting")' in text
    assert "n: State.SQLite.integer({ primaryKey: true })" in text
    assert "stop_on_error: State.SQLite.integer({ default: 0 })" in text
    assert "attachments: State.SQLite.text({ nullable: true })" in text
