# Arrays: small, long, of two dimensions.
# runs: host
# %%
import numpy as np

np.eye(2), np.arange(2000)
