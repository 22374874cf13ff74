# Code that raises KeyboardInterrupt itself.
# runs: host page
# %%
raise KeyboardInterrupt
# %%
print("the next cell runs")
