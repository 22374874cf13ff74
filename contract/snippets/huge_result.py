# A long text as a result, and a large HTML display.
# runs: host page
# %%
"x" * 200_000
# %%
from IPython.display import HTML

HTML("<p>" + "word " * 40_000 + "</p>")
