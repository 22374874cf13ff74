"""What a runtime agent is told when it is made: who it is, what it runs, and its bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime_schema.events import CellType
from runtime_schema.ids import ID_PATTERN, RuntimeSessionId, is_id
from runtime_schema.media import INLINE_LIMIT_BYTES

from .errors import InvalidOptionError

DAY_MS = 24 * 60 * 60 * 1000
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeCapabilities:
    """Which cells the runtime executes."""

    execute_code: bool = True
    execute_sql: bool = False
    execute_ai: bool = False

    @property
    def cell_types(self) -> tuple[CellType, ...]:
        """The cell types it takes, as `RuntimeSessionStarted` names them."""
        flags: tuple[tuple[CellType, bool], ...] = (("code", self.execute_code), ("sql", self.execute_sql), ("ai", self.execute_ai))
        return tuple(cell_type for cell_type, wanted in flags if wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalesceOptions:
    """How often and how much text becomes an event.

    Text that goes on and on slows from `min_interval_s` to `max_interval_s`; `quiet_s` without any makes it fast again.
    `chunk_bytes` bounds the text of one event, as JSON.
    """

    min_interval_s: float = 0.016
    max_interval_s: float = 0.1
    quiet_s: float = 0.5
    chunk_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeAgentOptions:
    """Identity and bounds of one agent.

    Args:
        runtime_id: Stays the same over restarts on the same place; an automatic start replaces only its own kind.
        runtime_type: `python`, `echo`, …
        client_id: The authenticated user; must be the store's.
        session_id: Id of the first session; by default a new one.
        info: Facts about the runtime to show people.
        lost_after_ms: How long the connection may be gone before running work is given up (a page: 60,000).
        ready_timeout_s: How long an engine may take to come up.
        cancel_grace_s: How long a cancelled execution may take to end before the engine is restarted.
        execution_timeout_s: How long one execution may run before it is interrupted, and ends in an error; None is for ever.
        receipt_timeout_s: How long a shutdown waits until the authority has heard of it.
        coalesce: How text becomes events.
        inline_limit_bytes: Larger representations become artifacts.
        unconfirmed_limit_bytes: An engine is told to wait above so much output that is not yet confirmed.
        offline_limit_bytes: The same while there is no connection: so much waits here, and the cell runs on.
        patience_s: How long an engine waits when nothing is confirmed; then outputs are dropped, and a note says so.
    """

    runtime_id: str
    runtime_type: str
    client_id: str
    session_id: RuntimeSessionId | None = None
    info: Mapping[str, str] = field(default_factory=dict[str, str])
    lost_after_ms: int = DAY_MS
    ready_timeout_s: float = 300
    cancel_grace_s: float = 5
    execution_timeout_s: float | None = None
    receipt_timeout_s: float = 5
    coalesce: CoalesceOptions = field(default_factory=CoalesceOptions)
    inline_limit_bytes: int = INLINE_LIMIT_BYTES
    unconfirmed_limit_bytes: int = MIB
    offline_limit_bytes: int = 64 * MIB
    patience_s: float = 60

    def __post_init__(self) -> None:
        """Refuse what the schema would refuse later.

        Raises:
            InvalidOptionError: Names the option.
        """
        for name in ("runtime_id", "session_id"):
            value = getattr(self, name)
            if value is not None and not is_id(value):
                raise InvalidOptionError(name, f"{value!r} must match {ID_PATTERN}")
        for name in ("runtime_type", "client_id"):
            if not getattr(self, name):
                raise InvalidOptionError(name, "must not be empty")
        for name in ("lost_after_ms", "ready_timeout_s", "cancel_grace_s", "execution_timeout_s", "receipt_timeout_s", "patience_s"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InvalidOptionError(name, "must be more than 0")
