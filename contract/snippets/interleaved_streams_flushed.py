# stdout and stderr in turn, each flushed: then everybody keeps the order.
# runs: host page
# order: exact
# %%
import sys

for n in range(3):
    print("out", n, flush=True)
    print("err", n, file=sys.stderr, flush=True)
