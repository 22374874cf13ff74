# Warnings go to stderr, once for each place.
# runs: host page
# %%
import warnings

for _ in range(3):
    warnings.warn("take care")
# %%
warnings.warn("old", DeprecationWarning)
warnings.warn("soon old", FutureWarning)
# %%
with warnings.catch_warnings():
    warnings.simplefilter("error")
    warnings.warn("now an error")
