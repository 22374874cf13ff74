# %%sh with its output kept in a name.
# runs: host
# %%
%%sh --out kept
echo kept words
# %%
kept
