"""Handlers that need no platform: echo and html for trying things out, and the one that drives an engine."""

from .echo import echo
from .engine import EngineHandler, drive_engine
from .html import html

__all__ = ["EngineHandler", "drive_engine", "echo", "html"]
