"""What stores and their guests share speaks in sentences."""

from runtime_schema.store_types import RejectedError


def test_a_refusal_names_event_code_and_reason() -> None:
    assert str(RejectedError("v1.CellCreated", "too-large", "300 KiB")) == "v1.CellCreated was rejected (too-large): 300 KiB"
