"""What a server of OpenAI's protocol is asked."""

import pytest

from rxagent.messages import Image, Message, ToolCall
from rxagent.models.chat_requests import chat_messages

CAT, DOG = Image("https://example.com/cat.png"), Image("data:image/png;base64,AA==")


def part(image):
    """Return an image as a part of some content."""
    return {"type": "image_url", "image_url": {"url": image.url}}


def test_texts():
    """Messages of text alone have it as their content."""
    said = [Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hm.")]

    assert [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hm."},
    ] == list(chat_messages(said))


def test_calls():
    """Calls and their results are native; what a model has thought is not sent back."""
    said = [
        Message("assistant", tool_calls=(ToolCall("c", "add", '{"a": 1}'),), reasoning="Hm."),
        Message("tool", "1", tool_call_id="c"),
    ]
    function = {"name": "add", "arguments": '{"a": 1}'}

    assert [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "1"},
    ] == list(chat_messages(said))


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"a": [1]}', '{"a": [1]}'),
        ('{"a": ', "{}"),
        ("3", "{}"),
        ("null", "{}"),
        ("", "{}"),
        ("[" * 100_000, "{}"),
        ('{"a": NaN}', "{}"),
        ('{"a": "\\ud800"}', "{}"),
        ('{"a": "\ud800"}', "{}"),
    ],
)
def test_arguments(arguments, sent):
    """Arguments that are no JSON object are sent as an empty one, which every server can read."""
    (message,) = chat_messages([Message("assistant", "", (ToolCall("c", "add", arguments),))])

    assert sent == message["tool_calls"][0]["function"]["arguments"]


def test_images():
    """Images are parts of the content, after its text."""
    said = [Message("user", "Look", images=(CAT, DOG)), Message("user", images=(CAT,))]

    assert [
        {"role": "user", "content": [{"type": "text", "text": "Look"}, part(CAT), part(DOG)]},
        {"role": "user", "content": [part(CAT)]},
    ] == list(chat_messages(said))


def test_images_of_tools():
    """Images that tools return follow their results, in a message of the user's."""
    said = [
        Message("tool", "1", tool_call_id="c", images=(CAT,)),
        Message("tool", "2", tool_call_id="d", images=(DOG,)),
        Message("assistant", "Cute."),
        Message("tool", "3", tool_call_id="e", images=(CAT,)),
    ]

    assert [
        {"role": "tool", "tool_call_id": "c", "content": "1"},
        {"role": "tool", "tool_call_id": "d", "content": "2"},
        {"role": "user", "content": [part(CAT), part(DOG)]},
        {"role": "assistant", "content": "Cute."},
        {"role": "tool", "tool_call_id": "e", "content": "3"},
        {"role": "user", "content": [part(CAT)]},
    ] == list(chat_messages(said))
