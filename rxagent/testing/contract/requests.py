"""Requests: what of a conversation arrives, in the provider's own form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

from ...errors import ModelRejected
from ...events import Finish, TextDelta
from ...messages import Image, Message, ProviderData, Request, ToolCall, ToolSpec
from ..far_ends import FarEnd
from .calls import ADD, NOW
from .listening import answer

__all__ = ["RequestCells"]

_PIXEL = Image(
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLv"
    "AAAAAElFTkSuQmCC"
)
_ANOTHER = Image(
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAADUlEQVR4nGP4zwAE/wEHAAH/"
    "4iOeWQAAAABJRU5ErkJggg=="
)
_NESTED = ToolSpec(
    "find",
    "Find flights, Flüge, 航班.",
    {
        "type": "object",
        "properties": {
            "between": {"type": "array", "items": {"type": "string"}},
            "class": {"type": "string", "enum": ["economy", "business"]},
            "options": {"type": "object", "properties": {"direct": {"type": "boolean"}}},
        },
        "required": ["between"],
    },
)
_OTHERS = [ToolSpec(f"tool_{at}", f"Do thing {at}.") for at in range(13)]
_JPEG = Image(
    "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP////////////////////////////////////"
    "//////////////////////////////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAA"
    "A//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AR//Z"
)
_OTHER_KINDS = [
    Image(
        "data:image/webp;base64,UklGRjAAAABXRUJQVlA4ICQAAABwAQCdASoBAAEADMDOJaACdAFAAAD+2iYRho1+LuxHGS"
        "QAAAA="
    ),
    Image("data:image/gif;base64,R0lGODdhAQABAIEAAMgeHgAAAAAAAAAAACwAAAAAAQABAAAIBAABBAQAOw=="),
]
_SCHEMA = {
    "type": "object",
    "properties": {"northernmost_city": {"type": "string"}},
    "required": ["northernmost_city"],
    "additionalProperties": False,
}
_SECRET = "a signature of another provider"


def _received(far_end: FarEnd, *messages: Message, tools: tuple[ToolSpec, ...] = ()) -> Request:
    """Send messages, and return what the far end understands."""
    answer(far_end.serve(TextDelta("Yes."), Finish("stop")), Request(messages, tools=tools))
    return far_end.requests[-1]


def _in_order(texts: list[str], messages: tuple[Message, ...]) -> bool:
    """Return whether texts stand in messages in this order."""
    whole, at = "\n".join(message.text for message in messages), 0
    for text in texts:
        at = whole.find(text, at)
        if at < 0:
            return False
        at += len(text)
    return True


def _leaves(value: object) -> list[object]:
    match value:
        case Mapping():
            return [leaf for item in value.values() for leaf in _leaves(item)]
        case list() | tuple():
            return [leaf for item in value for leaf in _leaves(item)]
    return [value]


class RequestCells:
    """What a model sends."""

    def test_roles(self, far_end: FarEnd) -> None:
        """System, user and assistant stay what they are, and in order."""
        messages = (
            Message("system", "Be brief."),
            Message("user", "Hello."),
            Message("assistant", "Hello, you."),
            Message("user", "How are you?"),
        )

        sent = _received(far_end, *messages).messages
        assert [(m.role, m.text) for m in messages] == [(m.role, m.text) for m in sent]

    def test_texts_are_whole(self, far_end: FarEnd) -> None:
        """Texts arrive as they are, in all scripts, with blanks and line breaks at their ends."""
        texts = [
            "\n  Be brief. \n",
            "  One\n\n  two: Grüße, 你好 🎈 שלום \n",
            "Да <b>.",
            "\tthree\u2028\n    four  \n\n",
        ]
        roles = ["system", "user", "assistant", "user"]
        messages = [Message(role, text) for role, text in zip(roles, texts, strict=True)]

        assert texts == [message.text for message in _received(far_end, *messages).messages]

    def test_options(self, far_end: FarEnd) -> None:
        """An option of a request is sent, as the provider names it."""
        model = far_end.serve(TextDelta("Yes."), Finish("stop"))
        answer(model, Request("Hi", options=far_end.option))

        sent = _leaves(far_end.bodies[-1])
        assert [] == [value for value in _leaves(far_end.option) if value not in sent]

    def test_adjacent_messages(self, far_end: FarEnd) -> None:
        """Messages of one role in a row are sent as the provider takes them, with all texts."""
        roles = ["system", "system", "user", "user", "assistant", "assistant", "user"]
        messages = [Message(role, f"Text {at}.") for at, role in enumerate(roles)]

        assert _in_order([m.text for m in messages], _received(far_end, *messages).messages)

    def test_long_conversations(self, far_end: FarEnd) -> None:
        """Sixty messages, a long text and a long result of a tool are sent whole."""
        long = "Hello there, how are you? It is " * (far_end.longest // 32)
        past = [
            Message(role, f"{role} says {at}.")
            for at in range(28)
            for role in ("user", "assistant")
        ]
        messages = [
            *past,
            Message("user", f"{long}5."),
            Message("assistant", tool_calls=[ToolCall("call_1", "now", "{}")]),
            Message("tool", f"{long}noon.", tool_call_id="call_1"),
            Message("assistant", "It is noon."),
            Message("user", "And now?"),
        ]
        sent = _received(far_end, *messages, tools=(NOW,)).messages

        assert _in_order([message.text for message in messages], sent)

    def test_output_schema(self, far_end: FarEnd) -> None:
        """The schema of the answer that is asked for is sent."""
        model = far_end.serve(TextDelta('{"northernmost_city": "Alert"}'), Finish("stop"))
        answer(model, Request("Which city?", output=_SCHEMA))

        assert "northernmost_city" in json.dumps(far_end.bodies[-1])

    def test_images(self, far_end: FarEnd) -> None:
        """An image of a message arrives with its text."""
        (sent,) = _received(far_end, Message("user", "What is it?", images=[_PIXEL])).messages

        assert ("What is it?", (_PIXEL,)) == (sent.text, sent.images)

    def test_several_images(self, far_end: FarEnd) -> None:
        """All images of a message arrive, in order."""
        images = [_PIXEL, _ANOTHER, _PIXEL]
        (sent,) = _received(far_end, Message("user", "Which differs?", images=images)).messages

        assert ("Which differs?", tuple(images)) == (sent.text, sent.images)

    def test_kinds_of_images(self, far_end: FarEnd) -> None:
        """A JPEG arrives as a PNG does; so does a WebP or a GIF, or it is rejected."""
        (sent,) = _received(far_end, Message("user", "What is it?", images=[_JPEG])).messages
        assert (_JPEG,) == sent.images

        for image in _OTHER_KINDS:
            with suppress(ModelRejected):
                (sent,) = _received(far_end, Message("user", "And?", images=[image])).messages
                assert (image,) == sent.images

    def test_images_of_results(self, far_end: FarEnd) -> None:
        """An image that a tool returns arrives, in its result or behind it."""
        call = ToolCall("call_1", "now", "{}")
        sent = _received(
            far_end,
            Message("user", "Look."),
            Message("assistant", tool_calls=[call]),
            Message("tool", "A picture.", tool_call_id="call_1", images=[_PIXEL]),
            tools=(NOW,),
        ).messages

        assert [_PIXEL] == [image for message in sent for image in message.images]
        assert _in_order(["Look.", "A picture."], sent)

    def test_tools(self, far_end: FarEnd) -> None:
        """All tools arrive, with name, description and schema."""
        tools = (ADD, NOW, _NESTED, *_OTHERS)
        sent = _received(far_end, Message("user", "Hi"), tools=tools).tools

        assert [(tool.name, tool.description) for tool in tools] == [
            (tool.name, tool.description) for tool in sent
        ]
        assert dict(_NESTED.parameters) == dict(sent[2].parameters)

    def test_no_tools(self, far_end: FarEnd) -> None:
        """Without tools no field about tools is sent."""
        _received(far_end, Message("user", "Hi"))

        assert [] == [name for name in far_end.bodies[-1] if "tool" in name.lower()]

    def test_ids_and_names(self, far_end: FarEnd) -> None:
        """Names and ids that a provider would reject are replaced, alike in calls and results."""
        ids = ["x" * 300, "", "a b/ü", "same"]
        names = ["n" * 300, "a name, with spaces", "ü", "add"]
        calls = [ToolCall(id, name, "{}") for id, name in zip(ids, names, strict=True)]
        results = [Message("tool", f"Result {at}.", tool_call_id=id) for at, id in enumerate(ids)]
        again = Message("assistant", tool_calls=[ToolCall("same", "add", "no JSON")])
        sent = _received(
            far_end,
            Message("user", "Do it."),
            Message("assistant", tool_calls=calls),
            *results,
            again,
            Message("tool", "Result 4.", tool_call_id="same"),
            tools=(ADD,),
        ).messages

        made = [call.id for message in sent for call in message.tool_calls]
        returned = {m.tool_call_id: m.text for m in sent if m.role == "tool"}
        assert len(set(made)) == len(made) == 5
        assert [f"Result {at}." for at in range(5)] == [returned[id] for id in made]

    def test_data_of_others_stays(self, far_end: FarEnd) -> None:
        """What another provider wants back is not sent, and its history is accepted."""
        others = [ProviderData(name, {"signature": _SECRET, "id": _SECRET}) for name in _ORIGINS]
        call = ToolCall("toolu_1", "add", '{"a": 2, "b": 3}', extra=others)
        thought = Message("assistant", "", [call], reasoning="I add.", extra=others)
        sent = _received(
            far_end,
            Message("user", "What is 2 + 3?"),
            thought,
            Message("tool", "5", tool_call_id="toolu_1"),
            tools=(ADD,),
        ).messages

        assert _SECRET not in json.dumps(far_end.bodies[-1])
        assert "5" == next(message.text for message in sent if message.role == "tool")


_ORIGINS = ["elsewhere", "openai http://elsewhere:1/v1", "anthropic http://elsewhere:1"]
