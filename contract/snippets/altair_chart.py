# An altair chart.
# runs: host
# %%
import altair as alt
import pandas as pd

alt.Chart(pd.DataFrame({"x": [1, 2], "y": [3, 1]})).mark_line().encode(x="x", y="y")
