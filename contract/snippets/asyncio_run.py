# asyncio.run where a loop runs already.
# runs: host page
# %%
import asyncio

waiting = asyncio.sleep(0, "slept")
try:
    print(asyncio.run(waiting))
finally:
    waiting.close()
