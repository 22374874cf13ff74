"""The runtime agent: watches a store, runs what is assigned to it, commits the outputs."""

from .agent import RuntimeAgent
from .context import Cell, ExecutionContext, MarkdownOutput, RuntimeHandler
from .decide import Phase
from .errors import (
    AgentStateError,
    ArtifactUnavailableError,
    EngineDiedError,
    EngineStartError,
    ExecutionCancelledError,
    InputUnavailableError,
    InvalidOptionError,
    QuestionError,
    RejectedError,
    RuntimeCoreError,
    SessionEndedError,
    SessionRefusedError,
)
from .execution import Cancellation, CancellationHandler
from .handlers import EngineHandler, drive_engine, echo, html
from .log import Logger
from .media import make_bundle
from .options import CoalesceOptions, RuntimeAgentOptions, RuntimeCapabilities
from .ports import Applied, ArtifactStore, Clock, Engine, EngineSink, IdSource, LiveHandler, LiveMessage, Store, StoreStatus, Unsubscribe
from .upkeep import Lifecycle

__all__ = [
    "AgentStateError",
    "Applied",
    "ArtifactStore",
    "ArtifactUnavailableError",
    "Cancellation",
    "CancellationHandler",
    "Cell",
    "Clock",
    "CoalesceOptions",
    "Engine",
    "EngineDiedError",
    "EngineHandler",
    "EngineSink",
    "EngineStartError",
    "ExecutionCancelledError",
    "ExecutionContext",
    "IdSource",
    "InputUnavailableError",
    "InvalidOptionError",
    "Lifecycle",
    "LiveHandler",
    "LiveMessage",
    "Logger",
    "MarkdownOutput",
    "Phase",
    "QuestionError",
    "RejectedError",
    "RuntimeAgent",
    "RuntimeAgentOptions",
    "RuntimeCapabilities",
    "RuntimeCoreError",
    "RuntimeHandler",
    "SessionEndedError",
    "SessionRefusedError",
    "Store",
    "StoreStatus",
    "Unsubscribe",
    "drive_engine",
    "echo",
    "html",
    "make_bundle",
]
