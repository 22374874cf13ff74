"""What a kernel's messages mean."""

import subprocess
import sys

from runtime_node.jupyter_messages import Message, asks_exit, payload_text, to_comm, to_matches, to_output, to_reply
from runtime_schema.json_text import Json
from runtime_schema.outputs import DisplayData, ErrorOutput, ExecuteReply


def message(kind: str, content: dict[str, Json]) -> Message:
    return Message(kind=kind, parent_id="p", content=content, metadata={})


def test_values_of_a_bundle_are_strings() -> None:
    data: Json = {"text/plain": ["a\n", "b"], "application/vnd.x+json": {"n": [1]}, "application/json": "text", "image/png": "cG5n"}
    assert to_output(message("display_data", {"data": data, "metadata": {"w": 1}, "transient": {"display_id": "d"}}), 1) == DisplayData(
        bundle={"text/plain": "a\nb", "application/vnd.x+json": '{"n": [1]}', "application/json": '"text"', "image/png": "cG5n"},
        metadata='{"w": 1}',
        display_id="d",
    )


def test_what_shows_nothing_is_no_output() -> None:
    assert to_output(message("stream", {"name": "stdout", "text": ""}), 1) is None
    assert to_output(message("update_display_data", {"data": {}}), 1) is None
    assert to_output(message("execute_input", {"code": "1"}), 1) is None


def test_an_error_has_a_name() -> None:
    content: dict[str, Json] = {"status": "error", "ename": "", "evalue": "2", "traceback": []}
    assert to_output(message("error", content), 1) == ErrorOutput(name="Error", value="2")
    assert to_reply(content, interrupted=True) == ExecuteReply(status="error", error_name="Error", error_value="2")


def test_only_what_was_interrupted_is_cancelled() -> None:
    for content in ({"status": "abort"}, {"status": "aborted"}, {"status": "error", "ename": "InterruptException"}):
        assert to_reply(content, interrupted=True).status == "cancelled"
        assert to_reply(content, interrupted=False).status == "error"
    assert to_reply({"status": "ok"}, interrupted=True).status == "ok"


def test_payloads_are_shown() -> None:
    page: Json = {"source": "page", "data": {"text/plain": "help"}, "start": 0}
    content: dict[str, Json] = {"payload": [page, {"source": "set_next_input", "text": "x = 1\n"}, {"source": "ask_exit"}]}
    assert payload_text(content) == "help\nx = 1\n"
    assert asks_exit(content)
    assert not asks_exit({"payload": []})


def test_matches_have_the_types_that_the_kernel_tells() -> None:
    content: dict[str, Json] = {
        "matches": ["a", "b"],
        "cursor_start": 0,
        "cursor_end": 1,
        "metadata": {"_jupyter_types_experimental": [{"text": "a", "type": "function"}]},
    }
    assert to_matches(content) == {"matches": [{"text": "a", "type": "function"}, {"text": "b", "type": ""}], "start": 0, "end": 1}


def test_other_messages_are_no_comms() -> None:
    assert to_comm(message("stream", {"comm_id": "c"})) is None
    assert to_comm(message("comm_msg", {})) is None


def test_a_runtime_without_jupyter_loads_nothing_of_it() -> None:
    code = "import sys, runtime_node, runtime_node.runtimes\nprint([m for m in ('zmq', 'jupyter_client') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
