"""Queries and rules look rows up: nothing walks a table that grows with the notebook's past."""

import re
import sqlite3

import pytest

from runtime_schema.args import DEFINITIONS
from runtime_schema.hashes import RULES_HASH, SCHEMA_HASH, hash_rules
from runtime_schema.json_text import Json
from runtime_schema.materialize import create_state, materialize
from runtime_schema.materializers import MATERIALIZERS, build
from runtime_schema.queries import ALL_CHUNKS, ALL_OUTPUTS, CELLS, CHUNKS, EXECUTIONS, OUTPUTS, QUERIES, SESSION_WORK, is_stale

STATEMENTS = [(name, text) for name, rule in MATERIALIZERS.items() for text in (rule.guard, *rule.statements) if text is not None]
WHOLE = {EXECUTIONS.name, ALL_OUTPUTS.name, ALL_CHUNKS.name}
OF_FEW_ROWS = "executions_queued|executions_running|sessions_active|inputs_pending"
FOR_ONE_ROW = "sessions_by_ord"
GROWING = re.compile(rf"SCAN (\w+)\b(?! USING (COVERING )?INDEX ({OF_FEW_ROWS}|{FOR_ONE_ROW}))")


@pytest.fixture(scope="module")
def db() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None)
    create_state(made)
    return made


def scanned(db: sqlite3.Connection, sql: str) -> list[str]:
    params = dict.fromkeys(re.findall(r":(\w+)", sql))
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", params)]
    small = {"CONSTANT", "r", "notebook", "cells", "c", "pending_clears", "p", "actors", "files"}
    return [line for line in plan if (found := GROWING.match(line)) and found[1] not in small]


@pytest.mark.parametrize(("name", "sql"), STATEMENTS, ids=lambda value: value[:60])
def test_no_rule_scans_a_growing_table(db: sqlite3.Connection, name: str, sql: str) -> None:
    assert scanned(db, sql) == [], name


@pytest.mark.parametrize("query", [query for query in QUERIES if query.name not in WHOLE], ids=lambda query: query.name)
def test_no_query_scans_a_growing_table(db: sqlite3.Connection, query: object) -> None:
    assert scanned(db, query.sql) == []  # type: ignore[attr-defined]  # a Query of any row


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_query_runs_and_its_rows_have_its_columns(db: sqlite3.Connection, query: object) -> None:
    cursor = db.execute(query.sql, dict.fromkeys(query.params))  # type: ignore[attr-defined]  # a Query of any row
    assert tuple(column[0] for column in cursor.description) == query.row._fields  # type: ignore[attr-defined]


def test_keyed_query_is_stale_for_its_own_key_only() -> None:
    writes = MATERIALIZERS["v1.StreamAppended"].writes
    event = {"executionId": "e1", "outputId": "o1"}
    assert is_stale(CHUNKS, {"outputId": "o1"}, writes, event)
    assert not is_stale(CHUNKS, {"outputId": "o2"}, writes, event)
    assert is_stale(OUTPUTS, {"executionId": "e1"}, writes, event)
    assert not is_stale(OUTPUTS, {"executionId": "e2"}, writes, event)
    assert not is_stale(CELLS, {}, writes, event)


def test_work_of_a_session_is_what_runs_and_the_next_two_however_many_wait() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    create_state(db)
    cell: dict[str, Json] = {"cellType": "code", "position": "a0", "source": ""}
    session: dict[str, Json] = {"runtimeId": "r", "runtimeType": "python", "capabilities": ["code"], "info": "{}"}
    events: list[tuple[str, dict[str, Json]]] = [
        *(("v1.CellCreated", {"cellId": f"c{place}", **cell}) for place in range(6)),
        ("v1.RuntimeSessionStarted", {"sessionId": "s1", "lostAfterMs": 60_000, "startedMs": 1, **session}),
        ("v1.RuntimeSessionStatusSet", {"sessionId": "s1", "status": "ready"}),
        *(("v1.ExecutionRequested", {"executionId": f"e{at}", "cellId": f"c{at}", "source": "", "requestedMs": 1}) for at in range(6)),
        ("v1.ExecutionStarted", {"executionId": "e0", "sessionId": "s1", "executionCount": 1, "startedMs": 1}),
    ]
    for name, args in events:
        assert materialize(db, name, args, "ada", "ada's"), name
    rows = [SESSION_WORK.row(*row) for row in db.execute(SESSION_WORK.sql, {"sessionId": "s1"})]
    assert [(row.id, row.status) for row in rows] == [("e0", "running"), ("e1", "queued"), ("e2", "queued")]


def test_unkeyed_write_makes_every_query_of_the_table_stale() -> None:
    assert is_stale(OUTPUTS, {"executionId": "e2"}, MATERIALIZERS["v1.DisplayUpdated"].writes, {"executionId": "e1"})


def test_every_event_has_a_materializer_and_binds_only_its_fields() -> None:
    assert set(MATERIALIZERS) == set(DEFINITIONS)
    items: set[str] = {"executionId", "cellId", "source"}
    for name, sql in STATEMENTS:
        known = DEFINITIONS[name].wire_names | {"clientId", "storeSessionId"} | (items if MATERIALIZERS[name].each else set[str]())
        assert set(re.findall(r"(?<!:):(\w+)", sql)) <= known, sql


def test_hashes_tell_rules_apart() -> None:
    assert hash_rules() == RULES_HASH
    assert hash_rules(build(without={"start.assigned"})) != RULES_HASH
    assert len(SCHEMA_HASH) == 16
