# A plotly figure.
# runs: host
# %%
import plotly.graph_objects as go

go.Figure(go.Scatter(x=[1, 2], y=[3, 1]), layout={"template": "none", "title": {"text": "a line"}})
