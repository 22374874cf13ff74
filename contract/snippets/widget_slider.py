# A slider of ipywidgets: its model, its view, and a change from Python.
# runs: host
# %%
import ipywidgets as widgets

slider = widgets.IntSlider(value=3, max=9, description="n")
slider
# %%
slider.observe(lambda change: print("now", change["new"]), "value")
slider.value = 5
