# await, async for and async with at the top level of a cell.
# runs: host page
# %%
import asyncio
from contextlib import asynccontextmanager


async def count():
    for n in range(3):
        await asyncio.sleep(0)
        yield n


@asynccontextmanager
async def around():
    print("in")
    yield
    print("out")


async with around():
    async for n in count():
        print(n)
await asyncio.sleep(0, "awaited")
