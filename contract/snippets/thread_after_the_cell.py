# A thread prints when its cell has ended: the text belongs to the cell that started it.
# runs: host
# %%
import threading

go = threading.Event()


def late():
    go.wait()
    print("late")


thread = threading.Thread(target=late)
thread.start()
print("started")
# %%
print("second cell")
go.set()
thread.join()
