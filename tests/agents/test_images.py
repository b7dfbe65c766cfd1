"""Images that tools return, from the tool to the request that the model reads."""

import pytest

from rxagent import Agent, Image
from rxagent.events import ToolCompleted
from rxagent.models import OpenAIModel
from rxagent.state import State, fold_all
from rxagent.streams import each
from rxagent.testing import ScriptedServer
from rxagent.testing.frames import call_chunks, said_by, saying, texts
from rxagent.wire import dumps, loads

PNG = b"\x89PNG\r\n\x1a\n..."
JPEG = b"\xff\xd8\xff..."
CAT, DOG = Image.from_bytes(PNG), Image.from_bytes(JPEG, "image/jpeg")


class Picture:
    """Shows itself as a notebook would show it."""

    def _repr_png_(self):
        return PNG


async def later():
    """Return an image, once it is awaited."""
    return [CAT]


FORMS = {
    "an image": (lambda: CAT, "(image 1)", [CAT]),
    "a picture": (Picture, "(image 1)", [CAT]),
    "the bytes of a file": (lambda: PNG, "(image 1)", [CAT]),
    "bytes with their type": (lambda: (JPEG, "image/jpeg"), "(image 1)", [DOG]),
    "bytes in a buffer with their type": (
        lambda: (memoryview(b"x"), "image/avif"),
        "(image 1)",
        [Image.from_bytes(b"x", "image/avif")],
    ),
    "a link": (
        lambda: Image("https://example.com/cat.png"),
        "(image 1)",
        [Image("https://example.com/cat.png")],
    ),
    "texts and images": (
        lambda: ["A cat:", CAT, "A dog:", Picture(), (JPEG, "image/jpeg")],
        '["A cat:","(image 1)","A dog:","(image 2)","(image 3)"]',
        [CAT, CAT, DOG],
    ),
    "images by name": (lambda: {"cat": CAT, "age": 3}, '{"cat":"(image 1)","age":3}', [CAT]),
    "what is yielded": (lambda: iter(["A cat:", CAT, DOG]), "A cat:\n(image 1)\n(image 2)", None),
    "what is awaited": (later, '["(image 1)"]', [CAT]),
}


def parts(images):
    """Return images as the parts of a message to OpenAI."""
    return [{"type": "image_url", "image_url": {"url": image.url}} for image in images]


def looking(body):
    """Call the tool twice, and then answer."""
    if said_by(body, "tool"):
        return saying(body, texts("I see."))
    calls = [chunk for at in range(2) for chunk in call_chunks(at, f"call_{at}", "look", "{}")]
    return saying(body, calls, "tool_calls")


@pytest.mark.parametrize(("see", "text", "images"), FORMS.values(), ids=list(FORMS))
def test_a_tool_s_images_reach_the_model(monkeypatch, see, text, images):
    """They are in the event, the state and the journal; OpenAI gets them behind the results."""
    images = [CAT, DOG] if images is None else images

    def look():
        """Look."""
        return see()

    with ScriptedServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        server.scenario("looks", looking)
        events = list(each(Agent(OpenAIModel("looks"), [look])("What is there?")))
    *_, asked, first, second, seen = server.requests[1].body["messages"]
    ended = [event for event in events if isinstance(event, ToolCompleted)]

    state = fold_all(State(), events)

    assert "I see." == state.answer
    assert [(text, tuple(images))] * 2 == [(event.result, event.images) for event in ended]
    assert [tuple(images)] * 2 == [
        loads(dumps(message)).images for message in state.messages() if message.role == "tool"
    ]
    assert 2 == len(asked["tool_calls"])
    assert [(text, "call_0"), (text, "call_1")] == [
        (message["content"], message["tool_call_id"]) for message in (first, second)
    ]
    assert {"role": "user", "content": parts([*images, *images])} == seen
