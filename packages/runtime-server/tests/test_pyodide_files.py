"""The Python for pages: what the index says, how files are sent, which folders and addresses are taken."""

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from runtime_server import DistributionError
from runtime_server.distribution import OWN, Distribution, open_distribution
from runtime_server.distribution_routes import distribution_routes
from runtime_server.gate import Gate
from runtime_server.web_app import web_routes

HOSTS = frozenset({"x"})
BOOT = ("pyodide.asm.wasm", "python_stdlib.zip", "pyodide.asm.mjs", "pyodide.mjs", "pyodide-lock.json")
OURS: Mapping[str, bytes] = {name: f"our {name} ".encode() * 9 for name in (*BOOT, "site.tar")}
LOCK: dict[str, Any] = {
    "info": {"python": "3.12.7", "abi_version": "2024_0", "version": "0.27.7"},
    "packages": {"numpy": {"file_name": "numpy-2.whl"}, "pandas": {"file_name": "pandas-2.whl"}, "odd": {"file_name": "../secret"}},
}
OLD_BOOT = ["pyodide.asm.wasm", "python_stdlib.zip", "pyodide.asm.js", "pyodide.mjs", "pyodide-lock.json"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """What a build leaves."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name, content in OURS.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    built = {"version": "314.0.7", "python": "3.14.2", "abi": "2026_0", "hash": "abc", "boot": BOOT}
    (folder / "index.json").write_text(json.dumps({**built, "files": {name: len(content) for name, content in OURS.items()}}))
    return folder


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with a release of Pyodide 0.27, and one of the packages that its lock file names."""
    folder = tmp_path / "old"
    folder.mkdir()
    for name in (*OLD_BOOT, "numpy-2.whl", "private.txt"):
        (folder / name).write_text(f"old {name}")
    (folder / "pyodide-lock.json").write_text(json.dumps(LOCK))
    (tmp_path / "secret").write_text("secret")
    return folder


def index_of(distribution: Distribution) -> dict[str, Any]:
    assert distribution.index is not None
    return json.loads(distribution.index)


async def ask(distribution: Distribution, path: str, **headers: str) -> httpx.Response:
    app = Gate(Starlette(routes=[*distribution_routes(distribution), *web_routes()]), HOSTS, frozenset(), distribution.origin)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", headers=headers) as client:
        return await client.get(path)


async def test_index_tells_of_our_own_files(own: Path) -> None:
    answer = await ask(open_distribution(own=own), "/pyodide/index.json")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/json", "no-cache")
    assert answer.json() == {
        "version": "314.0.7",
        "python": "3.14.2",
        "base": "/pyodide/abc/",
        "boot": list(BOOT),
        "files": {name: len(content) for name, content in OURS.items()},
        "site": {"url": "/pyodide/abc/site.tar", "format": "tar", "size": len(OURS["site.tar"]), "python": "3.14"},
        "own": {"python": "3.14.2", "abi": "2026_0", "base": "/pyodide/abc/"},
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pyodide.asm.wasm", "application/wasm"),
        ("pyodide.mjs", "text/javascript; charset=utf-8"),
        ("pyodide-lock.json", "application/json"),
        ("site.tar", "application/x-tar"),
        ("python_stdlib.zip", "application/zip"),
    ],
)
@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("identity", None)])
async def test_a_file_comes_whole_and_is_kept_for_ever(own: Path, name: str, kind: str, accepted: str, encoding: str | None) -> None:
    answer = await ask(open_distribution(own=own), f"/pyodide/abc/{name}", **{"accept-encoding": accepted})
    assert (answer.status_code, answer.content) == (200, OURS[name])
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "public, immutable, max-age=31536000"
    assert (answer.headers.get("content-encoding"), answer.headers["vary"]) == (encoding, "accept-encoding")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path", ["abc/none.js", "other/pyodide.mjs", "abc/..%2findex.json", "abc/pyodide.mjs.gz", "abc/", "index", "abc/a/b"]
)
async def test_nothing_else_is_there(own: Path, path: str) -> None:
    assert (await ask(open_distribution(own=own), f"/pyodide/{path}")).status_code == 404


