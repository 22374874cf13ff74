# os.fork, the child ends by os._exit.
# runs: host
# order: none
# %%
import os

child = os.fork()
if child == 0:
    os.write(1, b"child\n")
    os._exit(5)
_, status = os.waitpid(child, 0)
print("status", os.waitstatus_to_exitcode(status))
