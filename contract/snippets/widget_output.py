# An Output widget gets what is printed and shown inside of it.
# runs: host
# %%
import ipywidgets as widgets

out = widgets.Output()
out
# %%
with out:
    print("inside")
    display({"shown": "inside"})
print("outside")
