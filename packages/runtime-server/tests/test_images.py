"""Images of a notebook's state: when they are made, who is offered one, and that each equals a replay."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from runtime_schema.events import CellCreated, CellSourceSet
from runtime_schema.hashes import RULES_HASH, SCHEMA_HASH
from runtime_schema.ids import CellId
from runtime_schema.queries import CELLS
from runtime_server import Server, ServerConfig
from runtime_server.images import Image, ImageFolder
from runtime_server.imaging import GROWN_BYTES, QUIET_BYTES, QUIET_S, Imaging
from runtime_server.testing import ManualClock, RawClient
from runtime_store import connect

BOB = CellId("bob")


class Site:
    """A server whose time the test moves, and a notebook on it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.folder = folder
        self.server = Server(ServerConfig(data_folder=folder, monotonic_s=self.clock.monotonic_s, now_ms=self.clock.now_ms, tick_s=3600))

    async def start(self) -> None:
        await self.server.start()
        self.token = await self.server.create_token("test")
        self.notebook = (await self.server.notebooks.create("N")).id
        self.http = httpx.AsyncClient(base_url=self.server.url, headers={"Authorization": f"Bearer {self.token}"})

    async def restart(self) -> None:
        await self.server.stop()
        self.server = Server(self.server.config)
        await self.server.start()
        await self.http.aclose()
        self.http = httpx.AsyncClient(base_url=self.server.url, headers={"Authorization": f"Bearer {self.token}"})

    async def stop(self) -> None:
        await self.http.aclose()
        await self.server.stop()

    async def edit(self, count: int, size: int = 1_000) -> None:
        """Record that many edits of one cell."""
        host = await self.server.rooms.open(self.notebook)
        assert host is not None
        await host.commit([CellCreated(cell_id=BOB, cell_type="code", position="a0", source="")])
        await host.commit([CellSourceSet(cell_id=BOB, source=f"{place}" + "x" * size) for place in range(count)])

    async def quiet(self) -> Image | None:
        """Leave the notebook alone for a while; gives the image there is then."""
        host = await self.server.rooms.open(self.notebook)
        assert host is not None
        await host.follow_ups()
        self.clock.advance(QUIET_S)
        self.server.rooms.tick()
        await host.follow_ups()
        return host.room.image

    def client(self, session: str = "s1") -> RawClient:
        return RawClient(self.server.url, self.notebook, self.token, session, greet=False)


