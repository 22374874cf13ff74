# Bytes to sys.stdout.buffer, a character split between two writes.
# runs: host page
# %%
import sys

sys.stdout.buffer.write("gr\u00fc".encode()[:-1])
sys.stdout.buffer.write("gr\u00fc\u00dfe\n".encode()[3:])
sys.stdout.buffer.flush()
