"""Where tokens and the address of a person's own server are found in the file system.

A token stands in a file that only its owner can read, or in the environment: never on a command line, which every
user of the machine can list, and never in a log.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from .errors import CredentialError

SERVER_FILE = "server.json"
TOKEN_FILE = "token"
_OTHERS = 0o077
_LONGEST = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """The server that works, or last worked, on a data folder. `pid` and `created_s` are of its process while it runs."""

    url: str
    pid: int | None = None
    created_s: float = 0.0

    @property
    def port(self) -> int | None:
        """The port in its address."""
        return urlsplit(self.url).port


def default_data_folder() -> Path:
    """Give the folder that this platform keeps a user's data in."""
    from platformdirs import user_data_path  # takes a while, and a run needs none

    return user_data_path("runt", appauthor=False)


def default_config_file() -> Path:
    """Give the configuration file of this platform's user."""
    from platformdirs import user_config_path

    return user_config_path("runt", appauthor=False) / "config.toml"


def login_file() -> Path:
    """Give the file that keeps the tokens of `runt login`."""
    return default_config_file().with_name("logins.json")


def read_logins(path: Path | None = None) -> dict[str, str]:
    """Read the kept tokens, by server.

    Raises:
        CredentialError: They cannot be read, or others may read them.
    """
    path = path or login_file()
    if not path.exists():
        return {}
    try:
        kept: Any = json.loads(_read_private(path, "log in with `runt login`"))  # Any: checked right here
    except ValueError as exc:
        raise CredentialError(path, f"is damaged: {exc}", "remove it, and log in again with `runt login`") from exc
    tokens = cast("dict[str, object]", kept) if isinstance(kept, dict) else {}
    return {server: token for server, token in tokens.items() if isinstance(token, str)}


def find_login(server: str) -> str | None:
    """Find the token that was kept for a server.

    Raises:
        CredentialError: As `read_logins`.
    """
    return read_logins().get(server.rstrip("/"))


def keep_login(server: str, token: str | None, path: Path | None = None) -> None:
    """Keep a server's token for the agents of this user; None forgets it.

    Raises:
        CredentialError: As `read_logins`.
    """
    path = path or login_file()
    kept = read_logins(path)
    kept.pop(server.rstrip("/"), None)
    if token is not None:
        kept[server.rstrip("/")] = token
    write_private(path, json.dumps(kept, indent=1))


def _read_private(path: Path, hint: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY)
        with open(descriptor, encoding="utf-8") as file:
            mode = os.fstat(descriptor).st_mode
            text = file.read(_LONGEST)
    except FileNotFoundError:
        raise CredentialError(path, "there is no such file", hint) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise CredentialError(path, f"cannot be read: {exc}", "check the path and its permissions") from exc
    if os.name == "posix" and mode & _OTHERS:
        raise CredentialError(path, f"others may read it (mode {mode & 0o777:04o})", f"run `chmod 600 {path}`")
    return text


def read_token(path: Path) -> str:
    """Read a token from a file of its owner.

    Raises:
        CredentialError: It is missing, unreadable, empty, or others may read it.
    """
    text = _read_private(path, "make a token with `runt token` and put it there").strip()
    if not text or not text.isascii() or any(letter.isspace() for letter in text):
        raise CredentialError(path, "does not hold a token", "put the one line that `runt token` printed there")
    return text


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def find_server(data: Path) -> LocalServer | None:
    """Find the server of a data folder, running or not."""
    try:
        found: Any = json.loads((data / SERVER_FILE).read_text(encoding="utf-8"))  # Any: checked right here
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    facts = cast("dict[str, object]", found)
    url, pid, created_s = facts.get("url"), facts.get("pid"), facts.get("createdS")
    if not isinstance(url, str):
        return None
    if not isinstance(pid, int) or not isinstance(created_s, float):
        return LocalServer(url=url)
    return LocalServer(url=url, pid=pid, created_s=created_s)


def announce_server(data: Path, server: LocalServer) -> None:
    """Leave the address of this data folder's server for agents and commands of the same user."""
    write_private(data / SERVER_FILE, json.dumps({"url": server.url, "pid": server.pid, "createdS": server.created_s}))
