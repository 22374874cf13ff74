"""Widgets: what pages hear of them, what they hear of pages, and what an Output widget captures. Real ipywidgets and anywidget."""

from base64 import b64encode
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pytest

from runtime_python import IPythonEngine
from runtime_schema.live import CommMessage
from runtime_schema.outputs import DisplayData, ErrorOutput, Output, StreamText

with_widgets = pytest.mark.host  # Pyodide's tests have no ipywidgets


class Notebook:
    """Runs cells; keeps what they emit and what widgets say."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.said: list[CommMessage] = []
        self.count = 0

    @cached_property
    def engine(self) -> IPythonEngine:
        """Made at its first use, in the test itself: between fixture and test pytest changes sys.stdout."""
        return IPythonEngine(self.outputs.append, lambda _prompt, _password: "", send_comm=self.said.append, hidden_files=[__file__])

    async def run(self, source: str) -> None:
        self.outputs.clear()
        self.said.clear()
        self.count += 1
        reply = await self.engine.execute(source, execution_count=self.count)
        assert reply.status == "ok", self.outputs

    def text(self) -> str:
        return "".join(output.text for output in self.outputs if isinstance(output, StreamText))

    def opened(self, model: str) -> CommMessage:
        (found,) = [message for message in self.said if message.kind == "open" and state_of(message).get("_model_name") == model]
        return found

    def tell(self, comm_id: str, **state: Any) -> None:
        """Change a widget's state, as a page does."""
        self.outputs.clear()
        self.said.clear()
        self.engine.comm_message(CommMessage(kind="msg", comm_id=comm_id, data={"method": "update", "state": state, "buffer_paths": []}))

    def captured(self, comm_id: str) -> list[Any]:
        """The last outputs that pages were told of an Output widget."""
        told = [state_of(message)["outputs"] for message in self.said if message.comm_id == comm_id and "outputs" in state_of(message)]
        return told[-1]


def state_of(message: CommMessage) -> dict[str, Any]:
    state: Any = message.data.get("state", {})
    return state


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    made = Notebook()
    yield made
    made.engine.close()


@with_widgets
async def test_a_slider_is_opened_shown_and_moved_from_a_page(notebook: Notebook) -> None:
    await notebook.run("import ipywidgets as w\nslider = w.IntSlider(value=3, max=10)\nslider")
    opened = notebook.opened("IntSliderModel")
    assert opened.target_name == "jupyter.widget"
    assert (state_of(opened)["value"], state_of(opened)["max"]) == (3, 10)
    (shown,) = notebook.outputs
    assert opened.comm_id in str(shown)
    await notebook.run("slider.observe(lambda change: print('moved to', change['new']), 'value')")
    notebook.tell(opened.comm_id, value=7)
    assert notebook.text() == "moved to 7\n"
    await notebook.run("slider.value += 1")
    assert [state_of(message) for message in notebook.said if message.data.get("method") == "update"] == [{"value": 8}]


@with_widgets
async def test_a_button_calls_back_and_its_error_is_shown(notebook: Notebook) -> None:
    await notebook.run("import ipywidgets as w\nbutton = w.Button()\nbutton.on_click(lambda _: print(1 / 0))")
    comm_id = notebook.opened("ButtonModel").comm_id
    notebook.engine.comm_message(CommMessage(kind="msg", comm_id=comm_id, data={"method": "custom", "content": {"event": "click"}}))
    (error,) = [output for output in notebook.outputs if isinstance(output, ErrorOutput)]
    assert error.name == "ZeroDivisionError"


@with_widgets
async def test_binary_state_travels_as_buffers(notebook: Notebook) -> None:
    await notebook.run("import ipywidgets as w\nimage = w.Image(value=b'\\x89PNG', format='png')")
    opened = notebook.opened("ImageModel")
    assert opened.data["buffer_paths"] == [["value"]]
    assert opened.buffers == (b64encode(b"\x89PNG").decode(),)
    changed = CommMessage(
        kind="msg",
        comm_id=opened.comm_id,
        data={"method": "update", "state": {}, "buffer_paths": [["value"]]},
        buffers=(b64encode(b"GIF").decode(),),
    )
    notebook.engine.comm_message(changed)
    await notebook.run("print(bytes(image.value))")
    assert notebook.text() == "b'GIF'\n"


