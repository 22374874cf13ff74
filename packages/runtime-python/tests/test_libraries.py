"""matplotlib and pandas as their users know them."""

import base64

import pytest

from runtime_python import IPythonEngine
from runtime_schema.outputs import DisplayData, ExecuteResult, Output, StreamText

pytestmark = pytest.mark.host

PNG = b"\x89PNG\r\n\x1a\n"


async def shown(source: str) -> list[Output]:
    outputs: list[Output] = []
    engine = IPythonEngine(outputs.append, lambda prompt, password: "")
    try:
        reply = await engine.execute(source, execution_count=1)
    finally:
        engine.close()
    assert reply.status == "ok", outputs
    return outputs


def figures(outputs: list[Output]) -> list[bytes]:
    return [base64.b64decode(o.bundle["image/png"]) for o in outputs if isinstance(o, DisplayData) and "image/png" in o.bundle]


@pytest.mark.slow
async def test_a_figure_is_shown_at_the_end_of_the_first_cell_that_plots() -> None:
    emitted = await shown("import matplotlib.pyplot as plt\nplt.plot([1, 2]);\nprint('before the figure')")
    (figure,) = figures(emitted)
    assert figure.startswith(PNG)
    assert isinstance(emitted[0], StreamText)


@pytest.mark.slow
async def test_show_displays_at_once_and_only_once() -> None:
    emitted = await shown("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint('after')")
    assert len(figures(emitted)) == 1
    assert isinstance(emitted[-1], StreamText)


@pytest.mark.slow
async def test_a_cell_that_plots_nothing_shows_no_figure() -> None:
    assert figures(await shown("import matplotlib.pyplot as plt\nx = 1")) == []


@pytest.mark.slow
async def test_the_inline_magic_works() -> None:
    emitted = await shown("%matplotlib inline\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots()")
    assert len(figures(emitted)) == 1


@pytest.mark.slow
async def test_a_data_frame_is_a_table() -> None:
    (table,) = await shown("import pandas as pd\npd.DataFrame({'a': [1, 2]})")
    assert isinstance(table, ExecuteResult)
    assert "<table" in table.bundle["text/html"]
    assert "a" in table.bundle["text/plain"]


@pytest.mark.slow
async def test_a_plotly_figure_is_data_and_no_html() -> None:
    (figure,) = await shown("import plotly.graph_objects as go\ngo.Figure(go.Bar(y=[1, 2]))")
    assert isinstance(figure, DisplayData)
    assert list(figure.bundle) == ["application/vnd.plotly.v1+json"]


@pytest.mark.slow
async def test_an_altair_chart_is_data_that_notebooks_know_until_user_code_wants_something_else() -> None:
    source = "alt.Chart(alt.Data(values=[{'x': 1}])).mark_point()"
    chart, html = await shown(f"import altair as alt\ndisplay({source})\nalt.renderers.enable('html')\ndisplay({source})")
    assert isinstance(chart, DisplayData)
    assert [mime for mime in chart.bundle if mime != "text/plain"] == ["application/vnd.vegalite.v6+json"]
    assert isinstance(html, DisplayData)
    assert "text/html" in html.bundle
