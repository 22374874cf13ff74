"""How an agent's process ends, as numbers that whoever started it can act on. They are part of the public interface."""

from enum import IntEnum
from typing import final


@final
class ExitCode(IntEnum):
    """Exit status of `runt agent`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    DISPLACED = 4
    EVICTED = 5
    UNAUTHORIZED = 6
    ENGINE = 7
    FORCED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "it was asked to stop, and did",
    ExitCode.FAILED: "something unexpected; the last line says what",
    ExitCode.USAGE: "flags, environment or configuration file cannot work",
    ExitCode.REFUSED: "the notebook has another active runtime, and this one was not started with --take-over",
    ExitCode.DISPLACED: "another runtime took over",
    ExitCode.EVICTED: "a person removed it from the notebook",
    ExitCode.UNAUTHORIZED: "the server does not accept the token or the client id",
    ExitCode.ENGINE: "what runs the code could not start",
    ExitCode.FORCED: "it was told to stop a second time and left at once",
}
"""What each means, for people."""
