# atexit: the handler runs when the process ends, and is called by hand here.
# runs: host page
# %%
import atexit


@atexit.register
def goodbye():
    print("goodbye")


goodbye()
atexit.unregister(goodbye)
