# A task goes on when its cell has ended, and prints there.
# runs: host page
# %%
import asyncio

go = asyncio.Event()


async def later():
    await go.wait()
    print("late")


task = asyncio.create_task(later())
print("started")
# %%
print("second cell")
go.set()
await task
