"""Between an event and its args: validate and decode what came over the wire, encode what goes out, bind SQL parameters.

The rules of a field follow from its annotation in `events`, compiled once per event at import.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from .errors import InvalidEventError, InvalidJsonError
from .events import EVENT_TYPES, BatchItem, Event, ExecutionBatchRequested, JsonText, camel_case, wire_name
from .ids import (
    ID_PATTERN,
    ActorId,
    BatchId,
    CellId,
    ExecutionId,
    OutputId,
    RequestId,
    RuntimeId,
    RuntimeSessionId,
    is_id,
)
from .json_text import MAX_INTEGER, Json, check_string, decode, encode
from .media import Bundle, is_json, is_mime_type, is_sha256
from .position import is_position

Check = Callable[[object], str | None]
"""Tell what is wrong with a wire value, or None. A problem inside starts with its path, such as `[2].cellId: …`."""

_ID_TYPES: tuple[object, ...] = (ActorId, BatchId, CellId, ExecutionId, OutputId, RequestId, RuntimeId, RuntimeSessionId)

_COMPOSED: tuple[object, ...] = (bool, Bundle)

SqlValue = str | int | None

Wire = dict[str, object]
"""A JSON object whose values are not yet checked; `cast` to it only tells the checker what `isinstance(…, dict)` cannot."""


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """One field of an event: its names in Python and on the wire, its annotation, and the check of its wire value."""

    name: str
    wire: str
    annotation: object
    optional: bool
    check: Check


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """One event as data: class, wire name and fields in order.

    `unbound` has NULL for every field; `composed` names those whose wire values SQL cannot take as they are.
    """

    event: type[Event]
    name: str
    fields: tuple[FieldDefinition, ...]
    wire_names: frozenset[str]
    unbound: Mapping[str, None]
    composed: tuple[str, ...]


def check_args(name: str, args: object) -> None:
    """Check the args of a known event against its definition.

    Raises:
        InvalidEventError: An unknown event, or the first field that does not fit.
    """
    definition = DEFINITIONS.get(name)
    if definition is None:
        raise InvalidEventError(name, "", "unknown event")
    if not isinstance(args, dict):
        raise InvalidEventError(name, "", "args must be an object")
    found = cast("Wire", args)
    for field in definition.fields:
        value = found.get(field.wire)
        if value is None:
            if field.wire in found:
                raise InvalidEventError(name, field.wire, "must not be null; leave it out")
            if not field.optional:
                raise InvalidEventError(name, field.wire, "missing")
        elif (problem := field.check(value)) is not None:
            path = problem if problem.startswith("[") else f": {problem}"
            where, _, what = path.partition(": ")
            raise InvalidEventError(name, field.wire + where, what)
    if not found.keys() <= definition.wire_names:
        stray = min(found.keys() - definition.wire_names)
        raise InvalidEventError(name, stray[:64], "unknown field")
    if name == "v1.ExecutionCancelRequested" and ("executionId" in found) == (found.get("all") is True):
        raise InvalidEventError(name, "executionId", "give either executionId or all")


def decode_event(name: str, args: object) -> Event:
    """Check args and make the event.

    Raises:
        InvalidEventError: As `check_args`.
    """
    check_args(name, args)
    definition = DEFINITIONS[name]
    found: dict[str, Any] = args  # type: ignore[assignment]  # check_args proved it is an object that fits
    made = {field.name: _decode_value(found[field.wire]) for field in definition.fields if field.wire in found}
    return definition.event(**made)


def encode_args(event: Event) -> dict[str, Json]:
    """Write an event's args as on the wire: camelCase, absent optional fields left out."""
    made: dict[str, Json] = {}
    for field in DEFINITIONS_BY_TYPE[type(event)].fields:
        value = getattr(event, field.name)
        if value is not None:
            made[field.wire] = _encode_value(value)
    return made


def bind_args(name: str, args: Mapping[str, Json]) -> dict[str, SqlValue]:
    """Bind wire args as SQL parameters: every field of the event, absent ones NULL, lists and bundles as JSON text.

    A list of items (a batch) is not bound; the materializer runs once for each with that item's fields.
    """
    definition = DEFINITIONS[name]
    bound: dict[str, Any] = {**definition.unbound, **args}  # Any: of composed fields not yet what SQL takes
    for wire in definition.composed:
        value = bound[wire]
        if isinstance(value, bool):
            bound[wire] = int(value)
        elif value is not None:
            bound[wire] = encode(value)
    if definition.event is ExecutionBatchRequested:
        del bound["items"]
    return bound


