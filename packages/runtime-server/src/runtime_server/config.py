"""What a server can be told when it is built."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runtime_schema.wire import Limits


def system_ms() -> int:
    """Give the UTC time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Settings of one server; the defaults are those of a person's own machine.

    `hosts` are further `Host` values (with their port) that the server answers to, such as a proxy's; `origins` further
    origins whose pages may use the session cookie. `pyodide` is the Python that pages run: a folder with a release of Pyodide, or
    the https address of one; None for the one of this package. `monotonic_s` moves timers, `now_ms` only dates things.
    """

    data_folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    pyodide: Path | str | None = None
    limits: Limits = field(default_factory=Limits)
    notebook_bytes: int = 100 * 1024 * 1024
    artifact_bytes: int = 1024 * 1024 * 1024
    session_days: int = 30
    stall_s: float = 10.0
    idle_room_s: float = 60.0
    tick_s: float = 1.0
    monotonic_s: Callable[[], float] = time.monotonic
    now_ms: Callable[[], int] = system_ms
