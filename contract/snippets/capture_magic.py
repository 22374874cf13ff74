# %%capture keeps what a cell shows, to be shown later.
# runs: host page
# %%
%%capture kept
import sys

print("out")
print("err", file=sys.stderr)
display({"a": 1})
# %%
print(repr(kept.stdout), repr(kept.stderr), len(kept.outputs))
# %%
kept.show()
