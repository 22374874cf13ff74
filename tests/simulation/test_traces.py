"""The schedules that the TypeScript store replays are those that the simulator writes."""

import pytest

from .traces import FOLDER, texts

pytestmark = pytest.mark.slow


def test_the_schedules_of_the_contract_are_fresh() -> None:
    written = {file.name: file.read_text() for file in FOLDER.glob("*.json")}
    assert written == texts(), "write them anew: python -m simulation.traces (in tests/)"
