"""Args are checked field by field, with an error that names event and field; encode and decode are inverse."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_schema.args import DEFINITIONS, FieldDefinition, bind_args, check_args, decode_event, encode_args
from runtime_schema.errors import InvalidEventError
from runtime_schema.events import BatchItem, CellCreated, ExecutionBatchRequested, wire_name
from runtime_schema.ids import BatchId, CellId, ExecutionId

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
IDS = st.text("abcXYZ019_-", min_size=1, max_size=64)
BUNDLES: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["text/plain", "image/png", "application/vnd.x+json"]),
    st.one_of(
        st.just({"type": "inline", "data": "[1,2.50]"}),
        st.fixed_dictionaries({"type": st.just("artifact"), "sha256": st.just("0f" * 32), "sizeBytes": st.integers(0, 2**53 - 1)}),
    ),
)


def values_of(field: FieldDefinition) -> st.SearchStrategy[Any]:
    problem = field.check([])
    if field.wire == "position":
        return st.sampled_from(["a0", "Zz", "a0V"])
    if field.wire == "sha256":
        return st.just("0a" * 32)
    if problem is not None and "match" in problem:
        return IDS
    if problem is not None and "one of" in problem:
        return st.sampled_from(problem.removeprefix("must be one of ").split(", "))
    if problem is not None and "JSON text" in problem:
        return st.sampled_from(['{"a":1}', "null", '"x"', "[1.50]"])
    by_type: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXT,
        int: st.integers(-(2**53) + 1, 2**53 - 1),
        bool: st.booleans(),
        tuple[str, ...]: st.lists(TEXT, max_size=3),
        tuple[BatchItem, ...]: st.lists(st.fixed_dictionaries({"executionId": IDS, "cellId": IDS, "source": TEXT}), max_size=3),
    }
    if field.annotation in by_type:
        return by_type[field.annotation]
    return BUNDLES if field.wire == "bundle" else st.lists(st.sampled_from(["code", "sql"]), max_size=2)


@st.composite
def events(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from([name for name in DEFINITIONS if name != "v1.ExecutionCancelRequested"]))
    return name, {field.wire: draw(values_of(field)) for field in DEFINITIONS[name].fields if not field.optional or draw(st.booleans())}


@given(events())
def test_decode_then_encode_is_identity(event: tuple[str, dict[str, Any]]) -> None:
    name, args = event
    decoded = decode_event(name, args)
    assert wire_name(decoded) == name
    assert encode_args(decoded) == args


@given(events())
def test_every_scalar_field_is_bound(event: tuple[str, dict[str, Any]]) -> None:
    name, args = event
    bound = bind_args(name, args)
    assert set(bound) >= DEFINITIONS[name].wire_names - {"items"}
    assert all(value is None or type(value) in (str, int) for value in bound.values())


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"source": "x"}, "v1.CellSourceSet.cellId: missing"),
        ({"cellId": None, "source": "x"}, "v1.CellSourceSet.cellId: must not be null; leave it out"),
        ({"cellId": "é", "source": "x"}, "v1.CellSourceSet.cellId: must match [A-Za-z0-9_-]{1,64}"),
        ({"cellId": "a" * 65, "source": "x"}, "v1.CellSourceSet.cellId: must match [A-Za-z0-9_-]{1,64}"),
        ({"cellId": "a", "source": 1}, "v1.CellSourceSet.source: must be a string, not an integer"),
        ({"cellId": "a", "source": "\ud800"}, "v1.CellSourceSet.source: lone surrogate at character 0"),
        ({"cellId": "a", "source": "x", "seq": 1}, "v1.CellSourceSet.seq: unknown field"),
        ([], "v1.CellSourceSet: args must be an object"),
    ],
)
def test_error_names_event_and_field(args: Any, problem: str) -> None:
    with pytest.raises(InvalidEventError) as caught:
        check_args("v1.CellSourceSet", args)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("v1.CellCreated", {"cellType": "blob"}, "cellType: must be one of code, markdown, raw, sql, ai"),
        ("v1.CellCreated", {"position": "a00"}, "position: must be a position (a fractional index)"),
        (
            "v1.CellCreated",
            {"metadata": "?"},
            "metadata: not acceptable JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        ("v1.CellCreated", {"metadata": {}}, "metadata: must be a string of JSON text, not an object"),
        ("v1.FilePut", {"sha256": "A" * 64}, "sha256: must be 64 lower-case hexadecimal digits"),
        ("v1.FilePut", {"sizeBytes": 2**53}, "sizeBytes: must be within ±9007199254740991"),
        ("v1.FilePut", {"sizeBytes": True}, "sizeBytes: must be an integer, not a boolean"),
        ("v1.FilePut", {"sizeBytes": 1.5}, "sizeBytes: must be an integer, not a number"),
        ("v1.CellVisibilitySet", {"output": 1}, "output: must be true or false, not an integer"),
        ("v1.DisplayAdded", {"bundle": []}, "bundle: must be an object, not a list"),
        ("v1.DisplayAdded", {"bundle": {"Text/HTML": {}}}, "bundle['Text/HTML']: is not a lower-case MIME type"),
        ("v1.DisplayAdded", {"bundle": {"text/html": "x"}}, "bundle['text/html']: must be an object"),
        (
            "v1.DisplayAdded",
            {"bundle": {"text/html": {"type": "inline", "data": "x", "url": "y"}}},
            """bundle['text/html']: must be {"type":"inline","data"} or {"type":"artifact","sha256","sizeBytes"}""",
        ),
        (
            "v1.DisplayAdded",
            {"bundle": {"text/html": {"type": "inline", "data": 1}}},
            "bundle['text/html'].data: must be a string, not an integer",
        ),
        (
            "v1.DisplayAdded",
            {"bundle": {"image/png": {"type": "artifact", "sha256": "0", "sizeBytes": 1}}},
            "bundle['image/png'].sha256: must be 64 lower-case hexadecimal digits",
        ),
        ("v1.ErrorAdded", {"traceback": ["a", 1]}, "traceback[1]: must be a string, not an integer"),
        ("v1.ErrorAdded", {"traceback": "a"}, "traceback: must be a list, not a string"),
        ("v1.ExecutionBatchRequested", {"items": [{"executionId": "e"}]}, "items[0]: must have exactly executionId, cellId and source"),
        ("v1.ExecutionBatchRequested", {"items": ["e"]}, "items[0]: must be an object, not a string"),
        (
            "v1.ExecutionBatchRequested",
            {"items": [{"executionId": "e", "cellId": "", "source": ""}]},
            "items[0].cellId: must match [A-Za-z0-9_-]{1,64}",
        ),
        ("v1.ExecutionCancelRequested", {"all": True}, "executionId: give either executionId or all"),
        ("v1.RuntimeSessionTerminated", {"reason": "displaced"}, "reason: must be one of shutdown, lost, crashed, restart, evicted"),
    ],
)
def test_fields_of_each_kind_are_checked(name: str, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidEventError) as caught:
        check_args(name, VALID[name] | change)
    assert str(caught.value) == f"{name}.{problem}"


def test_unknown_event_is_named() -> None:
    with pytest.raises(InvalidEventError, match=r"^v1\.Nope: unknown event$"):
        check_args("v1.Nope", {})


def test_batch_items_become_items() -> None:
    event = decode_event("v1.ExecutionBatchRequested", VALID["v1.ExecutionBatchRequested"])
    assert event == ExecutionBatchRequested(
        batch_id=BatchId("b"),
        stop_on_error=True,
        items=(BatchItem(execution_id=ExecutionId("e"), cell_id=CellId("c"), source="1"),),
        requested_ms=1,
    )


def test_absent_optional_fields_are_left_out() -> None:
    event = CellCreated(cell_id=CellId("c"), cell_type="code", position="a0", source="")
    assert encode_args(event) == {"cellId": "c", "cellType": "code", "position": "a0", "source": ""}


VALID: dict[str, dict[str, Any]] = {
    "v1.CellCreated": {"cellId": "c", "cellType": "code", "position": "a0", "source": ""},
    "v1.CellVisibilitySet": {"cellId": "c"},
    "v1.FilePut": {"path": "p", "sha256": "0" * 64, "mimeType": "text/csv", "sizeBytes": 1, "createdMs": 1},
    "v1.DisplayAdded": {"outputId": "o", "executionId": "e", "sessionId": "s", "bundle": {}, "metadata": "{}"},
    "v1.ErrorAdded": {"outputId": "o", "executionId": "e", "sessionId": "s", "name": "E", "value": "", "traceback": []},
    "v1.ExecutionBatchRequested": {
        "batchId": "b",
        "stopOnError": True,
        "items": [{"executionId": "e", "cellId": "c", "source": "1"}],
        "requestedMs": 1,
    },
    "v1.ExecutionCancelRequested": {"executionId": "e", "reason": "user"},
    "v1.RuntimeSessionTerminated": {"sessionId": "s", "reason": "shutdown"},
}
