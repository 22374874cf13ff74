"""Write the schema as one TypeScript module: types, field checks as data, DDL, rules, queries, hashes and wire constants.

`python -m runtime_schema.generate_typescript [--check] PATH`. The text depends on nothing but this package. With `--check`
nothing is written, and a file that differs is an error.
"""

import argparse
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from . import events, ids, json_text, media, wire
from .args import DEFINITIONS, FieldDefinition
from .events import RULE_BOUND, SERVER_ONLY, BatchItem, JsonText, camel_case, wire_name
from .hashes import RULES_HASH, SCHEMA_HASH
from .materializers import MATERIALIZERS, Materializer
from .media import Bundle
from .queries import QUERIES, Query
from .tables import DDL, TABLES

_ID_TYPES = frozenset(value for name, value in vars(ids).items() if name.endswith("Id"))
_LITERALS = {name: value for name, value in vars(events).items() if get_origin(value) is Literal}
_LITERAL_TYPES = {**_LITERALS, "RejectCode": wire.RejectCode, "ByeCode": wire.ByeCode}
_BY_NAME = {"sha256": "sha256", "position": "position"}
_SIMPLE: dict[object, tuple[str, str]] = {
    str: ("string", "string"),
    int: ("integer", "number"),
    bool: ("boolean", "boolean"),
    JsonText: ("jsonText", "string"),
    Bundle: ("bundle", "Bundle"),
    BatchItem: ("batchItem", "BatchItem"),
    **dict.fromkeys(_ID_TYPES, ("id", "string")),
}
"""The check and the TypeScript type of an annotation."""

_NUMBER_PARAMS = frozenset({"after"})
"""Query parameters that are integers; all others are ids."""

_PARAMETER = re.compile(r":(\w+)")
_STRING = re.compile(r"'[^']*'")

_SHAPES = """\
/** A representation in a bundle: in the event itself, or bytes in the artifact store, named by their hash. */
export type Representation =
  | { readonly type: "inline"; readonly data: string }
  | { readonly type: "artifact"; readonly sha256: string; readonly sizeBytes: number };
/** Representations by MIME type. Inline data: text as it is, `+json` as JSON text, everything else base64. */
export type Bundle = Readonly<Record<string, Representation>>;
/** How the wire value of a field is checked. */
export type FieldKind =
  | "batchItem" | "boolean" | "bundle" | "id" | "integer" | "jsonText" | "position" | "sha256" | "string"
  | { readonly literal: readonly string[] }
  | { readonly list: FieldKind };
/** One field of an event's args. */
export interface FieldDefinition {
  readonly name: string;
  readonly optional: boolean;
  readonly kind: FieldKind;
}
/** SQL text and the names it binds, without their colon. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly string[];
}
/** What one event does to the state: `runtime_schema.materializers` explains it. */
export interface Materializer {
  readonly guard: Statement | null;
  readonly statements: readonly Statement[];
  readonly rare: number;
  readonly each: string | null;
  readonly writes: Readonly<Record<string, string | null>>;
}
/** One read of the state. `row` and `bind` are types only: no query has these properties. */
export interface Query<Row, Params> extends Statement {
  readonly name: string;
  readonly columns: readonly string[];
  readonly reads: Readonly<Record<string, string | null>>;
  readonly row?: Row;
  readonly bind?: (params: Params) => void;
}
/** The parameters of a query that has none. */
export type NoParams = Readonly<Record<string, never>>;
/** A confirmed event as `events` frames carry it: name, args, clientId, storeSessionId, n. */
export type LogEvent = readonly [
  name: string,
  args: Readonly<Record<string, unknown>>,
  clientId: string,
  storeSessionId: string,
  n: number,
];
"""


def generate() -> str:
    """Give the whole module."""
    parts = [
        "// The schema of notebooks, generated from runtime_schema by `make generate`. Edit that, not this.\n",
        _SHAPES,
        *(f"export type {name} = {_union(get_args(value))};\n" for name, value in sorted(_LITERAL_TYPES.items())),
        *_event_types(),
        _interface("Limits", "Bounds that the backend tells in `welcome`.", ((camel_case(f.name), "number") for f in fields(wire.Limits))),
        *_row_types(),
        _constant("EVENTS", "Fields of every event, in order.", field_kinds(), "Readonly<Record<EventName, readonly FieldDefinition[]>>"),
        _constant(
            "SERVER_ONLY", "Events that only an authority commits.", [wire_name(event) for event in SERVER_ONLY], "readonly EventName[]"
        ),
        _constant(
            "RULE_BOUND",
            "Events that assume the same rules everywhere, dropped from a dead life.",
            [wire_name(event) for event in RULE_BOUND],
            "readonly EventName[]",
        ),
        _constant("TABLES", "Names of the tables, in creation order.", list(TABLES), "readonly string[]"),
        _constant("DDL", "Statements that make an empty state, in order.", list(DDL), "readonly string[]"),
        _constant("MATERIALIZERS", "The rules, by event.", _materializers(), "Readonly<Record<EventName, Materializer>>"),
        _queries(),
        *(_constant(name, doc, value) for name, doc, value in _CONSTANTS),
        _constant("CLOSE_CODES", "The WebSocket close code after each `bye`.", wire.CLOSE_CODES, "Readonly<Record<ByeCode, number>>"),
        _constant(
            "DEFAULT_LIMITS",
            "Limits where no backend has told others.",
            {camel_case(field.name): field.default for field in fields(wire.Limits)},
            "Limits",
        ),
    ]
    return "\n".join(parts)