async def test_a_source_tree_where_nothing_was_built_says_how(tmp_path: Path) -> None:
    answer = await ask(open_distribution(own=tmp_path / "none"), "/pyodide/index.json")
    assert (answer.status_code, answer.json()["code"]) == (503, "not-built")
    assert "make pyodide" in answer.json()["message"]


async def test_a_folder_replaces_the_runtime_but_not_our_packages(own: Path, old: Path) -> None:
    distribution = open_distribution(old, own)
    index = index_of(distribution)
    assert (index["version"], index["python"], index["boot"]) == ("0.27.7", "3.12.7", OLD_BOOT)
    assert set(index["files"]) == {*OLD_BOOT, "numpy-2.whl"}
    assert index["site"]["url"] == "/pyodide/abc/site.tar"
    wheel = await ask(distribution, index["base"] + "numpy-2.whl")
    assert (wheel.text, wheel.headers["cache-control"]) == ("old numpy-2.whl", "public, immutable, max-age=31536000")
    assert "content-encoding" not in wheel.headers
    assert (await ask(distribution, index["site"]["url"])).content == OURS["site.tar"]
    for name in ("private.txt", "..%2fsecret", "pandas-2.whl", "site.tar"):
        assert (await ask(distribution, index["base"] + name)).status_code == 404


async def test_a_folder_for_our_interpreter_gives_packages_only(own: Path, old: Path) -> None:
    for name in OLD_BOOT[:-1]:
        (old / name).unlink()
    (old / "pyodide-lock.json").write_text(json.dumps({**LOCK, "info": {"python": "3.14.2", "abi_version": "2026_0"}}))
    distribution = open_distribution(old, own)
    index = index_of(distribution)
    assert (index["version"], index["boot"]) == ("314.0.7", list(BOOT))
    assert (await ask(distribution, index["base"] + "python_stdlib.zip")).content == OURS["python_stdlib.zip"]
    assert (await ask(distribution, index["base"] + "pyodide-lock.json")).json()["packages"] == LOCK["packages"]
    assert (await ask(distribution, index["base"] + "numpy-2.whl")).text == "old numpy-2.whl"


def test_a_changed_folder_has_another_address(own: Path, old: Path) -> None:
    first = index_of(open_distribution(old, own))["base"]
    assert index_of(open_distribution(old, own))["base"] == first
    os.utime(old / "numpy-2.whl", (1, 1))
    assert index_of(open_distribution(old, own))["base"] != first


async def test_an_address_is_left_to_the_page(own: Path) -> None:
    distribution = open_distribution("https://example.org:8443/pyodide/v314.0.7/full", own)
    index = index_of(distribution)
    assert index["base"] == "https://example.org:8443/pyodide/v314.0.7/full/"
    assert (index["version"], index["python"], index["boot"], index["files"]) == (None, None, None, {})
    assert index["own"] == {"python": "3.14.2", "abi": "2026_0", "base": "/pyodide/abc/"}
    page = (await ask(distribution, "/")).headers["content-security-policy"]
    assert "connect-src 'self' https://example.org:8443;" in page
    assert "connect-src 'self';" in (await ask(open_distribution(own=own), "/")).headers["content-security-policy"]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("http://example.org/pyodide", "it is no https:// address"),
        ("ftp://example.org/pyodide", "it is no https:// address"),
        ("https://", "it is no https:// address"),
        ("https://me:word@example.org/", "it is no https:// address"),
        ("https://example.org;script-src *", "it is no https:// address"),
        ("https://example.org/?a=b", "an address with ? or # cannot be that of a folder"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(own: Path, address: str, problem: str) -> None:
    with pytest.raises(DistributionError, match=re.escape(f"{address} is no Pyodide distribution: {problem} (give --pyodide a folder")):
        open_distribution(address, own)


def test_an_address_on_this_machine_may_be_plain_http(own: Path) -> None:
    assert open_distribution("http://127.0.0.1:9/p/", own).origin == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("pyodide-lock.json", None, "it has no pyodide-lock.json"),
        ("pyodide.asm.wasm", None, "it has no pyodide.asm.wasm"),
        ("pyodide.asm.js", None, "it has no pyodide.asm.js"),
        ("pyodide-lock.json", "{", "its pyodide-lock.json is no lock file of Pyodide"),
        ("pyodide-lock.json", '{"packages": {}}', "its pyodide-lock.json is no lock file of Pyodide"),
    ],
)
def test_a_folder_that_lacks_something_is_refused(own: Path, old: Path, name: str, content: str | None, problem: str) -> None:
    (old / name).unlink()
    if content is not None:
        (old / name).write_text(content)
    with pytest.raises(DistributionError, match=re.escape(f"{old} is no Pyodide distribution: {problem}")):
        open_distribution(old, own)


