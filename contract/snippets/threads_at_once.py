# Four threads print at once: whole lines, in any order.
# runs: host
# order: none
# %%
import threading

start = threading.Barrier(4)


def work(n):
    start.wait()
    for step in range(25):
        print(f"thread {n} step {step}\n", end="")


threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
