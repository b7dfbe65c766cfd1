"""The forms of the replies of all protocols, as JSON that a test may change."""

import json
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from attrs import frozen

from rxagent.events import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.converse.frames import EventFrames
from rxagent.models.converse.reply import ConverseReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import MessageRendering, event
from rxagent.testing.far_ends.aws_frames import event_frame
from rxagent.testing.far_ends.converse import ConverseRendering
from rxagent.testing.far_ends.responses_events import ResponseRendering
from rxagent.testing.frames import DONE, chunk, finish_chunk, sse, text_chunk, usage_chunk

ANSWER = [
    ReasoningDelta("Hm."),
    TextDelta("I "),
    TextDelta("add."),
    ToolCallDelta(0, "toolu_1", "add", '{"a": '),
    ToolCallDelta(0, arguments="2}"),
    Finish("tool_calls"),
    Usage(5, 6),
]


@frozen
class Form:
    """A form of a reply.

    Attributes:
        reader: Reads it.
        events: Its events, as JSON; one, if it is whole.
        frame: Makes bytes of an event.
        parts: Where the objects of the protocol are in an event, the outermost first; `*` stands
            for each item of a list, and each value of an object.
        side: The names of the fields that say nothing of the answer's text.
        finish: The number of the event that says that the answer is whole.
        breakable: How many events may report a failure.
        end: The bytes behind the last event.
        blank: Frames that say nothing.
        settles: Whether nothing is read behind the event that says that the answer is whole.
    """

    reader: Callable[..., Any]
    events: list[Any]
    frame: Callable[[Any], bytes]
    parts: tuple[tuple[str, ...], ...]
    side: frozenset[str]
    finish: int = 0
    breakable: int = 1
    end: bytes = b""
    blank: tuple[bytes, ...] = ()
    settles: bool = False

    def read(self, events: list[Any]) -> list[Delta]:
        """Return the deltas of a reply of these events; bytes stand for themselves."""
        frames = (event if isinstance(event, bytes) else self.frame(event) for event in events)
        reply = self.reader(ErrorFactory("any", "m"), "here")
        deltas = chain(reply.feed(b"".join(frames) + self.end), reply.end())
        return [delta for delta in deltas if delta is not REST]

    def objects(self, event: Any) -> list[dict[str, Any]]:
        """Return the objects of the protocol in an event, so that they can be changed."""
        return [found for path in self.parts for found in _at(event, path)]


def side_fields(value: Any, names: frozenset[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each object inside a value, with the name of a field of these names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in names:
                yield value, name
            else:
                yield from side_fields(inner, names)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from side_fields(inner, names)


def _at(value: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if not path:
        if isinstance(value, dict):
            yield value
    elif path[0] == "*":
        inside = value.values() if isinstance(value, dict) else value
        for inner in inside if isinstance(value, dict | list) else ():
            yield from _at(inner, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def whole(value: Any) -> bytes:
    """Return a reply that is not streamed."""
    return json.dumps(value).encode()


def _rendered(rendering: Any) -> list[Any]:
    """Return the events of the answer, as JSON."""
    frames = chain(rendering.begin(), *map(rendering.delta, ANSWER), rendering.end())
    return [json.loads(frame.partition(b"data: ")[2]) for frame in frames]


def _call(**function: str) -> dict[str, Any]:
    return {"index": 0, "id": "call_1", "type": "function", "function": function}


CHAT = Form(
    ChatReply,
    [
        chunk({"role": "assistant", "reasoning_content": "Hm."}),
        text_chunk("I "),
        text_chunk("add."),
        chunk({"tool_calls": [_call(name="add", arguments='{"a": ')]}),
        chunk({"tool_calls": [_call(arguments="2}")]}),
        finish_chunk("tool_calls"),
        usage_chunk(5, 6),
    ],
    sse,
    ((), ("choices", "*"), ("choices", "*", "delta")),
    frozenset({"usage", "id", "model", "created", "reasoning_content"}),
    finish=5,
    breakable=7,
    end=DONE,
    blank=(
        b": ping\n\n",
        b"data:\n\n",
        b"event: ping\ndata: ping\n\n",
        *map(sse, ({}, {"type": "ping"}, {"choices": []}, text_chunk(""), finish_chunk("stop"))),
    ),
)

WHOLE_CHAT = Form(
    ChatReply,
    [
        {
            "id": "x",
            "object": "chat.completion",
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": "I add.",
                        "reasoning_content": "Hm.",
                        "tool_calls": [_call(name="add", arguments='{"a": 2}')],
                    },
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": {"prompt_tokens": 5, "completion_tokens": 6},
        }
    ],
    whole,
    ((), ("choices", "*"), ("choices", "*", "message")),
    CHAT.side,
)


def _empty_block(block: dict[str, Any]) -> list[bytes]:
    at = {"index": 9}
    return [
        event("content_block_start", content_block=block, **at),
        event("content_block_stop", **at),
    ]


_MESSAGE_EVENTS = _rendered(MessageRendering(ANSWER))

MESSAGES = Form(
    MessageReply,
    _MESSAGE_EVENTS,
    sse,
    ((), ("message",), ("delta",), ("content_block",)),
    frozenset(
        {"usage", "id", "model", "role", "thinking", "signature", "stop_sequence", "stop_details"}
    ),
    finish=len(_MESSAGE_EVENTS) - 2,
    breakable=len(_MESSAGE_EVENTS),
    blank=(
        *MessageRendering(ANSWER).blank(),
        *_empty_block({"type": "text", "text": ""}),
        *_empty_block({"type": "thinking", "thinking": "", "signature": "s"}),
        *_empty_block({"type": "something"}),
    ),
)

WHOLE_MESSAGE = Form(
    MessageReply,
    [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                {"type": "text", "text": "I add.", "citations": None},
                {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 2}},
            ],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 5, "output_tokens": 6},
        }
    ],
    whole,
    ((), ("content", "*")),
    MESSAGES.side | {"citations"},
)


