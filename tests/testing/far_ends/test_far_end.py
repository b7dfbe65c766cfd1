"""Far ends: they check requests, see clients leave, and play what a script says."""

import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal, NotRequired

import pytest
from typing_extensions import TypedDict

from rxagent.errors import ModelError, ModelRejected, ModelUnavailable
from rxagent.events import Finish, TextDelta, Usage
from rxagent.messages import Request
from rxagent.streams import each
from rxagent.testing.far_ends import Cut, Endless, Held, LastFrame, check_type, known_far_ends
from rxagent.testing.far_ends.openai import OpenAIFarEnd

from ...sdks import SDKS


def test_what_is_served_is_said():
    """Each model says what its own script says, each time."""
    with OpenAIFarEnd() as far_end:
        one, two = far_end.serve(TextDelta("one")), far_end.serve(TextDelta("two"))

        said = [[*each(model("Hi"))] for model in (one, two, one)]
    assert [[TextDelta("one")], [TextDelta("two")], [TextDelta("one")]] == said


def test_a_script_reads_the_request():
    """A script may be a function of the request, as the provider understands it."""

    def script(request):
        return [TextDelta(request.messages[-1].text.upper()), Finish("stop")]

    with OpenAIFarEnd() as far_end:
        assert [TextDelta("HI"), Finish("stop")] == [*each(far_end.perform(script)("Hi"))]
        assert [Request("Hi")] == far_end.requests


def test_a_wrong_request_fails():
    """A request that the SDK's types do not allow is rejected, and raised at the end."""
    wrong = "temperature: Input should be a valid number"
    with (
        pytest.raises(AssertionError, match=wrong),
        OpenAIFarEnd() as far_end,
        pytest.raises(ModelRejected, match=wrong),
    ):
        list(each(far_end.serve(TextDelta("Hi"), temperature="hot")("Hi")))


def no_script(request):
    """Raise an error, as a script with a mistake does."""
    raise KeyError("a mistake")


@pytest.mark.parametrize(
    ("script", "mistake", "kind"),
    [
        (no_script, "a mistake", KeyError),
        (lambda request: [LastFrame([Usage(1, 1)])], "No last chunk says", TypeError),
    ],
)
def test_a_mistake_in_a_script_fails(script, mistake, kind):
    """A script or a rendering that raises is no server that breaks off: it is raised at the end."""
    with pytest.raises(kind, match=mistake), OpenAIFarEnd() as far_end, suppress(ModelError):
        list(each(far_end.perform(script)("Hi")))


def test_the_first_error_counts():
    """A test's own error is not hidden by what was wrong with a request."""
    with pytest.raises(ModelRejected), OpenAIFarEnd() as far_end:
        list(each(far_end.serve(TextDelta("Hi"), temperature="hot")("Hi")))


def test_a_fault_is_raised_once():
    """What `verify` has raised is not raised again."""
    with OpenAIFarEnd() as far_end:
        with pytest.raises(ModelRejected):
            list(each(far_end.serve(TextDelta("Hi"), temperature="hot")("Hi")))
        with pytest.raises(AssertionError):
            far_end.verify()
        far_end.verify()


def test_only_those_that_left_have_left():
    """A client that read to the end has not left; one that broke off has."""
    with OpenAIFarEnd() as far_end:
        read = far_end.serve(TextDelta("Hi"), Finish("stop"))
        left = far_end.serve(Endless(TextDelta("more ")))
        list(each(read("Hi")))
        for _ in each(left("Hi")):
            break
        far_end.wait_hang_up(left)

        assert [False, True] == [call.left for call in far_end.calls]
        with pytest.raises(TimeoutError, match=r"was not left within 0\.01 s"):
            far_end.wait_hang_up(read, timeout=0.01)


def test_a_script_is_held_until_an_event():
    """Nothing more comes before the event is set."""
    go, texts = threading.Event(), []
    items = TextDelta("Hello"), Held(go), TextDelta(" there"), Finish("stop")

    with OpenAIFarEnd() as far_end:
        for delta in each(far_end.serve(*items)("Hi")):
            texts += [(delta.text, go.is_set())] if isinstance(delta, TextDelta) else []
            go.set()
    assert [("Hello", False), (" there", True)] == texts


@pytest.mark.parametrize("said", [[], [TextDelta("Hello")]])
def test_a_whole_reply_is_cut(said):
    """A reply that is not streamed is empty, or half there."""
    with OpenAIFarEnd() as far_end, pytest.raises(ModelUnavailable):
        list(each(far_end.serve(*said, Cut(), stream=False)("Hi")))


def test_usage_is_the_sum():
    """What is used is the sum of a script's usage, and unknown without one."""
    far_end = OpenAIFarEnd()

    assert Usage(3, 5) == far_end.used([Usage(3, 1), TextDelta("Hi"), Usage(0, 4)])
    assert far_end.used([TextDelta("Hi")]) is None


def test_known_far_ends():
    """The far ends are found by their prefixes."""
    known = known_far_ends()

    assert known["openai"] is OpenAIFarEnd
    assert {prefix: kind.prefix for prefix, kind in known.items()} == {p: p for p in known}


class Part(TypedDict):
    """A part of a message."""

    type: Literal["text"]
    text: str
    parts: NotRequired["list[Part]"]


class Body(TypedDict):
    """A body with an iterable of parts, as SDKs describe it."""

    content: "str | Iterable[Part]"
    count: NotRequired[int]


@pytest.mark.parametrize(
    "body",
    [
        {"content": "Hi"},
        {"content": [{"type": "text", "text": "Hi"}], "count": 1},
        {"content": [], "more": 1},
    ],
)
def test_right_bodies(body):
    """A body of the type passes, with unknown fields."""
    check_type(Body, body)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "content: Field required"),
        ({"content": "Hi", "count": "1"}, "count: Input should be a valid integer, not '1'"),
        ({"content": [{"type": "text"}]}, r"0.text: Field required"),
        ({"content": [{"type": "image", "text": "Hi"}]}, r"0.type: Input should be 'text'"),
        ({"content": 3}, "content"),
    ],
)
def test_wrong_bodies(body, where):
    """A body of another type does not, and the error says where; also within an iterable."""
    with pytest.raises(AssertionError, match=where):
        check_type(Body, body)


def test_far_ends_import_no_sdk():
    """The far ends are found in an interpreter without any SDK."""
    program = f"""if True:
        import sys
        from rxagent.testing.far_ends import known_far_ends
        known_far_ends()
        print([name for name in {SDKS} if name in sys.modules])
    """
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=30
    )
    assert "[]\n" == ran.stdout