def test_a_folder_that_is_not_there_is_refused(own: Path, tmp_path: Path) -> None:
    with pytest.raises(DistributionError, match="it cannot be read: No such file or directory"):
        open_distribution(tmp_path / "none", own)


async def test_the_frame_for_python_has_an_opaque_origin(tmp_path: Path) -> None:
    (tmp_path / "runtime-frame.html").write_text("<p>frame</p>")
    app = Gate(Starlette(routes=web_routes(tmp_path)), HOSTS, frozenset(), "https://example.org")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        headers = (await client.get("/runtime-frame.html")).headers
    assert headers["content-security-policy"] == (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob: data:;"
        " worker-src data:; connect-src https: wss: data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    assert headers["cross-origin-embedder-policy"] == "credentialless"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def built_file(name: str) -> bytes:
    path = OWN / f"{name}.gz"
    assert path.is_file(), "build it first: make pyodide"
    return gzip.decompress(path.read_bytes())


def test_what_was_built_is_what_its_index_says() -> None:
    index = json.loads((OWN / "index.json").read_text())
    contents = {name: built_file(name) for name in index["files"]}
    assert {name: len(content) for name, content in contents.items()} == index["files"]
    assert set(contents) == {*index["boot"], "site.tar"}
    assert {path.name for path in OWN.iterdir()} == {"index.json", *(f"{name}.gz" for name in contents)}
    listed = "".join(f"{name}\0{hashlib.sha256(content).hexdigest()}\n" for name, content in contents.items())
    assert hashlib.sha256(listed.encode()).hexdigest()[:16] == index["hash"]


def test_what_was_built_has_our_packages_and_no_path_of_where_it_was_built() -> None:
    here = str(Path(__file__).parents[3]).encode()
    with tarfile.open(fileobj=io.BytesIO(built_file("site.tar"))) as archive:
        members = archive.getmembers()
        assert all(member.isfile() and len(member.name) < 100 and member.mtime == 0 for member in members)
        contents = {member.name: file.read() for member in members if (file := archive.extractfile(member)) is not None}
    assert {"IPython/__init__.py", "micropip/__init__.py", "runtime_browser/__init__.py", "parso/python/grammar314.txt"} <= set(contents)
    for package in ("runtime_schema", "runtime_core", "runtime_python", "runtime_browser"):
        name = f"{package}/__pycache__/__init__.cpython-314.pyc"
        assert f"/lib/python3.14/site-packages/{package}/__init__.py".encode() in contents[name]
    assert [name for name, content in contents.items() if here in content] == []
    assert here not in built_file("python_stdlib.zip")
    assert any(name.startswith("ipython-") and "/licenses/" in name for name in contents)
    assert not {"psutil", "pexpect"} & {name.partition("/")[0] for name in contents}
