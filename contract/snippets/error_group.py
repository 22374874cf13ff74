# An ExceptionGroup with one inside of another.
# runs: host page
# %%
raise ExceptionGroup("several", [ValueError("one"), ExceptionGroup("inner", [TypeError("two")])])
# %%
try:
    raise ExceptionGroup("some", [ValueError("a"), KeyError("b")])
except* ValueError as group:
    print("handled", group.exceptions)
