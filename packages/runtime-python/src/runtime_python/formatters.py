"""Which representations a value has, without asking eleven formatters about those that can have none but text.

Most results are numbers, strings and containers. Instances of built-in types carry no `_repr_…_` methods, so only a formatter that
somebody registered for such a type could show one otherwise.
"""

# IPython is typed in part only:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any, final

from IPython.core.formatters import DisplayFormatter

TEXT = "text/plain"
_BUILT_IN = frozenset({bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range})


@final
class QuickFormatter(DisplayFormatter):
    """IPython's formatter, which gives the same bundles."""

    def format(self, obj: Any, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give the representations of a value and their metadata, each by MIME type."""
        text = self.formatters[TEXT]
        if type(obj) in _BUILT_IN and include is None and exclude is None and text.enabled and not self._is_registered(obj):
            shown = text(obj)
            return ({} if shown is None else {TEXT: shown}), {}
        return super().format(obj, include=include, exclude=exclude)

    def _is_registered(self, obj: object) -> bool:
        """Tell whether a formatter of richer types knows the value, its type, or one that this is derived from."""
        kinds = type(obj).__mro__
        for name, formatter in (("", self.ipython_display_formatter), ("", self.mimebundle_formatter), *self.formatters.items()):
            if name == TEXT:
                continue
            if id(obj) in formatter.singleton_printers or not formatter.type_printers.keys().isdisjoint(kinds):
                return True
            deferred = formatter.deferred_printers
            if deferred and any((kind.__module__, kind.__name__) in deferred for kind in kinds):
                return True
        return False
