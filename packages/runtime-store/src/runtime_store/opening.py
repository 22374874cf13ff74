"""The two ways to get a store: one that is its own authority, and one that follows a backend."""

import logging
import random as random_numbers
import secrets
from collections.abc import Callable
from pathlib import Path

from runtime_schema.events import RULE_BOUND, RuntimeSessionTerminated, wire_name
from runtime_schema.ids import SERVER_CLIENT_ID, RuntimeSessionId
from runtime_schema.queries import ACTIVE_SESSION

from .address import Address
from .errors import DamagedImageError
from .file import StoreFile, Write
from .reconcile import Replica
from .sqlite import open_image
from .store import ArtifactUploader, Beginning, Store

LIVE_TIMEOUT_S = 5.0

_LOG = logging.getLogger("runtime_store.opening")
_RULE_BOUND = frozenset(wire_name(event) for event in RULE_BOUND)


def random_id() -> str:
    """Make an id of 16 characters that nobody else has."""
    return secrets.token_urlsafe(12)


def open_local(
    client_id: str,
    path: Path | str | None = None,
    *,
    store_id: str = "local",
    power_safe: bool = True,
    new_id: Callable[[], str] = random_id,
) -> Store:
    """Open a store that is its own authority; call it on a running loop.

    Events are confirmed once they are in the file, or without one in the same loop turn. Runtime sessions that an earlier
    life left open are terminated (`crashed`): whoever vouched for them is gone.

    Args:
        client_id: The user in whose name it commits.
        path: The file; it is made when missing. None keeps all in memory.
        store_id: Which notebook the file is of; another one's file is refused.
        power_safe: Whether what is confirmed survives a power cut too. Without it a confirmation is quick and survives a kill.
        new_id: Makes ids that nobody else has.

    Raises:
        StoreFileError: The file is in use, damaged, or not this store's.
        UnsafeSqliteError: SQLite would not keep what it confirms.
    """
    file = None if path is None else StoreFile(Path(path), "authority", store_id, power_safe=power_safe)
    begin = Beginning() if file is None else _begin(file)
    replica = Replica(new_id(), client_id, new_id, head=file.head if file is not None else 0)
    store = Store(replica, begin, file, new_id, LIVE_TIMEOUT_S)
    for session in store.query(ACTIVE_SESSION):
        store.commit_as(SERVER_CLIENT_ID, RuntimeSessionTerminated(session_id=RuntimeSessionId(session.session_id), reason="crashed"))
    return store


async def connect(
    url: str,
    store_id: str,
    *,
    client_id: str = "local",
    token: str | None = None,
    cookie: str | None = None,
    path: Path | str | None = None,
    power_safe: bool = True,
    artifacts: ArtifactUploader | None = None,
    images: bool = True,
    new_id: Callable[[], str] = random_id,
    random: Callable[[], float] = random_numbers.random,
    live_timeout_s: float = LIVE_TIMEOUT_S,
) -> Store:
    """Open a store that follows a backend; it is usable at once, and connects and reconnects by itself.

    Args:
        url: The server, such as `http://127.0.0.1:8888`.
        store_id: Which notebook.
        client_id: The user that the credentials stand for, until the backend says it itself.
        token: Bearer token of an agent or script.
        cookie: Or the session cookie of a person, as `name=value`.
        path: File that keeps a copy of the log and journals events before they are sent; what an earlier life could not
            send is sent first, without what only that life could mean, and a runtime session that it left open is terminated
            (`crashed`). None keeps all in memory.
        power_safe: Whether the journal survives a power cut too. Without it events are sent sooner, and the journal survives
            a kill: right for a runtime, whose work a power cut ends anyway.
        artifacts: Uploads what events name, before they are sent.
        images: Whether a store that has nothing yet begins from the backend's image of the state; else it replays the whole log.
        new_id: Makes ids that nobody else has.
        random: Gives numbers in [0, 1), for the jitter of the backoff.
        live_timeout_s: How long a live message waits for its answer.

    Raises:
        StoreFileError: The file is in use, damaged, or not this store's.
        UnsafeSqliteError: SQLite would not keep what it journals.
    """
    file = None if path is None else StoreFile(Path(path), "replica", store_id, power_safe=power_safe)
    begin = Beginning() if file is None else _begin(file)
    replica = Replica(
        new_id(), client_id, new_id, head=file.head if file is not None else 0, backend=file.backend if file is not None else None
    )
    if file is not None:
        left = list(file.pending())
        file.write(Write(undone=[entry.key for entry in left if entry.event.name in _RULE_BOUND]))
        replica.restore(entry for entry in left if entry.event.name not in _RULE_BOUND)
    store = Store(replica, begin, file, new_id, live_timeout_s)
    earlier = file.begin_life(store.store_session_id) if file is not None else None
    for session in store.query(ACTIVE_SESSION):
        if session.store_session_id == earlier:
            store.commit(RuntimeSessionTerminated(session_id=RuntimeSessionId(session.session_id), reason="crashed"))
    store.follow(Address(url, store_id, token, cookie), random, artifacts, images=images)
    return store


def _begin(file: StoreFile) -> Beginning:
    """Begin from the file's image and the events behind it; without a usable one, from the beginning of the log."""
    if (image := file.image()) is not None:
        try:
            return Beginning(image.seq, open_image(image.data), file.log(image.seq))
        except DamagedImageError as exc:
            _LOG.warning("%s: the log is replayed: %s", file.path, exc)
    if file.base > 0:
        # The copy begins at an image that is of no use any more: the backend has the whole log, or a newer image.
        file.write(Write(reset_to=file.backend or ""))
    return Beginning(0, None, file.log())
