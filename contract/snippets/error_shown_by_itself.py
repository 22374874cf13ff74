# An exception with a _render_traceback_ of its own.
# runs: host page
# %%
class Friendly(Exception):
    def _render_traceback_(self):
        return ["Friendly: please give a number"]


raise Friendly("internal text")
