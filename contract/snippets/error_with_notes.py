# An exception with notes, as add_note gives.
# runs: host page
# %%
error = ValueError("bad row")
error.add_note("in line 3")
error.add_note("of data.csv")
raise error
