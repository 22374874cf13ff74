# gather, wait_for with a timeout, and the tasks that are left.
# runs: host page
# python: 3.11
# %%
import asyncio


async def value(n):
    await asyncio.sleep(0)
    return n


await asyncio.gather(*(value(n) for n in range(3)))
# %%
await asyncio.wait_for(asyncio.Event().wait(), 0.01)
# %%
print([task.get_name() for task in asyncio.all_tasks() if task.get_name() == "mine"])
