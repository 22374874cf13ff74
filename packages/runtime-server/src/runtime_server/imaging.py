"""When a notebook's image is made anew: when the log behind it has grown, or has been left alone for a while."""

import logging
from collections.abc import Awaitable, Callable
from typing import final

from .images import Image

_LOG = logging.getLogger("runtime_server.imaging")
GROWN_BYTES, GROWN_SHARE = 1024 * 1024, 4
"""An image is due at once when the log behind it has grown to so many bytes, and to a quarter of the image."""
QUIET_BYTES, QUIET_SHARE, QUIET_S = 32 * 1024, 16, 2.0
"""It is due behind a shorter piece of the log when nothing came for a while: whoever opens the notebook next begins there."""


@final
class Imaging:
    """Follows one notebook's log and makes its image when due. One image at a time; a failed one is tried again when the log grows.

    Args:
        newest: The newest image there is.
        make: Makes one of the state as of now.
        now_s: The time, for telling how long the log has been left alone.
    """

    def __init__(self, newest: Image | None, make: Callable[[], Awaitable[Image]], now_s: float) -> None:
        self.newest = newest
        self._make = make
        self._behind = 0
        self._changed_s = now_s
        self._making = False

    def grew(self, size_bytes: int, now_s: float) -> bool:
        """The log grew; tells whether the caller is to `run` now."""
        self._behind += size_bytes
        self._changed_s = now_s
        return self._claim(self._behind >= max(GROWN_BYTES, self._image_bytes // GROWN_SHARE))

    def is_due(self, now_s: float) -> bool:
        """Time has passed; tells whether the caller is to `run` now."""
        return self._claim(now_s - self._changed_s >= QUIET_S and self._behind >= max(QUIET_BYTES, self._image_bytes // QUIET_SHARE))

    async def run(self) -> None:
        """Make an image."""
        behind = self._behind
        try:
            self.newest = await self._make()
            self._behind -= behind
        except OSError as exc:
            self._behind = 0  # the disk will not do better at once
            _LOG.warning("no image was made: %s", exc)
        finally:
            self._making = False

    def _claim(self, due: bool) -> bool:
        if not due or self._making:
            return False
        self._making = True
        return True

    @property
    def _image_bytes(self) -> int:
        return 0 if self.newest is None else self.newest.size_bytes
