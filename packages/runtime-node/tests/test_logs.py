"""Log lines as JSON objects; as text they are tested by the processes that write them."""

import json
import logging
from collections.abc import Iterator

import pytest

from runtime_core.log import Logger
from runtime_node import set_up_logs


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_have_the_event_its_fields_and_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "json")
    log = Logger("runtime_node", runtime="r1")
    log.info("connection", up=True, problem="two\nlines")
    try:
        raise ValueError("no good")
    except ValueError as exc:
        log.error("failed", exc)  # noqa: TRY400  # ours, which takes the exception
    logging.getLogger("elsewhere").warning("said %s", "so")
    first, second, third = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["level"], first["logger"], first["event"], first["up"], first["problem"]) == (
        "info",
        "runtime_node",
        "connection",
        True,
        "two\nlines",
    )
    assert first["runtime"] == "r1"
    assert first["time"].endswith("Z")
    assert (second["error"], second["traceback"].splitlines()[-1]) == ("ValueError('no good')", "ValueError: no good")
    assert (third["logger"], third["event"]) == ("elsewhere", "said so")
