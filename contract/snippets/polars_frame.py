# A polars DataFrame.
# runs: host
# %%
import polars as pl

pl.DataFrame({"name": ["emu", "ant"], "legs": [2, 6]})
