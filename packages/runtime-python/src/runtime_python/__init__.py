"""The IPython engine, the same on a host and in a browser."""

from .engine import ENVIRONMENT, IPythonEngine
from .interrupts import Interrupts, uninterruptible
from .introspect import Completions
from .streams import BufferedOutput

__all__ = ["ENVIRONMENT", "BufferedOutput", "Completions", "IPythonEngine", "Interrupts", "uninterruptible"]
