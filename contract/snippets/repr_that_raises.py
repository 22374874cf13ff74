# A representation that raises: the others are shown all the same.
# runs: host page
# %%
class Broken:
    def _repr_html_(self):
        raise ValueError("no html today")

    def __repr__(self):
        return "Broken()"


Broken()
# %%
class Silent:
    def __repr__(self):
        raise RuntimeError("no repr either")


Silent()
