# Magics that are not there, or used wrongly.
# runs: host page
# %%
%no_such_magic
# %%
%%no_such_cell_magic
text
# %%
%timeit --nonsense
