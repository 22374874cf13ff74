# Long lists, dicts and texts as results: IPython wraps them, and cuts what is longer than 1,000 items.
# runs: host page
# %%
list(range(1005))
# %%
{f"key {n}": "value " * 4 for n in range(6)}
# %%
"word " * 60
