# What programs ask of sys.stdout: write and its value, writelines, isatty, encoding.
# runs: host page
# %%
import sys

sys.stdout.writelines(["a\n", "b\n"])
print(sys.stdout.isatty(), sys.stderr.isatty(), sys.stdout.encoding.lower(), sys.stdout.writable())
sys.stdout.write("five\n")
