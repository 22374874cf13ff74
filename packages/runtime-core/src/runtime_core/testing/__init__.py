"""The public testing kit: fakes that pass the checks of their ports, and the checks. Plain asserts, no test framework.

Everything here also runs inside Pyodide, whose `sqlite3` must be loaded before.
"""

from .checks import (
    EngineSamples,
    RecordingSink,
    check_agent,
    check_artifact_store,
    check_engine,
    check_replicas,
    check_store,
)
from .fakes import CountingIds, InMemoryArtifacts, ManualClock, settle
from .memory_store import InMemoryBackend, InMemoryStore
from .scenario import Person, Scenario
from .scripted_engine import Script, ScriptedEngine, ScriptRun

__all__ = [
    "CountingIds",
    "EngineSamples",
    "InMemoryArtifacts",
    "InMemoryBackend",
    "InMemoryStore",
    "ManualClock",
    "Person",
    "RecordingSink",
    "Scenario",
    "Script",
    "ScriptRun",
    "ScriptedEngine",
    "check_agent",
    "check_artifact_store",
    "check_engine",
    "check_replicas",
    "check_store",
    "settle",
]
