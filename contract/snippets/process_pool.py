# A pool of forked processes, and one of spawned ones with a function of the standard library.
# runs: host
# %%
import multiprocessing
from concurrent.futures import ProcessPoolExecutor


def cube(n):
    return n**3


with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
    print(list(pool.map(cube, range(4))))
# %%
import math

with multiprocessing.get_context("spawn").Pool(1) as pool:
    print(pool.map(math.factorial, [3, 5]))
