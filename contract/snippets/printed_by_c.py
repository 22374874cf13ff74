# C code that prints: printf and puts of the C library, flushed by fflush.
# runs: host
# %%
import ctypes

libc = ctypes.CDLL(None)
libc.printf(b"printf %d\n", 42)
libc.puts(b"puts")
libc.fflush(None);
