# Futures of a thread pool, with a result and an exception.
# runs: host
# %%
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(2) as pool:
    print(list(pool.map(lambda n: n * n, range(5))))
    failed = pool.submit(int, "x")
failed.result()