_CONSTANTS = (
    ("SCHEMA_HASH", "Equal hashes may exchange images of the state.", SCHEMA_HASH),
    ("RULES_HASH", "Equal hashes derive equal states from a log.", RULES_HASH),
    ("SUBPROTOCOL", "WebSocket subprotocol.", wire.SUBPROTOCOL),
    ("STORE_ID_PATTERN", "What a store id looks like, whole.", wire.STORE_ID_PATTERN),
    ("ID_PATTERN", "What every other id looks like, whole.", ids.ID_PATTERN),
    ("SERVER_CLIENT_ID", "The `clientId` of an authority's own events.", ids.SERVER_CLIENT_ID),
    ("INLINE_LIMIT_BYTES", "Largest representation kept inside an event.", media.INLINE_LIMIT_BYTES),
    ("MAX_INTEGER", "Integers lie within plus or minus this.", json_text.MAX_INTEGER),
    ("MAX_DEPTH", "JSON text nests no deeper.", json_text.MAX_DEPTH),
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; gives its exit code."""
    return write_or_check(arguments, "generate_typescript", "Write the schema as TypeScript.", generate)


def write_or_check(arguments: Sequence[str], module: str, about: str, generate: Callable[[], str]) -> int:
    """Run a generator's command: write its text, or compare it with what is there; gives the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m runtime_schema.{module}", description=about)
    parser.add_argument("path", type=Path, help="the file to write")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the file is stale")
    options = parser.parse_args(arguments)
    path: Path = options.path
    text = generate()
    if not options.check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        return 0
    if path.is_file() and path.read_bytes() == text.encode():
        return 0
    print(f"{path} does not match runtime_schema; run `make generate` and commit the result", file=sys.stderr)
    return 1


def _event_types() -> list[str]:
    hints = get_type_hints(BatchItem)
    item = _interface("BatchItem", _doc(BatchItem), ((camel_case(name), _SIMPLE[kind][1]) for name, kind in hints.items()))
    lines = ["/** The args of every event, by wire name. */", "export interface EventArgs {"]
    for definition in DEFINITIONS.values():
        shape = "; ".join(f"readonly {field.wire}{'?' if field.optional else ''}: {_type(field.annotation)}" for field in definition.fields)
        lines += [f"  /** {_doc(definition.event)} */", f"  {_json(definition.name)}: {{ {shape} }};"]
    return [item, "\n".join([*lines, "}\n/** Wire names of the events. */\nexport type EventName = keyof EventArgs;\n"])]


def _row_types() -> list[str]:
    rows = dict.fromkeys(query.row for query in QUERIES)
    return [
        _interface(row.__name__, _doc(row), ((camel_case(name), _type(hint)) for name, hint in get_type_hints(row).items())) for row in rows
    ]


def field_kinds() -> dict[str, list[dict[str, Any]]]:  # Any: a FieldKind as the TypeScript above has it
    """Say of every field of every event whether it is optional and how it is checked."""
    return {
        name: [{"name": field.wire, "optional": field.optional, "kind": _field_kind(field)} for field in definition.fields]
        for name, definition in DEFINITIONS.items()
    }


def _field_kind(field: FieldDefinition) -> object:
    return _BY_NAME.get(field.wire) or _kind(field.annotation)


def _kind(annotation: object) -> object:
    if get_origin(annotation) is Literal:
        return {"literal": list(get_args(annotation))}
    if get_origin(annotation) is tuple:
        return {"list": _kind(get_args(annotation)[0])}
    return _SIMPLE[annotation][0]


def _type(annotation: object) -> str:
    if get_origin(annotation) is Literal:
        return next(name for name, value in _LITERALS.items() if value == annotation)
    if get_origin(annotation) is tuple:
        return f"readonly {_type(get_args(annotation)[0])}[]"
    if get_origin(annotation) in (Union, UnionType):
        return f"{_type(get_args(annotation)[0])} | null"
    return _SIMPLE[annotation][1]


def _materializers() -> dict[str, object]:
    return {name: _materializer(rule) for name, rule in MATERIALIZERS.items()}


def _materializer(rule: Materializer) -> dict[str, object]:
    return {
        "guard": rule.guard and _statement(rule.guard),
        "statements": [_statement(text) for text in rule.statements],
        "rare": rule.rare,
        "each": rule.each,
        "writes": dict(rule.writes),
    }


def _statement(sql: str) -> dict[str, object]:
    return {"sql": sql, "params": list(dict.fromkeys(_PARAMETER.findall(_STRING.sub("''", sql))))}


def _queries() -> str:
    lines = ["/** The query catalogue. */", "export const queries = {"]
    for query in QUERIES:
        shape = {
            "name": query.name,
            **_statement(query.sql),
            "columns": [camel_case(name) for name in get_type_hints(query.row)],
            "reads": dict(query.reads),
        }
        lines.append(f"  {query.name}: {_json(shape)} as Query<{query.row.__name__}, {_params(query)}>,")
    return "\n".join([*lines, "} as const;\n"])


def _params(query: Query[tuple[object, ...]]) -> str:
    shape = "; ".join(f"readonly {name}: {'number' if name in _NUMBER_PARAMS else 'string'}" for name in query.params)
    return f"{{ {shape} }}" if shape else "NoParams"


def _interface(name: str, doc: str, shape: Iterable[tuple[str, str]]) -> str:
    lines = "\n".join(f"  readonly {field}: {kind};" for field, kind in shape)
    return f"/** {doc} */\nexport interface {name} {{\n{lines}\n}}\n"


def _constant(name: str, doc: str, value: object, kind: str = "") -> str:
    annotation = f": {kind}" if kind else ""
    text = json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, dict | list) else _json(value)
    return f"/** {doc} */\nexport const {name}{annotation} = {text};\n"


def _union(values: Iterable[str]) -> str:
    return " | ".join(_json(value) for value in values)


def _doc(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
