# An exception with a very long text.
# runs: host page
# %%
raise ValueError("long " * 5000)
