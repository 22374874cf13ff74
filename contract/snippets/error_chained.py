# Exceptions while handling others: implicit, `raise from`, and `from None`.
# runs: host page
# %%
try:
    {}["key"]
except KeyError:
    int("x")
# %%
try:
    {}["key"]
except KeyError as error:
    raise RuntimeError("lookup failed") from error
# %%
try:
    {}["key"]
except KeyError:
    raise LookupError("only this") from None
