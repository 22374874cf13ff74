# Magics in a line: %who, %env, %precision.
# runs: host page
# %%
number, word = 1, "x"
%who
# %%
%env RUNT_SNIPPET=on
# %%
%precision 3
1 / 3
