# An exception whose __str__ raises.
# runs: host page
# %%
class Nasty(Exception):
    def __str__(self):
        raise RuntimeError("no text")


raise Nasty()
# %%
print("the next cell runs")
