# An exception in a thread does not end the cell.
# runs: host
# %%
import threading


def fail():
    raise ValueError("in a thread")


thread = threading.Thread(target=fail, name="worker")
thread.start()
thread.join()
print("the cell goes on")
