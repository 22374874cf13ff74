# HTML, Markdown, Latex, Math, Pretty and Code.
# runs: host page
# %%
from IPython.display import HTML, Code, Latex, Markdown, Math, Pretty

display(HTML("<em>html</em>"), Markdown("*markdown*"), Latex(r"$\pi$"), Math(r"e^{i\pi}"), Pretty("plain"))
# %%
Code("x = 1", language="python")
