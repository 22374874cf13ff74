"""The public surface, the options, the logger, and what stands in error messages."""

import logging

import pytest

import runtime_core
import runtime_core.handlers
import runtime_core.testing
from runtime_core import (
    ArtifactUnavailableError,
    EngineDiedError,
    EngineStartError,
    ExecutionCancelledError,
    InputUnavailableError,
    InvalidOptionError,
    Logger,
    RuntimeAgentOptions,
    RuntimeCapabilities,
    RuntimeCoreError,
    SessionEndedError,
    SessionRefusedError,
)


@pytest.mark.parametrize("module", [runtime_core, runtime_core.handlers, runtime_core.testing])
def test_public_names_are_listed_in_order(module: object) -> None:
    names: list[str] = getattr(module, "__all__")  # noqa: B009 - a module's own list
    assert names == sorted(names)
    submodules = {"agent", "coalesce", "context", "decide", "errors", "execution", "log", "media", "options", "outbox", "ports"}
    submodules |= {"handlers", "session", "tasks", "testing", "upkeep", "engine", "fakes", "checks", "memory_store", "scenario"}
    submodules |= {"comms", "live", "scripted_engine"}
    found = {name for name in vars(module) if not name.startswith("_")}
    assert found - submodules - set(names) <= {"echo", "html"}
    assert set(names) <= found


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (EngineStartError("python", "no memory", "close something"), "python could not start: no memory (close something)"),
        (EngineStartError("python", "no memory"), "python could not start: no memory"),
        (EngineDiedError("was killed by SIGSEGV"), "the engine was killed by SIGSEGV"),
        (InputUnavailableError("nobody is there"), "input is not available: nobody is there"),
        (ArtifactUnavailableError("a" * 64, "was never put here"), "artifact aaaaaaaaaaaa…: was never put here"),
        (ExecutionCancelledError("e1", "stop"), "execution e1 is cancelled: stop"),
        (
            SessionRefusedError("mine", None),
            "runtime mine was refused: another runtime is active in this notebook (stop it, or start this one as a takeover)",
        ),
        (SessionEndedError("s1", "evicted"), "session s1 ended while it was starting: evicted"),
    ],
)
def test_errors_say_what_happened_to_what(error: RuntimeCoreError, text: str) -> None:
    assert str(error) == text


def test_capabilities_are_cell_types() -> None:
    assert RuntimeCapabilities().cell_types == ("code",)
    assert RuntimeCapabilities(execute_code=False, execute_sql=True, execute_ai=True).cell_types == ("sql", "ai")


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("runtime_id", "no id", "runtime_id: 'no id' must match"),
        ("session_id", "", "session_id: '' must match"),
        ("runtime_type", "", "runtime_type: must not be empty"),
        ("client_id", "", "client_id: must not be empty"),
        ("lost_after_ms", 0, "lost_after_ms: must be more than 0"),
        ("cancel_grace_s", -1, "cancel_grace_s: must be more than 0"),
        ("execution_timeout_s", 0, "execution_timeout_s: must be more than 0"),
        ("patience_s", 0, "patience_s: must be more than 0"),
    ],
)
def test_options_that_cannot_work_are_refused_by_name(option: str, value: object, problem: str) -> None:
    options: dict[str, object] = {"runtime_id": "r", "runtime_type": "t", "client_id": "c", option: value}
    with pytest.raises(InvalidOptionError, match=problem):
        RuntimeAgentOptions(**options)  # type: ignore[arg-type]  # wrong values are the point


def test_log_lines_are_an_event_and_fields(caplog: pytest.LogCaptureFixture) -> None:
    log = Logger("runtime_core.test", session="s 1").bind(execution="e1")
    caplog.set_level(logging.DEBUG, "runtime_core.test")
    log.debug("looked")
    log.info("ready", n=2, empty="")
    log.warning("odd", value='a"b', none=None)
    log.error("failed", ValueError("x"), line="a\nb")
    assert [record.getMessage() for record in caplog.records] == [
        "looked session='s 1' execution=e1",
        "ready session='s 1' execution=e1 n=2 empty=''",
        "odd session='s 1' execution=e1 value='a\"b' none=None",
        "failed session='s 1' execution=e1 line='a\\nb'",
    ]
    assert caplog.records[-1].exc_info is not None


def test_nothing_is_written_below_the_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "runtime_core.test")
    Logger("runtime_core.test").info("quiet")
    assert caplog.records == []
