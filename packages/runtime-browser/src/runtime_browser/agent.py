"""Makes an agent with the defaults of a page: a name of its own, and a connection that may be gone for a minute only."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from runtime_core.agent import RuntimeAgent
from runtime_core.options import RuntimeAgentOptions, RuntimeCapabilities
from runtime_core.ports import ArtifactStore, Clock, IdSource, Store
from runtime_schema.ids import RuntimeSessionId

from .system import RandomIds, SystemClock

LOST_AFTER_MS = 60_000
SUFFIX_CHARACTERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserRuntimeOptions:
    """Who the agent is, and its bounds; None means the default, which for all but the first three is the core's.

    Args:
        client_id: The authenticated user; must be the store's.
        runtime_id: By default `browser-` and 8 characters that nobody else has.
        runtime_type: By default `python`.
        lost_after_ms: By default 60,000.
        session_id, info, ready_timeout_s, cancel_grace_s, receipt_timeout_s, inline_limit_bytes: As the core's.
    """

    client_id: str
    runtime_id: str | None = None
    runtime_type: str | None = None
    lost_after_ms: int | None = None
    session_id: RuntimeSessionId | None = None
    info: Mapping[str, str] | None = None
    ready_timeout_s: float | None = None
    cancel_grace_s: float | None = None
    receipt_timeout_s: float | None = None
    inline_limit_bytes: int | None = None


def create_browser_runtime_agent(
    store: Store,
    capabilities: RuntimeCapabilities,
    options: BrowserRuntimeOptions,
    *,
    artifacts: ArtifactStore,
    clock: Clock | None = None,
    ids: IdSource | None = None,
) -> RuntimeAgent:
    """Make an agent that has not started and has no handler yet.

    Args:
        store: Lent; such as a `PortStore`.
        capabilities: The cells it takes.
        options: Who it is, and its bounds.
        artifacts: Keeps large outputs; such as `PortArtifacts`.
        clock, ids: By default this worker's.

    Raises:
        InvalidOptionError: An option that cannot work, or a `client_id` that is not the store's.
    """
    ids = ids or RandomIds()
    usual: dict[str, Any] = {  # Any: values of the options' own types
        "runtime_id": f"browser-{ids.new_id()[-SUFFIX_CHARACTERS:]}",  # the end of a UUID 7 is random, its beginning is the time
        "runtime_type": "python",
        "lost_after_ms": LOST_AFTER_MS,
    }
    told = {field.name: getattr(options, field.name) for field in fields(options)}
    chosen = usual | {name: value for name, value in told.items() if value is not None}
    return RuntimeAgent(store, capabilities, RuntimeAgentOptions(**chosen), artifacts=artifacts, clock=clock or SystemClock(), ids=ids)