def hello(*, rules: str = RULES_HASH, snapshot: bool = True) -> dict[str, object]:
    return {"t": "hello", "session": "s1", "rules": rules, "schema": SCHEMA_HASH, "snapshot": snapshot}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def test_a_client_that_asks_is_offered_the_image_and_its_bytes(site: Site) -> None:
    await site.edit(100)
    image = await site.quiet()
    assert image is not None
    async with site.client() as client:
        await client.send(hello())
        offered = (await client.receive("welcome"))["snapshot"]
        assert offered == {
            "seq": 102,
            "url": f"/api/notebooks/{site.notebook}/images/{image.sha256}",
            "sizeBytes": image.size_bytes,
            "sha256": image.sha256,
        }
        await client.send({"t": "from", "head": 102})
    answer = await site.http.get(offered["url"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.sqlite3")
    assert answer.headers["cache-control"] == "private, immutable, max-age=31536000"
    assert hashlib.sha256(answer.content).hexdigest() == image.sha256
    assert answer.content[18:20] == b"\x01\x01", "a rollback-journal header, which every SQLite opens"


@pytest.mark.parametrize("told", [hello(rules="0" * 16), hello(snapshot=False)])
async def test_an_image_is_only_for_clients_that_ask_by_the_same_rules(site: Site, told: dict[str, object]) -> None:
    await site.edit(100)
    assert await site.quiet() is not None
    async with site.client() as client:
        await client.send(told)
        assert "snapshot" not in await client.receive("welcome")


async def test_a_client_that_is_ahead_of_the_image_is_offered_none(site: Site) -> None:
    await site.edit(100)
    await site.quiet()
    async with site.client() as client:
        host = await site.server.rooms.open(site.notebook)
        assert host is not None
        opened = await site.server.notebooks.log.open_store(site.notebook)
        assert opened is not None
        await client.send(hello() | {"backend": opened.backend, "head": 102})
        assert "snapshot" not in await client.receive("welcome")


async def test_an_image_of_another_notebook_or_a_wrong_name_is_not_found(site: Site) -> None:
    await site.edit(100)
    image = await site.quiet()
    assert image is not None
    other = (await site.server.notebooks.create("Other")).id
    assert (await site.http.get(f"/api/notebooks/{other}/images/{image.sha256}")).status_code == 404
    assert (await site.http.get(f"/api/notebooks/{site.notebook}/images/{'0' * 64}")).status_code == 404
    assert (await site.http.get(f"/api/notebooks/{site.notebook}/images/..%2f")).status_code in (400, 404)


async def test_a_store_that_begins_at_the_image_equals_one_that_replays(site: Site) -> None:
    await site.edit(100)
    await site.quiet()
    whole = await connect(site.server.url, site.notebook, token=site.token)
    await whole.synced()
    assert [cell.source for cell in whole.query(CELLS)] == ["99" + "x" * 1_000]
    replayed = await whole.at(whole.status.head)
    assert whole.dump() == replayed.dump()
    replayed.close()
    await whole.close()


async def test_a_long_log_gets_an_image_at_once_and_the_second_newest_stays(site: Site) -> None:
    host = await site.server.rooms.open(site.notebook)
    assert host is not None
    for _ in range(3):
        await site.edit(60, GROWN_BYTES // 50)
        await host.follow_ups()
    images = ImageFolder(site.folder / "images").all(site.notebook)
    assert [image.seq > 60 for image in images] == [True, True]
    assert images[0] == host.room.image


async def test_a_restarted_server_offers_the_image_and_makes_the_next_one(site: Site) -> None:
    await site.edit(100)
    before = await site.quiet()
    await site.restart()
    host = await site.server.rooms.open(site.notebook)
    assert host is not None
    assert host.room.image == before
    await site.edit(100)
    after = await site.quiet()
    assert after is not None
    assert before is not None
    assert after.seq > before.seq


Damage = Callable[[bytes], bytes | None]
DAMAGES: list[Damage] = [lambda _: b"", lambda data: data[:-1], lambda data: b"x" * len(data), lambda _: None]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_or_missing_image_is_left_out_with_a_reason(site: Site, damage: Damage, caplog: pytest.LogCaptureFixture) -> None:
    await site.edit(100)
    image = await site.quiet()
    assert image is not None
    path = ImageFolder(site.folder / "images").path(site.notebook, image.sha256)
    assert path is not None
    data = damage(path.read_bytes())
    path.unlink() if data is None else path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        store = await connect(site.server.url, site.notebook, token=site.token)
        await store.synced()
        assert store.status.head == 102
        assert len(store.query(CELLS)) == 1
        exported = await site.http.get(f"/api/notebooks/{site.notebook}/export")
    assert exported.status_code == 200
    assert "the log is replayed from its beginning" in caplog.text
    await store.close()


async def test_a_deleted_notebook_leaves_no_image(site: Site) -> None:
    await site.edit(100)
    await site.quiet()
    assert (site.folder / "images" / site.notebook).exists()
    await site.server.notebooks.delete(site.notebook)
    assert not (site.folder / "images" / site.notebook).exists()


async def test_export_at_a_seq_gives_the_notebook_as_it_was(site: Site) -> None:
    await site.edit(100)
    await site.quiet()
    path = f"/api/notebooks/{site.notebook}/export"
    old = (await site.http.get(path, params={"seq": 5})).json()
    assert old["cells"][0]["source"] == ["2" + "x" * 1_000]
    assert (await site.http.get(path)).json()["cells"][0]["source"] == ["99" + "x" * 1_000]
    assert (await site.http.get(path, params={"seq": 0})).json()["cells"] == []
    assert (await site.http.get(path, params={"seq": 103})).json()["message"] == (
        "this notebook has 102 events, there is no state after event 103"
    )
    assert (await site.http.get(path, params={"seq": "yesterday"})).status_code == 400


async def test_history_gives_events_in_pages_with_their_times(site: Site) -> None:
    await site.edit(3, 0)
    path = f"/api/notebooks/{site.notebook}/history"
    page = (await site.http.get(path, params={"limit": 2})).json()
    assert page["head"] == 5
    assert [(event["seq"], event["name"]) for event in page["events"]] == [(1, "v1.NotebookMetadataSet"), (2, "v1.CellCreated")]
    rest = (await site.http.get(path, params={"after": 2})).json()["events"]
    assert [event["args"] for event in rest] == [{"cellId": "bob", "source": f"{place}"} for place in range(3)]
    assert {(event["clientId"], event["recordedMs"]) for event in rest} == {("server", site.clock.now_ms())}
    assert (await site.http.get(path, params={"after": 5})).json() == {"head": 5, "events": []}
    assert (await site.http.get(path, params={"after": -1})).status_code == 400
    assert (await site.http.get(path, params={"limit": 1001})).status_code == 400
    assert (await site.http.get("/api/notebooks/nowhere/history")).status_code == 404


class Making:
    """An image maker that the test lets go on."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.error: OSError | None = None

    async def __call__(self) -> Image:
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return Image(7, "a" * 64, 10)


def test_an_image_is_due_when_the_log_has_grown_and_to_a_quarter_of_the_image() -> None:
    assert not Imaging(None, Making(), 0).grew(GROWN_BYTES - 1, 0)
    assert Imaging(None, Making(), 0).grew(GROWN_BYTES, 0)
    large = Imaging(Image(1, "a", 8 * GROWN_BYTES), Making(), 0)
    assert not large.grew(2 * GROWN_BYTES - 1, 0)
    assert large.grew(1, 0)


def test_an_image_is_due_when_the_log_was_left_alone() -> None:
    imaging = Imaging(None, Making(), 0)
    imaging.grew(QUIET_BYTES, 1)
    assert not imaging.is_due(1 + QUIET_S / 2)
    assert imaging.is_due(1 + QUIET_S)
    short = Imaging(None, Making(), 0)
    short.grew(QUIET_BYTES - 1, 1)
    assert not short.is_due(1 + QUIET_S)


async def test_one_image_at_a_time_and_what_came_meanwhile_counts_for_the_next() -> None:
    making = Making()
    imaging = Imaging(None, making, 0)
    assert imaging.grew(GROWN_BYTES, 0)
    running = asyncio.create_task(imaging.run())
    await asyncio.sleep(0)
    assert not imaging.grew(GROWN_BYTES - 1, 0)
    making.go.set()
    await running
    assert imaging.newest == Image(7, "a" * 64, 10)
    assert imaging.grew(1, 0)


async def test_a_disk_that_refuses_an_image_is_asked_again_when_the_log_has_grown(caplog: pytest.LogCaptureFixture) -> None:
    making = Making()
    making.error = OSError("no space")
    making.go.set()
    imaging = Imaging(None, making, 0)
    assert imaging.grew(GROWN_BYTES, 0)
    await imaging.run()
    assert "no image was made: no space" in caplog.text
    assert not imaging.grew(1, 0)
    assert imaging.grew(GROWN_BYTES, 0)


def test_a_folder_keeps_two_images_of_these_rules_and_newer_ones_of_others(tmp_path: Path) -> None:
    ours, theirs = ImageFolder(tmp_path, "1" * 16), ImageFolder(tmp_path, "2" * 16)
    theirs.put("nb", 1, b"old")
    newer = theirs.put("nb", 9, b"newer")
    images = [ours.put("nb", seq, b"%d" % seq) for seq in (2, 3, 4)]
    assert ours.all("nb") == [images[2], images[1]]
    assert theirs.all("nb") == [newer]
    assert ours.read("nb", images[2]) == b"4"
    assert ours.read("nb", images[0]) is None
    assert ours.all("other") == []
