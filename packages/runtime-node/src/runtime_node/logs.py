"""Logs of a process: one line each on stderr, `time level logger event key=value …` or a JSON object.

What may stand in a line is decided where it is written; nothing here or there logs tokens, source or output.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, final

LEVELS = ("debug", "info", "warning", "error")


@final
class LineFormatter(logging.Formatter):
    """One line a record, however many its message has; a traceback only when the level is debug."""

    def __init__(self, *, tracebacks: bool) -> None:
        super().__init__()
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """Write the record."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = " ".join(record.getMessage().split("\n"))
        line = f"{time} {record.levelname.lower()} {record.name} {message}"
        if record.exc_info is None or record.exc_info[1] is None:
            return line
        problem = record.exc_info[1]
        if self._tracebacks:
            return f"{line}\n{self.formatException(record.exc_info)}"
        return f"{line}: {type(problem).__name__}: {one_line(str(problem))}"


@final
class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, event, the event's fields, and the error with its traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record; what other libraries log is its message, with no fields."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event: str = getattr(record, "event", "") or record.getMessage()
        line: dict[str, object] = {"time": time, "level": record.levelname.lower(), "logger": record.name, "event": event}
        line |= {name: value for name, value in getattr(record, "fields", {}).items() if name not in line}
        if record.exc_info is not None and record.exc_info[1] is not None:
            line |= {"error": repr(record.exc_info[1]), "traceback": self.formatException(record.exc_info)}
        return json.dumps(line, ensure_ascii=False)


def one_line(text: str) -> str:
    """Shorten what a program wrote before it failed to a line: where it begins, and the last words, which say why."""
    lines = text.strip().splitlines()
    if len(lines) < 2:
        return text.strip()
    return f"{lines[0].removesuffix('Traceback (most recent call last):').rstrip(': ')}: {lines[-1]}"


def silence_logs() -> None:
    """Let this process write no logs, not even of errors: whoever runs it tells of them in another way."""
    logging.getLogger().addHandler(logging.NullHandler())


def set_up_logs(level: str, form: Literal["text", "json"] = "text") -> None:
    """Send this process's logs to stderr from `level` on; other libraries' from warning on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else LineFormatter(tracebacks=level == "debug"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("runtime_core", "runtime_node", "runtime_store", "runtime_server", "runt"):
        logging.getLogger(name).setLevel(level.upper())