def _encode_value(value: Any) -> Json:  # Any: the fields' own types, closed by EVENT_TYPES
    if isinstance(value, tuple):
        return [_encode_value(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, BatchItem):
        return {"executionId": value.execution_id, "cellId": value.cell_id, "source": value.source}
    return value


def _decode_value(value: Any) -> Any:  # Any: checked wire values
    if isinstance(value, list):
        return tuple(_decode_item(item) for item in cast("list[str | dict[str, Any]]", value))
    return value


def _decode_item(item: str | dict[str, Any]) -> str | BatchItem:
    if isinstance(item, str):
        return item
    return BatchItem(execution_id=item["executionId"], cell_id=item["cellId"], source=item["source"])


def _check_str(value: object) -> str | None:
    if not isinstance(value, str):
        return f"must be a string, not {_kind(value)}"
    try:
        check_string(value)
    except InvalidJsonError as exc:
        return exc.problem
    return None


def _check_id(value: object) -> str | None:
    if isinstance(value, str) and is_id(value):
        return None
    return f"must match {ID_PATTERN}"


def _check_int(value: object) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return f"must be an integer, not {_kind(value)}"
    if abs(value) > MAX_INTEGER:
        return f"must be within ±{MAX_INTEGER}"
    return None


def _check_bool(value: object) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, not {_kind(value)}"


def _check_json_text(value: object) -> str | None:
    if not isinstance(value, str):
        return f"must be a string of JSON text, not {_kind(value)}"
    try:
        decode(value)
    except InvalidJsonError as exc:
        return str(exc)
    return None


def _check_sha256(value: object) -> str | None:
    return None if isinstance(value, str) and is_sha256(value) else "must be 64 lower-case hexadecimal digits"


def _check_position(value: object) -> str | None:
    return None if isinstance(value, str) and is_position(value) else "must be a position (a fractional index)"


def _check_bundle(value: object) -> str | None:
    if not isinstance(value, dict):
        return f"must be an object, not {_kind(value)}"
    for mime_type, representation in cast("Wire", value).items():
        if not is_mime_type(mime_type):
            return f"[{mime_type[:64]!r}]: is not a lower-case MIME type"
        if not isinstance(representation, dict):
            return f"[{mime_type!r}]: must be an object"
        problem = _check_representation(mime_type, cast("Wire", representation))
        if problem is not None:
            return f"[{mime_type!r}]{problem}"
    return None


def _check_representation(mime_type: str, representation: Wire) -> str | None:
    kind = representation.get("type")
    if kind == "inline" and representation.keys() == {"type", "data"}:
        problem = _check_json_text(representation["data"]) if is_json(mime_type) else _check_str(representation["data"])
        return problem and f".data: {problem}"
    if kind == "artifact" and representation.keys() == {"type", "sha256", "sizeBytes"}:
        problem = _check_sha256(representation["sha256"]) or _check_int(representation["sizeBytes"])
        return problem and f".sha256: {problem}"
    return ': must be {"type":"inline","data"} or {"type":"artifact","sha256","sizeBytes"}'


def _check_literal(values: tuple[str, ...]) -> Check:
    allowed = frozenset(values)
    message = "must be one of " + ", ".join(values)
    return lambda value: None if isinstance(value, str) and value in allowed else message


def _check_items(check: Check) -> Check:
    def check_list(value: object) -> str | None:
        if not isinstance(value, list):
            return f"must be a list, not {_kind(value)}"
        for place, item in enumerate(cast("list[object]", value)):
            if (problem := check(item)) is not None:
                return f"[{place}]{problem if problem.startswith('.') else ': ' + problem}"
        return None

    return check_list


def _check_batch_item(value: object) -> str | None:
    if not isinstance(value, dict):
        return f"must be an object, not {_kind(value)}"
    item = cast("Wire", value)
    if item.keys() != {"executionId", "cellId", "source"}:
        return "must have exactly executionId, cellId and source"
    for key, check in (("executionId", _check_id), ("cellId", _check_id), ("source", _check_str)):
        if (problem := check(item[key])) is not None:
            return f".{key}: {problem}"
    return None


def _kind(value: object) -> str:
    names: dict[type, str] = {str: "a string", int: "an integer", bool: "a boolean", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "null")


def _check_for(annotation: object, wire: str) -> Check:
    if wire == "sha256":
        return _check_sha256
    if wire == "position":
        return _check_position
    if annotation in _ID_TYPES:
        return _check_id
    if get_origin(annotation) is Literal:
        return _check_literal(get_args(annotation))
    if get_origin(annotation) is tuple:
        item = get_args(annotation)[0]
        return _check_items(_check_batch_item if item is BatchItem else _check_for(item, ""))
    simple: dict[object, Check] = {str: _check_str, int: _check_int, bool: _check_bool, JsonText: _check_json_text, Bundle: _check_bundle}
    return simple[annotation]


def _define(event: type[Event]) -> EventDefinition:
    hints = get_type_hints(event)
    made: list[FieldDefinition] = []
    for field in fields(event):  # type: ignore[arg-type]  # every Event subclass is a dataclass
        annotation = hints[field.name]
        if get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation):
            annotation = next(part for part in get_args(annotation) if part is not NoneType)
        wire = camel_case(field.name)
        made.append(FieldDefinition(field.name, wire, annotation, field.default is not MISSING, _check_for(annotation, wire)))
    return EventDefinition(
        event,
        wire_name(event),
        tuple(made),
        wire_names=frozenset(field.wire for field in made),
        unbound=dict.fromkeys(field.wire for field in made),
        composed=tuple(field.wire for field in made if _is_composed(field.annotation)),
    )


def _is_composed(annotation: object) -> bool:
    return annotation in _COMPOSED or (get_origin(annotation) is tuple and annotation != tuple[BatchItem, ...])


DEFINITIONS: Mapping[str, EventDefinition] = {wire_name(event): _define(event) for event in EVENT_TYPES}
"""Event definitions by wire name."""

DEFINITIONS_BY_TYPE: Mapping[type[Event], EventDefinition] = {definition.event: definition for definition in DEFINITIONS.values()}
"""Event definitions by class."""
