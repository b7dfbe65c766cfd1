"""docs/examples/ollama.py, beyond the contract: odd replies, and conversations of several runs."""

import importlib.util
import json
import socket
import threading
from pathlib import Path

import pytest

from rxagent import each
from rxagent.errors import ModelRejected, ModelUnavailable
from rxagent.events import Finish, TextDelta
from rxagent.messages import Image, Message, Request, ToolCall
from rxagent.models import ErrorFactory

pytest.importorskip("aiohttp")

_FILE = Path(__file__).parents[1] / "docs" / "examples" / "ollama.py"
_SPEC = importlib.util.spec_from_file_location("ollama_example", _FILE)
example = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(example)

ERRORS = ErrorFactory("ollama", "m")
DONE = {"done": True, "done_reason": "stop"}


@pytest.mark.parametrize(
    "part",
    [
        {"done_reason": None},
        {"eval_count": None, "prompt_eval_count": None},
        {"eval_count": "5"},
    ],
)
def test_odd_side_fields_cost_no_answer(part):
    """A reason or a count that is missing or unreadable is unknown, and the answer ends."""
    deltas = list(example.Reading("m").deltas(DONE | part, ERRORS))

    assert [Finish("stop")] == deltas


def test_an_unknown_reason_is_no_end():
    """A reply that ended for a reason that is unknown may have failed."""
    with pytest.raises(ModelUnavailable, match="ended its reply with 'load'"):
        list(example.Reading("m").deltas(DONE | {"done_reason": "load"}, ERRORS))


def test_a_result_has_the_name_of_the_call_before_it():
    """The ids of calls come again in each run."""
    said = [
        message
        for name in ("add", "now")
        for message in (
            Message("assistant", "", [ToolCall("call_1_1_0", name, "{}")]),
            Message("tool", "5", tool_call_id="call_1_1_0"),
        )
    ]
    sent = example.body("m", Request(said), ERRORS)["messages"]

    assert [each["tool_name"] for each in sent if each["role"] == "tool"] == ["add", "now"]


def test_an_address_of_an_image_is_refused():
    """Ollama takes images as bytes alone."""
    shown = Message("user", "Look.", images=[Image("https://example.org/a,b.png")])

    with pytest.raises(ModelRejected, match="is an address"):
        example.body("m", Request([shown]), ERRORS)


def test_an_answer_that_is_done_is_whole():
    """What breaks behind the last line costs nothing."""

    def answer(connection):
        connection.recv(65536)
        said = b'{"message": {"content": "Hi"}}\n' + json.dumps(DONE).encode() + b"\n"
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n" + said)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: answer(server.accept()[0]))
        thread.start()
        model = example.OllamaModel("m", f"http://127.0.0.1:{server.getsockname()[1]}")
        deltas = list(each(model("Hi")))
        thread.join()

    assert [TextDelta("Hi"), Finish("stop")] == deltas
