# An exception, behind a line of output.
# runs: host page
# %%
print("before")
1 / 0
print("never")
