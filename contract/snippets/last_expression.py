# The value of the last expression is the result; not in the middle, not None, not an assignment.
# runs: host page
# %%
1 + 1
2 + 2
# %%
None
# %%
value = 3
# %%
if value:
    "inside of a block"
# %%
"text", b"bytes", 1.5, {"k": [1, 2]}, {3}
