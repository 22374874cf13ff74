# print() with and without a newline, with separators, and what is left of a line at the end of a cell.
# runs: host page
# %%
print("one line")
print("a", 1, None, sep=" | ", end=" <- no newline")
# %%
print()
print("two\nlines", end="\n\n")
print("no newline at the end", end="", flush=True)
