"""Parses: of the frames that providers send, nearly all are read without being parsed whole."""

import json
import sys
from itertools import cycle, islice

import pytest

from rxagent.events import ReasoningDelta, TextDelta
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.json_reply import JsonReply
from rxagent.models.litellm_sdk.watch import Watch
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import MessageRendering
from rxagent.testing.far_ends.responses_events import ResponseRendering
from rxagent.testing.frames import frame, role_chunk, sse, text_chunk

TEXTS = list(islice(cycle(["Grüße", " 你好", ' "quoted" \\ ', "\n🎈", ".", " and", " more"]), 200))
OPTIONS = {"include_usage": True, "include_obfuscation": False}
PADDED = {"model": "gpt-5-mini", "stream": True, "stream_options": {"include_usage": True}}
PLAIN = {**PADDED, "stream_options": OPTIONS}
LETTERS = "aBc1XyZ2mNo3qRs4" * 2


def chat(body):
    """Return the frames of an answer as OpenAI's chat protocol sends it."""
    return [frame(body, part) for part in (role_chunk(), *map(text_chunk, TEXTS))]


def padded(name, first):
    """Return frames with random letters under a name, in front or behind, as other servers do."""
    frames = []
    for at, text in enumerate(TEXTS):
        padding = {name: LETTERS[at % 16 : at % 16 + at % 13]}
        parts = [padding, text_chunk(text)] if first else [text_chunk(text), padding]
        frames.append(sse({"id": "x", **parts[0], **parts[1]}))
    return frames


def rendered(rendering, kind=TextDelta):
    """Return the frames of an answer in another protocol."""
    return [*rendering.begin(), *(data for text in TEXTS for data in rendering.delta(kind(text)))]


SENT = {
    "OpenAI": (ChatReply, chat(PADDED)),
    "without padding": (ChatReply, chat(PLAIN)),
    "padding in front": (ChatReply, padded("obfuscation", True)),
    "padding behind": (ChatReply, padded("obfuscation", False)),
    "Mistral": (ChatReply, padded("p", False)),
    "Responses": (ResponseReply, rendered(ResponseRendering())),
    "reasoning of Responses": (ResponseReply, rendered(ResponseRendering(), ReasoningDelta)),
    "Anthropic": (MessageReply, rendered(MessageRendering([]))),
}


def parses_of(reply, frames):
    """Feed frames, and return the text of their deltas and how many frames were parsed whole."""
    parsed = 0

    def count(code, event, _):
        nonlocal parsed
        parsed += event == "call" and code.f_code is JsonReply._parse.__code__

    sys.setprofile(count)
    try:
        deltas = [delta for data in frames for delta in reply.feed(data)]
    finally:
        sys.setprofile(None)
    return "".join(delta.text for delta in deltas if delta is not REST), parsed


@pytest.mark.parametrize("sent", SENT)
def test_nearly_no_frame_is_parsed_whole(sent):
    """Whatever hides the length of a text, only the first few frames are parsed whole."""
    kind, frames = SENT[sent]
    text, parsed = parses_of(kind(ErrorFactory("openai", "m")), frames)

    assert "".join(TEXTS) == text
    assert parsed <= 20


HELD = {"a blank": ["\n"], "a thought": ["<think>Hm.</think>", "\n ok"]}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_a_text_that_was_held_back_is_no_mould(held):
    """The next text is one, so that hardly more frames are parsed whole than without it."""
    sent = [frame(PADDED, text_chunk(text)) for text in (*held, *TEXTS)]
    text, parsed = parses_of(ChatReply(ErrorFactory("openai", "m")), sent)
    _, usual = parses_of(ChatReply(ErrorFactory("openai", "m")), chat(PADDED))

    assert text.endswith("".join(TEXTS))
    assert parsed <= usual + len(held)


def test_a_line_with_an_odd_field_is_no_mould():
    """Of the lines that LiteLLM reads, the next one is, so that those behind it are not parsed."""
    odd = {**text_chunk("Hm"), "usage": 5}
    watch = Watch(None)
    for part in (odd, text_chunk("I")):
        watch.note(sse(part).removesuffix(b"\n"))

    assert watch.is_plain(sse(text_chunk("add")).removesuffix(b"\n"))


def test_frames_of_openai():
    """The scripted server pads chunks as OpenAI does, unless the request forbids it."""
    padded, plain = ([json.loads(data[6:]) for data in chat(body)] for body in (PADDED, PLAIN))
    paddings = [part.pop("obfuscation") for part in padded]

    assert padded == plain
    assert 1 == len({len(data) % 16 for data in chat(PADDED)})
    assert len(set(map(len, paddings))) > 5
