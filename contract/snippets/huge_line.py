# A line of a megabyte.
# runs: host page
# %%
print("0123456789abcdef" * 65536)
