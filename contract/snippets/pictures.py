# Images from bytes, with a width, an SVG, and an image as a result of a class.
# runs: host page
# %%
import base64

from IPython.display import SVG, Image

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
Image(PNG)
# %%
Image(PNG, width=32, alt="a dot")
# %%
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><circle cx="2" cy="2" r="2"/></svg>')
# %%
class Dot:
    def _repr_png_(self):
        return PNG


Dot()
