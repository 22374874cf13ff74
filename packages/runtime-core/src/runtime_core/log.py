"""Structured logging on the standard library's: a short event and key=value fields, by named loggers.

A record has both apart as well, as `event` and `fields`. Nothing is configured here. Source, output, input and passwords
of people are never fields; ids and sizes are.
"""

import logging

Field = str | int | float | bool | None


class Logger:
    """A named logger with fields that every line carries."""

    def __init__(self, name: str, **fields: Field) -> None:
        self._logger = logging.getLogger(name)
        self._name = name
        self._fields = fields

    def bind(self, **fields: Field) -> "Logger":
        """Make a logger whose lines also carry these fields."""
        return Logger(self._name, **{**self._fields, **fields})

    def debug(self, event: str, **fields: Field) -> None:
        """Log what only a developer needs."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Field) -> None:
        """Log a step of the agent's life."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Field) -> None:
        """Log what went wrong and was dealt with."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, exc: BaseException | None = None, **fields: Field) -> None:
        """Log what ends something, with the traceback of `exc`."""
        self._write(logging.ERROR, event, fields, exc)

    def _write(self, level: int, event: str, fields: dict[str, Field], exc: BaseException | None = None) -> None:
        if self._logger.isEnabledFor(level):
            told = {**self._fields, **fields}
            line = " ".join((event, *(f"{key}={_show(value)}" for key, value in told.items())))
            self._logger.log(level, "%s", line, exc_info=exc, extra={"event": event, "fields": told})


def _show(value: Field) -> str:
    text = str(value)
    return text if text and text.isprintable() and not set(text) & {" ", '"', "="} else repr(text)
