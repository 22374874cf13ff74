# The traceback goes through a module that was imported from a file.
# runs: host page
# %%
%%writefile broken_module.py
def fail(n):
    if n == 0:
        raise ValueError("at the bottom")
    fail(n - 1)
# %%
import broken_module

broken_module.fail(1)
