"""Images in requests: none is lost, and each is sent as its bytes say."""

import base64
import binascii
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.messages import Image, Message, Request, ToolCall
from rxagent.models.anthropic_messages.request import message_body
from rxagent.models.converse.request import converse_call
from rxagent.models.errors import ErrorFactory
from rxagent.models.image_data import image_data
from rxagent.models.openai_chat.request import chat_messages
from rxagent.models.openai_responses.conversation import input_items

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

BUILDERS = {
    "chat": lambda messages: list(chat_messages(messages)),
    "responses": lambda messages: list(input_items(messages)),
    "anthropic": lambda messages: message_body(Request(messages))["messages"],
    "bedrock": lambda messages: converse_call(
        "amazon.nova-pro-v1:0", Request(messages), (), "bedrock", ErrorFactory("bedrock", "m")
    )["messages"],
}


def written(value):
    """Return a request as text, in which bytes are base64."""
    return json.dumps(value, default=lambda data: base64.b64encode(data).decode())


@st.composite
def histories(draw):
    """Return messages with images in any of them, each another one, and these images."""
    images, messages = [], []

    def shown():
        new = [PNG + bytes([len(images) + at]) for at in range(draw(st.integers(0, 2)))]
        images.extend(new)
        return [Image.from_bytes(data) for data in new]

    for at in range(draw(st.integers(1, 4))):
        texts = st.sampled_from(["", "See."])
        match draw(st.sampled_from(["user", "assistant", "calls"])):
            case "calls":
                calls = [ToolCall(f"c{at}{i}", "look", "{}") for i in range(2)]
                messages.append(Message("assistant", draw(texts), calls, images=shown()))
                messages += [
                    Message("tool", draw(texts), tool_call_id=c.id, images=shown()) for c in calls
                ]
            case role:
                messages.append(Message(role, draw(texts), images=shown()))
    return messages, images


@pytest.mark.parametrize("protocol", BUILDERS)
@given(histories())
def test_no_image_is_lost(protocol, history):
    """Each image of a history is sent once, in whichever message it stands."""
    messages, images = history
    sent = written(BUILDERS[protocol](messages))

    assert [1] * len(images) == [sent.count(base64.b64encode(data).decode()) for data in images]


@given(st.binary(max_size=9), st.booleans(), st.booleans(), st.booleans())
def test_base64_of_any_kind(more, is_for_urls, is_padded, is_escaped):
    """The base64 of URLs is read as any other, with its padding or without it."""
    data = JPEG + more
    text = (base64.urlsafe_b64encode if is_for_urls else base64.b64encode)(data).decode()
    text = text if is_padded else text.rstrip("=")
    text = text.replace("+", "%2B").replace("/", "%2F\n") if is_escaped else text

    assert ("jpeg", data) == image_data(f"data:image/png;base64,{text}")


@pytest.mark.parametrize("text", ["a", "*AAA", "AA=A"])
def test_no_base64(text):
    """What is no base64 is not guessed at."""
    with pytest.raises(binascii.Error):
        image_data(f"data:image/png;base64,{text}")


@pytest.mark.parametrize("protocol", ["anthropic", "bedrock"])
def test_the_bytes_say_the_format(protocol):
    """A label that is wrong costs no request."""
    shown = Message("user", "See.", images=[Image.from_bytes(JPEG, "image/png")])
    sent = written(BUILDERS[protocol]([shown]))

    assert "jpeg" in sent
    assert "png" not in sent
