"""How chart libraries show their charts unless user code says otherwise: as data that pages draw, not as HTML that loads code from the web.

plotly reads `PLOTLY_RENDERER`, which the engine sets.
"""

from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

from .on_import import OnImport


def show_charts_as_data() -> Sequence[OnImport]:
    """Set the default of libraries that only take it after their import; the caller closes what it gets."""
    return OnImport("altair", _as_data), OnImport("plotly.io._renderers", _without_nbformat)


def _as_data(altair: ModuleType) -> None:
    renderers: Any = getattr(altair, "renderers", None)
    if renderers is not None and renderers.active == "default":
        renderers.enable("mimetype")


def _without_nbformat(renderers: ModuleType) -> None:
    # plotly shows no data unless nbformat is installed, and asks it for nothing but its version
    if getattr(renderers, "nbformat", "") is None:
        renderers.nbformat = SimpleNamespace(__version__="5.0.0")  # type: ignore[attr-defined]  # plotly's own name
