"""The golden logs give their rows, and each condition of the rules is needed: left out, a log that names it fails."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from runtime_schema.args import DEFINITIONS, check_args
from runtime_schema.materialize import create_state, materialize
from runtime_schema.materializers import MATERIALIZERS, Materializer, build, condition_names
from runtime_schema.tables import TABLES

GOLDEN = Path(__file__).parents[3] / "contract" / "golden"
LOGS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("*.json"))}


def replay(log: dict[str, Any], rules: Any) -> tuple[list[Any], dict[str, list[dict[str, Any]]], list[list[Any]]]:
    """Apply a log; gives the applied flags, the rows of every table, and what each fact's query gave at its place."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    create_state(db)
    applied: list[Any] = []
    seen: list[list[Any]] = []
    for place, (name, args, client_id, store_session_id, _) in enumerate(log["events"], start=1):
        applied.append(materialize(db, name, args, client_id, store_session_id, rules))
        seen.extend([list(row) for row in db.execute(sql)] for at, sql, _ in log["facts"] if at == place)
    return applied, {table: _rows(db, table) for table in TABLES}, seen


def _rows(db: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    cursor = db.execute(f"SELECT * FROM {table}")
    columns: list[str] = [column[0] for column in cursor.description]
    return sorted(
        (dict(zip(columns, row, strict=True)) for row in cursor), key=lambda row: (str(row[columns[0]]), str(row[columns[-2:][0]]))
    )


def _sorted(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (str(row[next(iter(row))]), str(row[list(row)[-2:][0]])))


def holds(log: dict[str, Any], rules: Any) -> bool:
    """Tell whether a log gives what its file says."""
    try:
        applied, rows, seen = replay(log, rules)
    except sqlite3.IntegrityError:
        return False
    expected = {table: _sorted(wanted) for table, wanted in log["rows"].items()}
    return applied == log["applied"] and seen == [fact[2] for fact in log["facts"]] and rows == expected


@pytest.mark.parametrize("name", LOGS)
def test_golden_log_gives_its_rows(name: str) -> None:
    assert holds(LOGS[name], MATERIALIZERS)


@pytest.mark.parametrize("name", LOGS)
def test_args_of_golden_logs_are_valid(name: str) -> None:
    for event_name, args, *_ in LOGS[name]["events"]:
        if event_name in DEFINITIONS:
            check_args(event_name, args)


@pytest.mark.parametrize("condition", condition_names())
def test_each_condition_is_needed(condition: str) -> None:
    proofs = [log for log in LOGS.values() if condition in log["conditions"]]
    assert proofs, f"no golden log proves {condition}"
    without = build(without={condition})
    assert not any(holds(log, without) for log in proofs), f"{condition} can be left out unseen"


def test_golden_logs_name_conditions_that_exist() -> None:
    named = {condition for log in LOGS.values() for condition in log["conditions"]}
    assert named == set(condition_names())


def test_every_event_stands_in_a_golden_log() -> None:
    seen = {event[0] for log in LOGS.values() for event in log["events"]}
    assert seen >= set(DEFINITIONS)


def test_every_statement_runs_in_some_golden_log() -> None:
    ran: set[str] = set()

    class Recording:
        def __init__(self) -> None:
            self.db = sqlite3.connect(":memory:", isolation_level=None)
            create_state(self.db)

        def execute(self, statement: str, bindings: Any = (), /) -> Iterable[tuple[Any, ...]]:
            cursor = self.db.execute(statement, bindings)
            rows = cursor.fetchall()
            if cursor.rowcount != 0:
                ran.add(statement)
            return rows

    for log in LOGS.values():
        db = Recording()
        for name, args, client_id, store_session_id, _ in log["events"]:
            materialize(db, name, args, client_id, store_session_id)
    rules: Iterable[Materializer] = MATERIALIZERS.values()
    idle = [statement for rule in rules for statement in rule.statements if statement not in ran]
    assert idle == []
