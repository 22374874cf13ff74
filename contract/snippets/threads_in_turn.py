# Threads that print, each joined before the next one starts.
# runs: host
# %%
import threading

for n in range(3):
    thread = threading.Thread(target=print, args=("thread", n))
    thread.start()
    thread.join()
print("all joined")
