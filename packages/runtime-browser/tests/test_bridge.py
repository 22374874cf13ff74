"""JavaScript's values become plain ones."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from runtime_browser import Ffi, PackageLoadError, PyodideBridge


class JsArray:
    """An array of JavaScript: it can be gone through, and has none of a tuple's methods."""

    def __init__(self, *values: Any) -> None:
        self._values = values

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)


class JsNull:
    def __bool__(self) -> bool:
        return False


class JavaScriptError(Exception):
    pass


class World(Ffi):
    """JavaScript's object and the module that speaks to it."""

    JsException = JavaScriptError
    isolated = True

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.replies: list[Any] = []
        self.packages: list[str] | None = []
        self.run_sync: Callable[[Awaitable[Any]], Any] = asyncio.ensure_future
        self.can_run_sync: Callable[[], bool] = lambda: False

    def post(self, text: str) -> None:
        self.calls.append(("post", text))

    def post_artifact(self, *given: Any) -> None:
        self.calls.append(("post_artifact", *given))

    def on_message(self, callback: Any) -> None:
        self.calls.append(("on_message", callback))

    async def load_imports(self, source: str) -> JsArray:
        if self.packages is None:
            raise JavaScriptError("Error: numpy is not in this distribution")
        return JsArray(*self.packages)

    def wait(self, ms: float) -> None:
        self.calls.append(("wait", ms))

    def taken(self) -> float:
        return 7.0

    def target(self) -> float:
        return 3.0

    def take_reply(self, _: int) -> Any:
        return self.replies.pop(0)


def test_calls_go_through() -> None:
    world = World()
    bridge = PyodideBridge(world, world)
    bridge.post("Thello")
    bridge.post_artifact("abc", "image/png", b"123")
    bridge.wait(5)
    bridge.on_message(print)
    assert world.calls == [("post", "Thello"), ("post_artifact", "abc", "image/png", b"123"), ("wait", 5), ("on_message", print)]
    assert (bridge.isolated, bridge.taken(), bridge.target()) == (True, 7, 3)


def test_replies_are_plain_whatever_stands_for_nothing() -> None:
    world = World()
    bridge = PyodideBridge(world, world)
    world.replies = [None, JsNull(), JsArray("Ada", None), JsArray(JsNull(), "nobody is there")]
    assert [bridge.take_reply(1) for _ in range(4)] == [None, None, ("Ada", ""), (None, "nobody is there")]


async def test_names_of_packages_are_plain() -> None:
    world = World()
    world.packages = ["numpy", "pandas"]
    assert await PyodideBridge(world, world).load_imports("import pandas") == ("numpy", "pandas")


async def test_a_failure_of_javascript_is_ours() -> None:
    world = World()
    world.packages = None
    with pytest.raises(PackageLoadError, match="could be loaded: numpy is not in this distribution"):
        await PyodideBridge(world, world).load_imports("import numpy")
