# What is no Python: nothing of the cell runs.
# runs: host page
# %%
print("never")
x = = 1
# %%
print("never"
# %%
"unterminated
