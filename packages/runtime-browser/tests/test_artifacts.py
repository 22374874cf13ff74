"""Large outputs on their way to the page."""

import pytest

from runtime_browser import ArtifactUnavailableError, PortArtifacts
from runtime_browser.testing import FakeBridge
from runtime_core.testing import check_artifact_store

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


async def test_it_is_an_artifact_store() -> None:
    async def make() -> PortArtifacts:
        return PortArtifacts(FakeBridge())

    await check_artifact_store(make)


async def test_bytes_are_with_the_page_when_put_returns_and_only_once() -> None:
    bridge = FakeBridge()
    artifacts = PortArtifacts(bridge)
    assert artifacts.put(b"hello", "text/plain") == HELLO
    assert artifacts.put(b"hello", "text/plain") == HELLO
    assert bridge.artifacts == {HELLO: ("text/plain", b"hello")}
    assert len(bridge.posted) == 1


async def test_what_is_kept_here_is_bounded() -> None:
    artifacts = PortArtifacts(FakeBridge(), kept_bytes=10)
    first = artifacts.put(b"hello", "text/plain")
    second = artifacts.put(b"world!", "text/plain")
    assert await artifacts.get(second) == b"world!"
    with pytest.raises(ArtifactUnavailableError, match="no longer kept in the worker"):
        await artifacts.get(first)
    larger = artifacts.put(b"larger than all", "text/plain")
    with pytest.raises(ArtifactUnavailableError):
        await artifacts.get(larger)
