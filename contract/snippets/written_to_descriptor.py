# os.write to the descriptors 1 and 2.
# runs: host page
# %%
import os

os.write(1, b"to 1\n")
os.write(2, b"to 2\n");
