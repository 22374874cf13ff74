# __name__, __main__, get_ipython, and the lack of __file__.
# runs: host page
# %%
import __main__

print(__name__, __main__.__name__, "__file__" in globals(), get_ipython() is not None)
# %%
import inspect


def here():
    return 1


print(inspect.getsource(here))
