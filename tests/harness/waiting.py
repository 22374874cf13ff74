"""Waits with a deadline and a word for what was awaited; the one place where a test lets time pass."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from runtime_schema.queries import Query
from runtime_store import Store

T = TypeVar("T")
RowT = TypeVar("RowT", bound=tuple[object, ...])

POLL_S = 0.02


async def until(
    look: Callable[[], T | None],
    *,
    within_s: float,
    what: str,
    seen: Callable[[], object] = lambda: "",
) -> T:
    """Look again and again until there is something true to see, and give it.

    Args:
        look: Looks once; None and False mean not yet.
        within_s: The deadline.
        what: What is awaited, for the failure.
        seen: Tells, for the failure, what there was instead.

    Raises:
        AssertionError: The deadline passed.
    """
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"after {within_s:g} s still waiting for {what}\n{seen()}")
        await asyncio.sleep(POLL_S)


async def until_rows(
    store: Store,
    query: Query[RowT],
    fits: Callable[[Sequence[RowT]], bool],
    *,
    within_s: float,
    what: str,
    params: Mapping[str, str | int] | None = None,
) -> Sequence[RowT]:
    """Wait until a query's rows fit, by subscription, and give them.

    Raises:
        AssertionError: The deadline passed; shows the last rows.
    """
    found: asyncio.Future[Sequence[RowT]] = asyncio.get_running_loop().create_future()
    last: Sequence[RowT] = ()

    def see(rows: Sequence[RowT]) -> None:
        nonlocal last
        last = rows
        if not found.done() and fits(rows):
            found.set_result(rows)

    end = store.subscribe(query, see, params)
    try:
        async with asyncio.timeout(within_s):
            return await found
    except TimeoutError:
        rows = "\n".join(map(str, last[-5:]))
        raise AssertionError(f"after {within_s:g} s still waiting for {what}; {len(last)} rows, the last:\n{rows}") from None
    finally:
        end()
