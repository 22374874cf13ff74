# A function that calls itself for ever.
# runs: host page
# %%
def again(n):
    return again(n + 1)


again(0)
