"""Runs the commands of `!command`, with their output as it comes and in order with the cell's own.

A pseudo terminal makes programs write line by line; where there is none (Windows) IPython's own way is used.
"""

import codecs
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen

CHUNK = 65536
POLL_MS = 50
INTERRUPT_GRACE_S = 1.0

PROGRAMS_EXIST = sys.platform not in ("emscripten", "wasi")
"""Whether this platform can start programs. Pyodide has `os.fork` and all the rest, and each of them fails or waits for ever."""
NO_PROGRAMS = (
    "no program can be started here, Python is all there is: !commands, %%bash and %pip need a runtime on a host. "
    "In a page, packages are installed so: import micropip; await micropip.install('name')"
)


def terminals_exist() -> bool:
    """Whether this platform has pseudo terminals and processes."""
    return hasattr(os, "openpty") and hasattr(os, "fork")


def run_command(command: str, write: Callable[[str], object]) -> int:
    """Run a shell command to its end, giving its output and errors to `write`.

    An interrupt reaches the command as in a terminal, through the process group; after a grace time it is ended by force.

    Returns:
        The exit status; negative is the signal that ended it, as in `subprocess`.
    """
    import select  # hosts without processes never get here
    import subprocess

    master, slave = os.openpty()
    try:
        _disable_newline_translation(slave)
        process = subprocess.Popen(
            command, shell=True, executable=os.environ.get("SHELL") or None, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    readable = select.poll()
    readable.register(master, select.POLLIN)
    try:
        while True:
            ended = process.poll() is not None
            if readable.poll(0 if ended else POLL_MS):
                try:
                    chunk = os.read(master, CHUNK)
                except OSError:  # EIO: nobody holds the other end any more
                    chunk = b""
                if chunk:
                    write(decoder.decode(chunk))
                    continue
                process.wait()
                break
            if ended:  # a background process may keep the terminal open; the command itself is done
                break
    except BaseException:
        _end(process)
        raise
    finally:
        os.close(master)
        if rest := decoder.decode(b"", final=True):
            write(rest)
    return process.returncode


def _disable_newline_translation(slave: int) -> None:
    import termios  # POSIX only

    modes = termios.tcgetattr(slave)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, modes)


def _end(process: "Popen[bytes]") -> None:
    import subprocess

    for end in (None, process.terminate, process.kill):
        if end is not None:
            end()
        with suppress(subprocess.TimeoutExpired):
            process.wait(INTERRUPT_GRACE_S if end is None else INTERRUPT_GRACE_S / 2)
            return
