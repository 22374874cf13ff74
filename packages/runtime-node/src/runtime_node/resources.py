"""What a process and its descendants use, as a page shows it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import final

import psutil

from runtime_schema.json_text import Json


@final
class ResourceMeter:
    """Measures one process tree; the share of a CPU counts from one measurement to the next.

    Args:
        pid: Its root.
        limit_bytes: How much memory it may have, to be shown beside what it has.
    """

    def __init__(self, pid: int, limit_bytes: int | None = None) -> None:
        self._pid = pid
        self._limit_bytes = limit_bytes
        self._known: dict[int, psutil.Process] = {}

    def measure(self) -> Mapping[str, Json]:
        """Give `rssBytes`, `cpuPercent` (100 is one core) and `limitBytes`; a process that ends meanwhile counts nothing."""
        rss_bytes, cpu_percent = 0, 0.0
        found: dict[int, psutil.Process] = {}
        with suppress(psutil.Error):
            root = self._known.get(self._pid) or psutil.Process(self._pid)
            for process in (root, *root.children(recursive=True)):
                same = self._known.get(process.pid, process)
                with suppress(psutil.Error):
                    rss_bytes += same.memory_info().rss
                    cpu_percent += same.cpu_percent()
                    found[process.pid] = same
        self._known = found
        return {"rssBytes": rss_bytes, "cpuPercent": round(cpu_percent, 1), "limitBytes": self._limit_bytes}
