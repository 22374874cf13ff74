"""The worker's JavaScript as Python sees it: strings out and in, and a way to block. `PyodideBridge` makes it of the object
that JavaScript hands over; everything else in this distribution knows the Protocol only.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, final

from .errors import PackageLoadError


class Bridge(Protocol):
    """One end of the port to the page, and the control buffer where there is one."""

    @property
    def isolated(self) -> bool:
        """Whether there is a control buffer: only then `wait`, `taken`, `target` and `take_reply` mean anything."""
        ...

    def post(self, text: str) -> None:
        """Send a message to the page; it is on its way when this returns."""
        ...

    def post_artifact(self, sha256: str, mime_type: str, data: bytes) -> None:
        """Send bytes to the page, in order with the messages."""
        ...

    def on_message(self, callback: Callable[[str], None]) -> None:
        """Call back with every message of the page from the first on, on the event loop. Called once."""
        ...

    async def load_imports(self, source: str) -> Sequence[str]:
        """Load the packages of the distribution that this source imports, and return their names.

        Raises:
            PackageLoadError: Some could not be.
        """
        ...

    def wait(self, ms: float) -> None:
        """Block the thread for so long, or until the page has written to the control buffer since the last wait."""
        ...

    def taken(self) -> int:
        """How many UTF-16 units of text the page has taken, modulo 2^31."""
        ...

    def target(self) -> int:
        """The number of the execution that the last interrupt was for."""
        ...

    def take_reply(self, request: int) -> tuple[str | None, str] | None:
        """The reply to an input request once it is there: the text, or None and why there is none."""
        ...


class Ffi(Protocol):
    """What this distribution uses of `pyodide.ffi`."""

    JsException: type[Exception]
    run_sync: Callable[[Awaitable[Any]], Any]  # Any: whatever is awaited gives
    can_run_sync: Callable[[], bool]


@final
class PyodideBridge(Bridge):
    """Makes plain Python values of what JavaScript gives, so that no proxy of an array lives on.

    Args:
        raw: JavaScript's object, with members of the same names.
        ffi: The module `pyodide.ffi`.
    """

    def __init__(self, raw: Any, ffi: Ffi) -> None:  # Any: a proxy of a JavaScript object
        self._raw = raw
        self._ffi = ffi
        self._isolated = bool(raw.isolated)
        self._post: Callable[[str], None] = raw.post  # looked up once: it is called for every write of user code

    @property
    def isolated(self) -> bool:
        return self._isolated

    def post(self, text: str) -> None:
        self._post(text)

    def post_artifact(self, sha256: str, mime_type: str, data: bytes) -> None:
        self._raw.post_artifact(sha256, mime_type, data)

    def on_message(self, callback: Callable[[str], None]) -> None:
        self._raw.on_message(callback)  # JavaScript keeps a copy, and destroys it when the worker's main is over

    async def load_imports(self, source: str) -> Sequence[str]:
        try:
            names = await self._raw.load_imports(source)
        except self._ffi.JsException as exc:
            raise PackageLoadError(str(exc).removeprefix("Error: ")) from exc
        return tuple(map(str, names))

    def wait(self, ms: float) -> None:
        self._raw.wait(ms)

    def taken(self) -> int:
        return int(self._raw.taken())

    def target(self) -> int:
        return int(self._raw.target())

    def take_reply(self, request: int) -> tuple[str | None, str] | None:
        reply = self._raw.take_reply(request)
        if not reply:  # None, or from Pyodide 0.28 on its `jsnull`
            return None
        text, problem = reply
        return (text if isinstance(text, str) else None), str(problem or "")
