# The traceback through a function of an earlier cell names both cells.
# runs: host page
# %%
def outer(values):
    return inner(values)


def inner(values):
    return values["missing"]
# %%
outer({})
