# A ContextVar set in one cell is seen in the next.
# runs: host page
# %%
from contextvars import ContextVar

level = ContextVar("level", default=0)
level.set(1)
None
# %%
level.get()
