"""A pytest plugin that stands in for pytest-asyncio and pytest-timeout where Python has neither threads nor sockets.

Coroutine tests run on an event loop that waits for nothing but its own timers. Tests of what only a host has must fail
here, or their mark `host` is wrong; how many passed and how many failed so is told for each package.
"""

import asyncio
import inspect
import time
from collections import Counter
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import pytest

# What pyproject.toml sets for the plugins that are not here.
SETTINGS = {
    "asyncio_mode": "read by pytest-asyncio",
    "asyncio_default_fixture_loop_scope": "read by pytest-asyncio",
    "timeout": "seconds that a coroutine test may take",
}
MARKERS = ("asyncio: read by pytest-asyncio", "timeout: read by pytest-timeout")


@final
class TimersOnly:
    """What an event loop takes for a selector: no file is ever ready, so `select` sleeps until the next timer."""

    def select(self, timeout: float | None) -> list[object]:
        """Wait. Without a timer nothing can ever wake the loop again, and the test is wrong."""
        if timeout is None:
            raise RuntimeError("the test waits for ever: no task is ready and no timer is set")
        time.sleep(timeout)
        return []


@final
class PlainLoop(asyncio.BaseEventLoop):
    """An event loop of tasks, futures and timers."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = TimersOnly()  # the three that BaseEventLoop leaves to those who derive from it

    def _process_events(self, event_list: list[object]) -> None:
        """Have none to process."""

    def _write_to_self(self) -> None:
        """Wake nothing: who calls is on the loop's own thread, and the loop does not sleep meanwhile."""


@contextmanager
def no_loop_running() -> Generator[None]:
    """Set Pyodide's own event loop aside: it counts as running all the time, and one loop does not run inside another."""
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(outer)


def run(test: Coroutine[Any, Any, object], timeout_s: float) -> None:
    """Run a coroutine to its end; its tasks end with it."""

    async def timed() -> None:
        async with asyncio.timeout(timeout_s):
            await test

    with no_loop_running(), asyncio.Runner(loop_factory=PlainLoop) as runner:
        runner.run(timed())


def pytest_addoption(parser: pytest.Parser) -> None:
    """Accept the settings of the plugins that are not here."""
    for name, text in SETTINGS.items():
        parser.addini(name, text)


def pytest_configure(config: pytest.Config) -> None:
    """Accept their markers too."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    config.pluginmanager.register(CountByPackage())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}), float(pyfuncitem.config.getini("timeout")))
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect tests that need a host to fail."""
    for item in items:
        if item.get_closest_marker("host") is not None:
            item.add_marker(pytest.mark.xfail(reason="needs a host", strict=True))


def package_of(path: str) -> str:
    """Name the package that a test belongs to: packages/NAME/tests/..."""
    parts = Path(path).parts
    return parts[parts.index("packages") + 1] if "packages" in parts else parts[0]


@final
class CountByPackage:
    """Tells at the end how many tests of each package ran; test_suites.py reads it."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.need_host: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count."""
        if report.when == "call" and report.passed:
            self.passed[package_of(report.nodeid)] += 1
        elif report.skipped and hasattr(report, "wasxfail"):
            self.need_host[package_of(report.nodeid)] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell."""
        for package in sorted(self.passed):
            terminalreporter.write_line(f"{package}: {self.passed[package]} passed, {self.need_host[package]} need a host")
