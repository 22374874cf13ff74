# _repr_mimebundle_ with metadata, and with a type of one's own that is JSON.
# runs: host page
# %%
class Bundle:
    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"text/plain": "a bundle", "text/html": "<b>a bundle</b>", "application/vnd.example+json": {"n": [1, None, 2.5]}}
        return data, {"text/html": {"isolated": True}}


Bundle()
# %%
display({"text/plain": "raw", "text/markdown": "**raw**"}, raw=True, metadata={"text/markdown": {"k": 1}})
