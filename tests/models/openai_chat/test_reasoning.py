"""Contents and reasoning, in all their forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    data = {"message": {"reasoning_details": whole}, "of_model": "m"}
    assert (ProviderData("here", data),) == message.extra


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

    data = {"message": {"reasoning_details": whole}, "of_model": "m"}
    assert (ProviderData("here", data),) == message.extra


ITEM = {"type": "reasoning", "id": "rs_1", "encrypted_content": "abc"}
OPAQUE = {
    "reasoning_items": [ITEM, {**ITEM, "id": "rs_2", "summary": []}],
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


def reasoned(name, part):
    """Return a chunk with a part of structured reasoning."""
    return chunk({name: [part]})


@pytest.mark.parametrize("name", ["thinking_blocks", "reasoning_details"])
@given(st.lists(st.lists(st.text("ab", max_size=3), max_size=3), min_size=1, max_size=4))
def test_a_signature_ends_a_part(kept, name, blocks):
    """Blocks without an index are distinguished by their signatures, and none of those is lost."""
    parts = []
    for at, pieces in enumerate(blocks):
        parts += [{"type": "thinking", "thinking": text, "signature": None} for text in pieces]
        parts.append({"type": "thinking", "thinking": "", "signature": f"s{at}"})
    message = kept(*(reasoned(name, part) for part in parts), call_chunk(0, "a", "add", "{}"))
    _, sent = chat_messages([Message("user", "?"), message], "here")

    assert [("".join(pieces), f"s{at}") for at, pieces in enumerate(blocks)] == [
        (part["thinking"], part["signature"]) for part in sent[name]
    ]


CALL = call_chunk(0, "a", "add", "{}")
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "closed": True}
SUMMARY = {"type": "summary_text", "text": "Hm.", "signature": "s"}
SO = {"type": "text", "text": "So"}
IN_CONTENT = {
    "tags": (["<think>Hm.</think>"], "<think>Hm.</think>"),
    "tags and text": (["<think>", "Hm.</th", "ink>\n", "\nSo"], "<think>Hm.</think>\n\nSo"),
    "lone tag": (["Hm.\n", "</think>\n\n", "So"], "Hm.\n</think>\n\nSo"),
    "thinking": ([[THINKING], [SO]], [THINKING, SO]),
    "thinking in one": ([[THINKING, SO]], [THINKING, SO]),
    "thinking in pieces": (
        [
            [{"type": "thinking", "thinking": [{"type": "text", "text": "H"}]}],
            [{"type": "thinking", "thinking": [{"type": "text", "text": "m."}], "closed": True}],
            "So",
        ],
        [THINKING, SO],
    ),
    "reasoning": (
        [[{"type": "reasoning", "summary": [SUMMARY]}], [SO]],
        [{"type": "reasoning", "summary": [SUMMARY]}, SO],
    ),
    "reasoning in pieces": (
        [
            [{"type": "reasoning", "summary": [{**SUMMARY, "text": "H", "signature": ""}]}],
            [{"type": "reasoning", "summary": [{**SUMMARY, "text": "m.", "signature": ""}]}],
            [{"type": "reasoning", "summary": [{**SUMMARY, "text": ""}]}],
        ],
        [{"type": "reasoning", "summary": [SUMMARY]}],
    ),
}


@pytest.mark.parametrize(("contents", "back"), IN_CONTENT.values(), ids=IN_CONTENT)
def test_thoughts_in_the_content_are_given_back(kept, contents, back):
    """Thoughts that came in the content go back in it, as they came, in the loop of tools."""
    user = Message("user", "?")
    message = kept(*(chunk({"content": content}) for content in contents), CALL)
    result = Message("tool", "1", tool_call_id="a")
    _, sent, _ = chat_messages([user, message, result], "here")

    assert "Hm." == message.reasoning.strip()
    assert (back, 1) == (sent["content"], len(sent["tool_calls"]))
    for messages, origin in (
        ([user, message, result], "there"),
        ([user, message, result, Message("assistant", "1"), user], "here"),
    ):
        assert (message.text or None) == [*chat_messages(messages, origin)][1]["content"]


def test_a_content_without_thoughts(kept):
    """A content of which no part is a thought is sent as its text."""
    message = kept(chunk({"content": [SO]}), chunk({"content": "<think></think>"}), CALL)
    _, sent = chat_messages([Message("user", "?"), message], "here")

    assert message.text == sent["content"]


def test_a_field_named_thinking(kept):
    """The field goes back as it came."""
    message = kept(chunk({"thinking": "Hm."}), CALL)
    _, sent = chat_messages([Message("user", "?"), message], "here")

    assert ("Hm.", "Hm.") == (message.reasoning, sent["thinking"])
