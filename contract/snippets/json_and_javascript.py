# JSON with options, Javascript, and GeoJSON.
# runs: host page
# %%
from IPython.display import JSON, GeoJSON, Javascript

JSON({"list": [1, {"two": None}], "text": "\u00fc"}, expanded=True)
# %%
Javascript("element.append('from JavaScript')")
# %%
GeoJSON({"type": "Point", "coordinates": [1.5, 2.5]})
