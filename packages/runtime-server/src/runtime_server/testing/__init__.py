"""What tests of a server need: an event log in memory, a manual clock, a raw client, and the checks that every event log passes."""

from .conformance import check_event_log
from .manual_clock import ManualClock
from .memory_log import InMemoryEventLog, LogContents
from .raw_client import RawClient

__all__ = ["InMemoryEventLog", "LogContents", "ManualClock", "RawClient", "check_event_log"]
