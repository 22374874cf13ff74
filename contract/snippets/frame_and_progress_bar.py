# A page in a frame, and IPython's own progress bar.
# runs: host page
# %%
from IPython.display import IFrame, ProgressBar

IFrame("https://example.org", 300, 200)
# %%
bar = ProgressBar(4)
bar.display()
bar.progress = 2
