"""Real stores against a real server: they converge, survive its restart, and equal a replay of its log."""

import asyncio
from pathlib import Path

import apsw
import pytest

from runtime_schema.events import CellCreated, CellSourceSet
from runtime_schema.ids import CellId
from runtime_schema.queries import CELLS
from runtime_server import Server, ServerConfig
from runtime_store import connect


async def test_two_stores_converge_on_the_servers_order(tmp_path: Path) -> None:
    server = Server(ServerConfig(data_folder=tmp_path))
    await server.start()
    notebook, token = (await server.notebooks.create("N")).id, await server.create_token("t")
    ann, bob = [await connect(server.url, notebook, token=token) for _ in range(2)]
    await asyncio.gather(ann.synced(), bob.synced())
    await ann.commit(CellCreated(cell_id=CellId("c"), cell_type="code", position="a0", source=""))
    for n in range(100):
        ann.commit(CellSourceSet(cell_id=CellId("c"), source=f"ann {n}"))
        bob.commit(CellSourceSet(cell_id=CellId("c"), source=f"bob {n}"))
    await asyncio.gather(ann.wait_confirmed(), bob.wait_confirmed())
    await asyncio.gather(ann.synced(), bob.synced())
    late = await connect(server.url, notebook, token=token)
    await late.synced()
    assert late.status.head == 202
    assert late.dump(confirmed=True) == ann.dump(confirmed=True) == bob.dump(confirmed=True)
    for store in (ann, bob, late):
        assert await store.close() == 0
    await server.stop()


async def test_states_in_memory_are_not_planned_anew_for_each_value(tmp_path: Path) -> None:
    opened: list[apsw.Connection] = []
    apsw.connection_hooks.append(opened.append)
    try:
        server = Server(ServerConfig(data_folder=tmp_path))
        await server.start()
        await server.notebooks.export_file((await server.notebooks.create("N")).id)
    finally:
        apsw.connection_hooks.remove(opened.append)
    assert [db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1) for db in opened if not db.filename] == [1]
    await server.stop()


@pytest.mark.slow
async def test_a_store_goes_on_after_the_servers_restart(tmp_path: Path) -> None:
    first = Server(ServerConfig(data_folder=tmp_path))
    await first.start()
    notebook, token = (await first.notebooks.create("N")).id, await first.create_token("t")
    store = await connect(first.url, notebook, token=token)
    await store.synced()
    await first.stop()
    receipt = store.commit(CellCreated(cell_id=CellId("c"), cell_type="code", position="a0", source="while away"))
    second = Server(ServerConfig(data_folder=tmp_path, port=first.port))
    await second.start()
    assert await receipt == (2, True)
    assert [cell.source for cell in store.query(CELLS, confirmed=True)] == ["while away"]
    assert await store.close() == 0
    await second.stop()
