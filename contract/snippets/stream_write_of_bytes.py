# sys.stdout.write takes text only.
# runs: host page
# %%
import sys

try:
    sys.stdout.write(b"bytes")
except TypeError as error:
    print("TypeError:", error)
