# Bytes that are no UTF-8, on descriptor 1 and from a program.
# runs: host
# %%
import os

os.write(1, b"latin: gr\xfc\xdfe\n");
# %%
import subprocess

subprocess.run(["printf", r"program: \377\376 end\n"])
None
