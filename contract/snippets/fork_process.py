# multiprocessing by fork: the child prints, and gives a value back.
# runs: host
# %%
import multiprocessing

context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()


def work(n):
    print("in the child", flush=True)
    queue.put(n * 2)


process = context.Process(target=work, args=(21,))
process.start()
process.join()
print(queue.get(), process.exitcode)
