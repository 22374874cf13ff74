"""Keeping up what stands behind the handlers: bring it up in time, again when it died, and give up when that is no use."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, final

from .errors import EngineStartError
from .log import Logger
from .ports import Clock
from .tasks import done_within

MAX_DEATHS = 3
"""Deaths in a row, without an execution between them, after which there is no other try."""


class Lifecycle(Protocol):
    """What must be up before an agent is ready: an engine, a connection, a model."""

    async def start(self) -> None:
        """Come up.

        Raises:
            EngineStartError: It did not.
        """
        ...

    async def restart(self) -> None:
        """End what runs and come up afresh.

        Raises:
            EngineStartError: It did not.
        """
        ...

    async def stop(self) -> None:
        """End; also when it never came up."""
        ...


@final
class Upkeep:
    """Starts, restarts and stops a lifecycle; without one, everything succeeds at once.

    Args:
        name: What to call it in errors.
        timeout_s: How long it may take to come up.
        clock: Time.
    """

    def __init__(self, name: str, timeout_s: float, clock: Clock) -> None:
        self.lifecycle: Lifecycle | None = None
        self._name = name
        self._timeout_s = timeout_s
        self._clock = clock
        self._log = Logger("runtime_core.upkeep", runtime=name)
        self._deaths = 0
        self.death: str | None = None
        """How it ended by itself, since it was last brought up."""

    async def start(self) -> None:
        """Bring it up, in one try: whoever starts a runtime is there to read why it does not.

        Raises:
            EngineStartError: It did not come up.
        """
        if self.lifecycle is not None:
            await self._bring_up(self.lifecycle.start)

    async def restart(self) -> None:
        """Bring it up afresh, in as many tries as are left.

        Raises:
            EngineStartError: It died too often.
        """
        if self._deaths >= MAX_DEATHS:
            raise EngineStartError(self._name, f"it {self.death}, for the {self._deaths}. time without running anything", "look at its log")
        while self.lifecycle is not None:
            try:
                await self._bring_up(self.lifecycle.restart)
            except EngineStartError as exc:
                self._deaths += 1
                self._log.warning("did not come up", problem=str(exc), deaths=self._deaths)
                if self._deaths >= MAX_DEATHS:
                    raise
            else:
                return

    async def stop(self) -> None:
        """End it."""
        if self.lifecycle is not None:
            await self.lifecycle.stop()

    def died(self, reason: str) -> None:
        """Hear that it ended by itself, while it was up or coming up."""
        self.death = reason
        self._log.warning("died", reason=reason)

    def used(self) -> None:
        """Hear that an execution begins: deaths from now on are another row."""
        self._deaths = 0

    def count_death(self) -> None:
        """Count a death of what was up."""
        self._deaths += 1

    async def _bring_up(self, come_up: Callable[[], Awaitable[None]]) -> None:
        self.death = None
        task = asyncio.ensure_future(come_up())
        try:
            if not await done_within(self._clock, self._timeout_s, task):
                raise EngineStartError(self._name, f"it was not ready within {self._timeout_s:g} s", "look at the runtime's log")
            task.result()
        finally:
            task.cancel()
        if self.death is not None:
            raise EngineStartError(self._name, f"it {self.death}", "look at the runtime's log")
