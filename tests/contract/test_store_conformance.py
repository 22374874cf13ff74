"""The Python store passes the core's checks of its port: alone in memory, alone in a file, and following a backend."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from runtime_core.ports import Store as StorePort
from runtime_core.testing import check_replicas, check_store
from runtime_store import Store, connect, open_local
from runtime_store.testing import InMemoryBackend, InMemoryServer


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


async def follow(stack: AsyncExitStack, url: str, path: Path | None = None) -> Store:
    store = await connect(url, "nb", path=path)
    stack.push_async_callback(store.close)
    await store.synced()
    return store


async def serve(stack: AsyncExitStack) -> str:
    server = InMemoryServer(InMemoryBackend())
    await server.start()
    stack.push_async_callback(server.stop)
    return server.url


@pytest.mark.parametrize("kept", ["in memory", "in a file"])
async def test_a_store_that_is_its_own_authority_is_a_store(stack: AsyncExitStack, tmp_path: Path, kept: str) -> None:
    async def make() -> StorePort:
        store = open_local("local", tmp_path / "n.store" if kept == "in a file" else None)
        stack.push_async_callback(store.close)
        return store

    await check_store(make)


@pytest.mark.parametrize("kept", ["in memory", "in a file"])
async def test_a_store_that_follows_a_backend_is_a_store(stack: AsyncExitStack, tmp_path: Path, kept: str) -> None:
    url = await serve(stack)

    async def make() -> StorePort:
        return await follow(stack, url, tmp_path / "n.store" if kept == "in a file" else None)

    await check_store(make)


@pytest.mark.parametrize("kept", ["in memory", "in files"])
async def test_two_stores_that_follow_a_backend_are_replicas(stack: AsyncExitStack, tmp_path: Path, kept: str) -> None:
    url = await serve(stack)

    async def make() -> tuple[StorePort, StorePort]:
        paths = (tmp_path / "1.store", tmp_path / "2.store") if kept == "in files" else (None, None)
        return await follow(stack, url, paths[0]), await follow(stack, url, paths[1])

    await check_replicas(make)
