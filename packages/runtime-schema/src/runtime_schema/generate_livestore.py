"""Write the schema as one LiveStore module: event definitions, tables, materializers, put together as a LiveStore schema.

`python -m runtime_schema.generate_livestore [--check] PATH`. The rules themselves are not written again: the module hands each
event to `rule`, which runs the guard and the statements that `schema.gen.ts` holds.
"""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

from .args import DEFINITIONS
from .generate_typescript import field_kinds, write_or_check
from .tables import INDEXES, TABLES

_HEAD = """\
// The schema of notebooks for LiveStore, generated from runtime_schema by `make generate`. Edit that, not this.

import { Events, makeSchema, Schema, State } from "@livestore/livestore";
import { fits } from "./fits";
import { rule } from "./rule";

const Representation = Schema.Union(
  Schema.Struct({ type: Schema.Literal("inline"), data: Schema.String }),
  Schema.Struct({ type: Schema.Literal("artifact"), sha256: Schema.String, sizeBytes: Schema.Number }),
);
const Bundle = Schema.Record({ key: Schema.String, value: Representation });
const BatchItem = Schema.Struct({ executionId: Schema.String, cellId: Schema.String, source: Schema.String });
"""
_FOOT = """\
const state = State.SQLite.makeState({ tables, materializers });

/** What a LiveStore store of a notebook is opened with. */
export const schema = makeSchema({ events, state, unknownEventHandling: { strategy: "ignore" } });
"""
_KINDS = {
    "batchItem": "BatchItem",
    "boolean": "Schema.Boolean",
    "bundle": "Bundle",
    "integer": "Schema.Number",
    **dict.fromkeys(("id", "jsonText", "position", "sha256", "string"), "Schema.String"),
}
"""The shape of a kind of field; what it says beyond its shape is checked by `fits`."""

_COLUMN = re.compile(r"^  (\w+) (TEXT|INTEGER)( NOT NULL)?( PRIMARY KEY)?(?: DEFAULT (\d+))?,?$", re.MULTILINE)
_KEY = re.compile(r"^  PRIMARY KEY \(([\w, ]+)\)$", re.MULTILINE)
_INDEX = re.compile(r"^CREATE INDEX (\w+) ON (\w+) \(([\w, ]+)\)", re.MULTILINE)


def generate() -> str:
    """Give the whole module."""
    return "\n".join([_HEAD, _events(), _tables(), _materializers(), _FOOT])


def main(arguments: Sequence[str]) -> int:
    """Run the command; gives its exit code."""
    return write_or_check(arguments, "generate_livestore", "Write the schema as a LiveStore module.", generate)


def _events() -> str:
    lines = ["/** Every event of a notebook; a call of one gives what `store.commit` takes. */", "export const events = {"]
    for name, fields in field_kinds().items():
        shape = ", ".join(f"{field['name']}: {_field(field['kind'], optional=field['optional'])}" for field in fields)
        schema = f"fits({json.dumps(name)}, Schema.Struct({{ {shape} }}))"
        lines.append(f"  {_key(name)}: Events.synced({{ name: {json.dumps(name)}, schema: {schema} }}),")
    return "\n".join([*lines, "};\n"])


def _field(kind: Any, *, optional: bool) -> str:  # Any: a FieldKind
    return f"Schema.optionalWith({_schema(kind)}, {{ exact: true }})" if optional else _schema(kind)


def _schema(kind: Any) -> str:  # Any: a FieldKind
    if isinstance(kind, str):
        return _KINDS[kind]
    if "list" in kind:
        return f"Schema.Array({_schema(kind['list'])})"
    return f"Schema.Literal({', '.join(json.dumps(value) for value in kind['literal'])})"


def _tables() -> str:
    lines = [
        "/** The tables of the state. LiveStore knows no partial indexes; here they cover their whole table. */",
        "export const tables = {",
    ]
    for table, ddl in TABLES.items():
        key = found[1].split(", ") if (found := _KEY.search(ddl)) else []
        columns = ", ".join(_column(column, key) for column in _COLUMN.finditer(ddl))
        indexes = ", ".join(
            f"{{ name: {json.dumps(index)}, columns: {json.dumps(of.split(', '))} }}"
            for index, on, of in (found.groups() for found in _INDEX.finditer("\n".join(INDEXES)))
            if on == table
        )
        extra = f", indexes: [{indexes}]" if indexes else ""
        lines.append(f"  {table}: State.SQLite.table({{ name: {json.dumps(table)}, columns: {{ {columns} }}{extra} }}),")
    return "\n".join([*lines, "};\n"])


def _column(found: re.Match[str], key: Sequence[str]) -> str:
    name, kind, not_null, primary, default = found.groups()
    options: list[str] = []
    if primary or name in key:
        options.append("primaryKey: true")
    elif not not_null:
        options.append("nullable: true")
    if default:
        options.append(f"default: {default}")
    return f"{name}: State.SQLite.{kind.lower()}({{ {', '.join(options)} }})" if options else f"{name}: State.SQLite.{kind.lower()}()"


def _materializers() -> str:
    lines = ["/** The rules, by event. */", "export const materializers = State.SQLite.materializers(events, {"]
    lines += [f"  {json.dumps(name)}: rule({json.dumps(name)})," for name in DEFINITIONS]
    return "\n".join([*lines, "});\n"])


def _key(name: str) -> str:
    stem = name.partition(".")[2]
    return stem[0].lower() + stem[1:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
