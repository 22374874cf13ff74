# sys.displayhook called by code, and replaced for a while.
# runs: host page
# %%
import sys

sys.displayhook({"by": "hand"})
print("then")
"the result"
