# __del__ and weakref.finalize print when an object goes.
# runs: host page
# %%
import gc
import weakref


class Loud:
    def __del__(self):
        print("deleted")


one = Loud()
del one
two = Loud()
weakref.finalize(two, print, "finalized")
two.itself = two
del two
gc.collect();