def _converse_events() -> list[dict[str, Any]]:
    """Return the events of the answer, each under its type."""
    rendering = ConverseRendering()
    frames = chain(rendering.begin(), *map(rendering.delta, ANSWER), rendering.end())
    read = EventFrames().feed(b"".join(frames))
    return [{headers[":event-type"]: json.loads(payload)} for headers, payload in read]


def _converse_frame(event: dict[str, Any]) -> bytes:
    return b"".join(event_frame(*one) for one in event.items())


_CONVERSE_EVENTS = _converse_events()
_STOP = next(at for at, event in enumerate(_CONVERSE_EVENTS) if "messageStop" in event)

CONVERSE = Form(
    ConverseReply,
    _CONVERSE_EVENTS,
    _converse_frame,
    (("*",), ("*", "delta"), ("*", "start"), ("*", "*", "toolUse")),
    frozenset(
        {"messageStart", "contentBlockStop", "metadata", "p", "toolUseId"}
        | {"reasoningContent", "role"}
    ),
    finish=_STOP,
    breakable=_STOP + 1,
    blank=(*ConverseRendering().blank(), event_frame("contentBlockStop", {"contentBlockIndex": 0})),
)

WHOLE_CONVERSE = Form(
    ConverseReply,
    [
        {
            "output": {
                "message": {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
                        {"citationsContent": None},
                        {"text": "I add."},
                        {"toolUse": {"toolUseId": "x", "name": "add", "input": {"a": 2}}},
                    ],
                }
            },
            "stopReason": "tool_use",
            "usage": {"inputTokens": 5, "outputTokens": 6},
            "metrics": {"latencyMs": 1},
        }
    ],
    whole,
    (
        (),
        ("output",),
        ("output", "message"),
        ("output", "message", "content", "*"),
        ("output", "message", "content", "*", "toolUse"),
    ),
    frozenset(
        {"role", "reasoningContent", "reasoningText", "citationsContent", "toolUseId", "usage"}
        | {"metrics"}
    ),
)

_RESPONSE_EVENTS = _rendered(ResponseRendering())

RESPONSES = Form(
    ResponseReply,
    _RESPONSE_EVENTS,
    sse,
    ((), ("response",), ("item",), ("part",), ("item", "content", "*")),
    frozenset(
        {"annotations", "created_at", "encrypted_content", "item_id", "logprobs", "model"}
        | {"phase", "role", "sequence_number", "store", "summary", "usage"}
    ),
    finish=len(_RESPONSE_EVENTS) - 1,
    breakable=len(_RESPONSE_EVENTS),
    settles=True,
)

WHOLE_RESPONSE = Form(
    ResponseReply,
    [_RESPONSE_EVENTS[-1]["response"]],
    whole,
    ((), ("output", "*"), ("output", "*", "content", "*")),
    RESPONSES.side | {"id"},
)

FORMS = {
    "chat": CHAT,
    "whole chat": WHOLE_CHAT,
    "messages": MESSAGES,
    "whole message": WHOLE_MESSAGE,
    "converse": CONVERSE,
    "whole converse": WHOLE_CONVERSE,
    "responses": RESPONSES,
    "whole response": WHOLE_RESPONSE,
}
"""All forms; those with one event are whole."""
