"""Contents and reasoning, in all their forms."""

import pytest

from rxagent.events import (
    Finish,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)
from rxagent.messages import Message, ProviderData
from rxagent.models.openai_chat.request import chat_messages
from rxagent.testing.frames import (
    DONE,
    call_chunk,
    chunk,
    sse,
    text_chunk,
)

THOUGHTS = [
    "Hm.",
    {"text": "Hm."},
    {"content": "Hm."},
    {"summary": [{"type": "summary_text", "text": "Hm."}]},
    ["H", "m."],
    [{"type": "reasoning.text", "text": "Hm.", "signature": "s"}],
    [{"type": "reasoning.summary", "summary": "Hm."}, {"type": "reasoning.encrypted", "data": "x"}],
]


@pytest.mark.parametrize("thought", THOUGHTS, ids=str)
@pytest.mark.parametrize("field", ["reasoning", "reasoning_content", "reasoning_details"])
def test_reasoning(read, field, thought):
    """Reasoning is read in whatever form it comes."""
    deltas = read(sse(chunk({field: thought})), sse(text_chunk("Hi")), DONE)

    assert "Hm." == "".join(d.text for d in deltas if isinstance(d, ReasoningDelta))
    assert TextDelta("Hi") in deltas


FORMS = {
    "text": "Hi",
    "parts": [{"type": "text", "text": "H"}, {"type": "output_text", "text": "i"}],
    "value": [{"type": "text", "text": {"value": "Hi", "annotations": []}}],
    "object": {"type": "text", "text": {"value": "Hi"}},
    "content": [{"type": "text", "content": "Hi"}],
    "texts": ["H", "i"],
    "thought first": [{"type": "reasoning", "text": "Hm"}, {"type": "text", "text": "Hi"}],
    "thought marked": [{"text": "Hm", "thought": True}, {"text": "Hi"}],
    "others": [{"type": "image_url"}, {"text": "Hi"}, {"type": "source", "url": "x"}],
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("index", [0, 1, "1", 7, None])
@pytest.mark.parametrize("whole", [False, True])
def test_the_only_choice_is_the_answer(read, content, index, whole):
    """A content in any form, in the only choice whatever its index, is the answer."""
    sent = {"message" if whole else "delta": {"role": "assistant", "content": content}}
    first = {"choices": [{"index": index, **({} if whole else {"delta": {"role": "assistant"}})}]}
    last = {"choices": [{"index": index, **sent, "finish_reason": "stop"}]}
    deltas = read(sse(first), sse(last), DONE)

    assert "Hi" == "".join(d.text for d in deltas if isinstance(d, TextDelta))
    assert deltas[-1] == Finish("stop")


def test_a_refusal_as_a_part(read):
    """A part may be a refusal."""
    sent = chunk({"content": [{"type": "refusal", "refusal": "No."}]}, "stop")

    assert [RefusalDelta("No."), Finish("stop")] == read(sse(sent))


def test_reasoning_details(kept):
    """The parts of structured reasoning are put together from their pieces."""
    pieces = [
        [{"type": "reasoning.text", "text": "H", "index": 0}],
        [{"type": "reasoning.text", "text": "m.", "index": 0}],
        [{"type": "reasoning.text", "signature": "s", "index": 0}],
        [{"type": "reasoning.encrypted", "data": "x", "index": 1}],
    ]
    whole = [
        {"type": "reasoning.text", "text": "Hm.", "index": 0, "signature": "s"},
        {"type": "reasoning.encrypted", "data": "x", "index": 1},
    ]

    message = kept(*(chunk({"reasoning_details": piece}) for piece in pieces), text_chunk("Hi"))

    assert ("Hm.", "Hi") == (message.reasoning, message.text)
    assert (ProviderData("here", {"message": {"reasoning_details": whole}}),) == message.extra


def test_reasoning_details_of_two_ids(kept):
    """Parts are separated by their ids, and their pieces may be interleaved."""
    pieces = [("r1", "H"), ("r2", "O"), ("r1", "m."), ("r2", "h.")]
    parts = [
        chunk({"reasoning_details": [{"type": "reasoning.text", "id": id, "text": text}]})
        for id, text in pieces
    ]
    whole = [
        {"type": "reasoning.text", "id": "r1", "text": "Hm."},
        {"type": "reasoning.text", "id": "r2", "text": "Oh."},
    ]

    message = kept(*parts, text_chunk("Hi"))

    assert (ProviderData("here", {"message": {"reasoning_details": whole}}),) == message.extra


OPAQUE = {
    "reasoning_opaque": "abc",
    "thinking_blocks": [{"type": "redacted_thinking", "data": "abc"}],
    "provider_specific_fields": {"thought_signatures": ["abc"]},
    "extra_content": {"google": {"thought_signature": "abc"}},
}


@pytest.mark.parametrize("name", OPAQUE)
def test_opaque_fields_of_a_message(kept, name):
    """What only its provider understands is given back with the message."""
    call = call_chunk(0, "a", "add", "{}")
    message = kept(chunk({"content": "Hi", name: OPAQUE[name]}), call)
    _, sent = chat_messages([Message("user", "?"), message], "here")

    assert OPAQUE[name] == sent[name]
    assert name not in [*chat_messages([Message("user", "?"), message], "elsewhere")][1]
