# interact makes a slider, and shows the function's result for its value.
# runs: host
# %%
from ipywidgets import interact


def square(n):
    return n * n


interact(square, n=(0, 4, 2));
