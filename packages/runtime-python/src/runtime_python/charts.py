"""How chart libraries show their charts unless user code says otherwise: as data that pages draw, not as HTML that loads code from the web.

plotly reads `PLOTLY_RENDERER`, which the engine sets.
"""

from types import ModuleType
from typing import Any

from .on_import import OnImport


def show_charts_as_data() -> OnImport:
    """Set the default of libraries that only take it after their import; the caller closes what it gets."""
    return OnImport("altair", _as_data)


def _as_data(altair: ModuleType) -> None:
    renderers: Any = getattr(altair, "renderers", None)
    if renderers is not None and renderers.active == "default":
        renderers.enable("mimetype")
