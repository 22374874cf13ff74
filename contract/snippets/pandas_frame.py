# A DataFrame, a Series, and a frame too long to be shown whole.
# runs: host
# %%
import pandas as pd

frame = pd.DataFrame({"name": ["emu", "ant"], "legs": [2, 6]})
frame
# %%
frame["legs"].describe()
# %%
pd.DataFrame({"n": range(100)})
