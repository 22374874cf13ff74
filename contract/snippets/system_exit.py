# sys.exit() in a cell ends the cell only.
# runs: host page
# %%
import sys

print("before")
sys.exit(3)
# %%
sys.exit("a message")
# %%
print("still here")