@with_widgets
async def test_an_anywidget_carries_its_module(notebook: Notebook) -> None:
    await notebook.run(
        "import anywidget, traitlets\nclass Counter(anywidget.AnyWidget):\n"
        "    _esm = 'export default { render() {} }'\n    n = traitlets.Int(1).tag(sync=True)\ncounter = Counter()"
    )
    state = state_of(notebook.opened("AnyModel"))
    assert (state["_esm"], state["n"]) == ("export default { render() {} }", 1)


@with_widgets
async def test_an_output_widget_takes_what_is_written_inside(notebook: Notebook) -> None:
    await notebook.run("import ipywidgets as w\nout = w.Output()")
    comm_id = notebook.opened("OutputModel").comm_id
    await notebook.run(
        "from IPython.display import display, HTML\nprint('before')\n"
        "with out:\n    print('inside')\n    print('and on')\n    display(HTML('<b>x</b>'))\n    1 / 0\nprint('after')"
    )
    assert notebook.text() == "before\nafter\n"
    stream, shown, error = notebook.captured(comm_id)
    assert stream == {"output_type": "stream", "name": "stdout", "text": "inside\nand on\n"}
    assert shown["data"]["text/html"] == "<b>x</b>"
    assert error["ename"] == "ZeroDivisionError"
    again = "from IPython.display import clear_output\nprint(len(out.outputs))\nwith out:\n    clear_output()\n    print('new')"
    await notebook.run(again)
    assert notebook.text() == "3\n"
    assert notebook.captured(comm_id) == [{"output_type": "stream", "name": "stdout", "text": "new\n"}]


@with_widgets
async def test_interact_shows_its_result_in_its_own_output(notebook: Notebook) -> None:
    await notebook.run("from ipywidgets import interact\n@interact(n=(0, 10))\ndef square(n=2):\n    return n * n")
    slider, out = notebook.opened("IntSliderModel").comm_id, notebook.opened("OutputModel").comm_id
    assert notebook.captured(out)[0]["data"]["text/plain"] == "4"
    assert all(isinstance(output, DisplayData) for output in notebook.outputs), "the cell itself shows the widget and nothing else"
    notebook.tell(slider, value=5)
    assert notebook.captured(out)[0]["data"]["text/plain"] == "25"
    assert notebook.outputs == []


@with_widgets
async def test_a_closed_widget_hears_nothing(notebook: Notebook) -> None:
    await notebook.run("import ipywidgets as w\nslider = w.IntSlider()\nslider.observe(lambda _: print('heard'), 'value')")
    comm_id = notebook.opened("IntSliderModel").comm_id
    await notebook.run("slider.close()")
    assert [message.kind for message in notebook.said if message.comm_id == comm_id] == ["close"]
    notebook.tell(comm_id, value=7)
    notebook.tell("never-opened", value=7)
    assert notebook.outputs == []


async def test_another_engine_of_the_process_gets_the_widgets_made_after_it() -> None:
    first = Notebook()
    await first.run("import comm")
    first.engine.close()
    second = Notebook()
    try:
        await second.run("import comm\nc = comm.create_comm(target_name='t', data={'x': float('nan')})")
        assert [(message.kind, message.target_name, message.data) for message in second.said] == [("open", "t", {"x": None})]
        assert first.said == []
    finally:
        second.engine.close()


async def test_questions_are_answered_as_pages_expect(notebook: Notebook) -> None:
    await notebook.run("particular = 41")
    answer = notebook.engine.answer("complete", {"code": "partic", "cursor": 6})
    assert answer == {"matches": [{"text": "particular", "type": "variable"}], "start": 0, "end": 6}
    assert "int" in str(notebook.engine.answer("inspect", {"code": "particular", "cursor": 3})["bundle"])
    assert notebook.engine.answer("inspect", {"code": "unheard_of", "cursor": 3}) == {"bundle": None}
    assert notebook.engine.answer("variables", {}) == {"variables": [{"name": "particular", "type": "int", "summary": "41"}]}
    with pytest.raises(ValueError, match="needs code and a cursor"):
        notebook.engine.answer("complete", {"code": 1})
    with pytest.raises(ValueError, match="answered by the engine or by nobody"):
        notebook.engine.answer("resources", {})
