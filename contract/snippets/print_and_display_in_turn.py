# Text between displays stays where it was printed.
# runs: host page
# order: exact
# %%
print("before")
display({"n": 1})
print("between")
display({"n": 2})
print("after")
"result"
