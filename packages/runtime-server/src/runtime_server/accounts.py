"""Who may come in: bearer tokens, browser sessions, one-time start codes. Only hashes of secrets are kept."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .database import Database, Sql

DDL = """
CREATE TABLE IF NOT EXISTS tokens (
  hash BLOB NOT NULL PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS web_sessions (hash BLOB NOT NULL PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
TOKEN_PREFIX = "runt_"
LOCAL_USER = "local"
_DAY_MS = 24 * 60 * 60 * 1000

Role = Literal["owner", "runner", "viewer"]


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated user. `by_cookie` tells that a browser sent the proof by itself, which another site can provoke."""

    id: str
    name: str
    role: Role
    by_cookie: bool


class Accounts:
    """Secrets are checked against memory, which `load` fills; changes are durable before they count."""

    def __init__(self, database: Database, now_ms: Callable[[], int], session_days: int) -> None:
        self._database = database
        self._now_ms = now_ms
        self._session_ms = session_days * _DAY_MS
        self._tokens: dict[bytes, tuple[str, Role]] = {}
        self._sessions: dict[bytes, int] = {}
        self._codes: set[bytes] = set()

    async def load(self) -> None:
        """Read the hashes."""
        oldest = self._now_ms() - self._session_ms

        def job(db: Sql) -> tuple[dict[bytes, tuple[str, Role]], dict[bytes, int]]:
            db.execute("DELETE FROM web_sessions WHERE created_ms < ?", (oldest,))
            tokens = {digest: (name, role) for digest, name, role in db.execute("SELECT hash, name, role FROM tokens")}
            return tokens, dict(db.execute("SELECT hash, created_ms FROM web_sessions"))

        self._tokens, self._sessions = await self._database.write(job)

    async def create_token(self, name: str, role: Role = "owner") -> str:
        """Make a bearer token; its text is given here and nowhere again."""
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = (_hash(secret), name, role, self._now_ms())

        def job(db: Sql) -> None:
            db.execute("INSERT INTO tokens VALUES (?, ?, ?, ?)", row)

        await self._database.write(job)
        self._tokens[row[0]] = (name, role)
        return secret

    def create_code(self) -> str:
        """Make a start code, valid until it is used or the server ends."""
        code = secrets.token_urlsafe(32)
        self._codes.add(_hash(code))
        return code

    async def open_session(self, code: str) -> str | None:
        """Use a start code up; give the secret of a new browser session, or None for a code that is not valid."""
        digest = _hash(code)
        if digest not in self._codes:
            return None
        self._codes.discard(digest)
        secret = secrets.token_urlsafe(32)
        row = (_hash(secret), self._now_ms())

        def job(db: Sql) -> None:
            db.execute("INSERT INTO web_sessions VALUES (?, ?)", row)

        try:
            await self._database.write(job)
        except BaseException:
            self._codes.add(digest)
            raise
        self._sessions[row[0]] = row[1]
        return secret

    def by_token(self, secret: str) -> Identity | None:
        """Identify the holder of a bearer token."""
        found = self._tokens.get(_hash(secret))
        return Identity(LOCAL_USER, found[0], found[1], by_cookie=False) if found else None

    def by_cookie(self, secret: str) -> Identity | None:
        """Identify the holder of a browser session."""
        created_ms = self._sessions.get(_hash(secret))
        if created_ms is None or self._now_ms() - created_ms >= self._session_ms:
            return None
        return Identity(LOCAL_USER, LOCAL_USER, "owner", by_cookie=True)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
