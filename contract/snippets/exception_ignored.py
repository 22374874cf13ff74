# An exception in __del__ is told on stderr.
# runs: host page
# python: 3.11
# %%
class Bad:
    def __del__(self):
        raise ValueError("in del")


bad = Bad()
del bad
