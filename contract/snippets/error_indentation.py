# Wrong indentation.
# runs: host page
# python: 3.11
# %%
def f():
return 1
# %%
if True:
    a = 1
  b = 2
