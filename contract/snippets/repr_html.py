# _repr_html_, _repr_markdown_ and others beside the plain text.
# runs: host page
# %%
class Table:
    def _repr_html_(self):
        return "<table><tr><td>1</td></tr></table>"

    def _repr_markdown_(self):
        return "| 1 |"

    def __repr__(self):
        return "Table(1)"


Table()
# %%
display(Table(), Table())
