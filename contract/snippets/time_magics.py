# %time and %%time print how long it took, %timeit too.
# runs: host page
# %%
%time sum(range(1000))
# %%
%%time
text = "timed"
print(text)
# %%
%timeit -n 2 -r 2 pass
