# _, __, Out and In hold what came before.
# runs: host page
# %%
6 * 7
# %%
_ + 1
# %%
_ + __
# %%
sorted(Out.items()), In[1], _1
