"""`runt login`: keeps a server's token for the agents of this user, in a file that nobody else can read."""

import asyncio
import getpass
import sys
from collections.abc import Callable

from runtime_node import UrllibApi, keep_login, read_logins

from .errors import UsageError


def log_in(server: str, say: Callable[[str], None]) -> None:
    """Ask for a token, see whose it is, and keep it.

    Args:
        server: The server's address.
        say: Tells a person.

    Raises:
        UsageError: No token was given.
        RuntimeNodeError: The server does not answer, or does not accept the token; nothing was kept.
    """
    address = server.rstrip("/")
    token = _ask(f"Token for {address}: ")
    if not token:
        raise UsageError("no-token", f"no token was given; make one with `runt token` where {address} runs, or in its settings")
    user = asyncio.run(UrllibApi(address, token).me())
    keep_login(address, token)
    say(f"Logged in to {address} as {user}. Agents of this machine's user find it there by themselves.")


def log_out(server: str, say: Callable[[str], None]) -> None:
    """Forget a server's token."""
    address = server.rstrip("/")
    if address not in read_logins():
        raise UsageError("not-logged-in", f"there is no login for {address}; `runt login --list` shows those there are")
    keep_login(address, None)
    say(f"Forgot the token for {address}. It stays valid where it was made.")


def list_logins(say: Callable[[str], None]) -> None:
    """Name the servers that there is a token for."""
    for server in sorted(read_logins()):
        say(server)


def _ask(prompt: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(prompt).strip()
    return sys.stdin.readline().strip()
