# An exception in a forked process.
# runs: host
# %%
import multiprocessing


def fail():
    raise ValueError("in the child")


process = multiprocessing.get_context("fork").Process(target=fail, name="child")
process.start()
process.join()
process.exitcode
