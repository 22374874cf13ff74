"""Tokens and addresses in the file system: who may read them, and what is said when something is wrong."""

from pathlib import Path

import pytest

from runtime_node import CredentialError, LocalServer, announce_server, find_server, read_token, write_private


def test_a_written_token_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "token"
    write_private(file, "secret\n")
    assert read_token(file) == "secret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["token"]


def test_writing_again_replaces_what_others_could_read(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert (read_token(file), file.stat().st_mode & 0o777) == ("new", 0o600)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"secret", 0o644, "others may read it (mode 0644) (run `chmod 600"),
        (b"secret", 0o640, "others may read it (mode 0640)"),
        (b"", 0o600, "does not hold a token"),
        (b"two words", 0o600, "does not hold a token"),
        (b"\xff\xfe", 0o600, "cannot be read"),
    ],
)
def test_a_token_file_that_must_not_be_used_is_refused(content: bytes, mode: int, said: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(CredentialError) as caught:
        read_token(file)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_token_file_says_how_to_get_a_token(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match=r"there is no such file .*`runt token`"):
        read_token(tmp_path / "none")


def test_an_announced_server_is_found(tmp_path: Path) -> None:
    server = LocalServer(url="http://127.0.0.1:8585", pid=7, created_s=9.5)
    announce_server(tmp_path, server)
    assert find_server(tmp_path) == server
    assert server.port == 8585


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 3}', "{"])
def test_a_damaged_announcement_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(content)
    assert find_server(tmp_path) is None
