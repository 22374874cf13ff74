# traceback.print_exc and %tb.
# runs: host page
# %%
import traceback

try:
    1 / 0
except ZeroDivisionError:
    traceback.print_exc()
# %%
undefined_name
# %%
%xmode Minimal
%tb
