# Exceptions of one's own: without a message, with arguments, and with a text of several lines.
# runs: host page
# %%
class Stop(Exception):
    pass


raise Stop
# %%
raise Stop(1, "two")
# %%
raise Stop("first\nsecond")
# %%
assert 1 == 2, "numbers differ"
