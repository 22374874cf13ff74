# print to sys.__stdout__ and sys.__stderr__, which are not the cell's streams.
# runs: host page
# %%
import sys

print("to __stdout__", file=sys.__stdout__, flush=True)
print("to __stderr__", file=sys.__stderr__, flush=True)
