"""An answer whose pieces differ from its whole text is no answer, whichever protocol it has."""

import json
from itertools import chain

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rxagent.errors import MalformedReply
from rxagent.events import RefusalDelta, TextDelta, Usage
from rxagent.models.agreement import contradicts
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.responses_events import event

from ..laws import examples


def frame(value):
    """Return an event that is named by its type alone."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def of_responses(field, pieces, whole, draw):
    """Return the bytes of a response."""
    kind = {"text": "output_text", "refusal": "refusal"}[field]
    place = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
    part = {"type": kind, field: whole}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}
    shown = [
        event(f"response.{kind}.done", **place, **{field: whole}),
        event("response.content_part.done", **place, part=part),
        event("response.output_item.done", output_index=0, item=item),
    ]
    usage = {"input_tokens": 1, "output_tokens": 2}
    return [
        event("response.output_item.added", output_index=0, item=item | {"content": []}),
        *(event(f"response.{kind}.delta", **place, delta=piece) for piece in pieces),
        *draw(st.lists(st.sampled_from(shown), max_size=3, unique=True)),
        event(
            "response.completed",
            response={"status": "completed", "output": [item], "usage": usage},
        ),
    ]


def of_chat(field, pieces, whole, draw):
    """Return the bytes of a completion that ends with its whole message."""
    name = {"text": "content", "refusal": "refusal"}[field]
    last = {"message": {"role": "assistant", name: whole}, "finish_reason": "stop"}
    choices = [*({"delta": {name: piece}} for piece in pieces), last]
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    return [*(frame({"choices": [choice]}) for choice in choices), frame(usage)]


def of_anthropic(field, pieces, whole, draw):
    """Return the bytes of a message that is whole at its end."""
    assume(field == "text")
    block = {"type": "text", "text": ""}
    message = {"type": "message", "role": "assistant", "stop_reason": "end_turn"}
    usage = {"input_tokens": 1, "output_tokens": 2}
    return [
        frame({"type": "content_block_start", "index": 0, "content_block": block}),
        *(
            frame(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "text_delta", "text": piece},
                }
            )
            for piece in pieces
        ),
        frame({**message, "content": [{"type": "text", "text": whole}], "usage": usage}),
    ]


PROTOCOLS = {
    "responses": (ResponseReply, of_responses),
    "chat": (ChatReply, of_chat),
    "anthropic": (MessageReply, of_anthropic),
}


def read(kind, frames):
    """Return the deltas of a reply, and the error at its end, or None."""
    reply, deltas = kind(ErrorFactory("any", "m")), []
    try:
        for delta in chain(*(reply.feed(frame) for frame in frames), reply.end()):
            deltas += [delta] * (delta is not REST)
    except MalformedReply as error:
        return deltas, error
    return deltas, None


def said(deltas):
    """Return the answer of deltas."""
    return "".join(one.text for one in deltas if isinstance(one, TextDelta | RefusalDelta))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@examples(40)
@given(data=st.data())
def test_an_answer_that_differs_from_its_pieces(protocol, data):
    """One of which a piece was lost, came twice, or was changed, is an error; nothing is lost."""
    kind, frames_of = PROTOCOLS[protocol]
    words = data.draw(st.lists(st.sampled_from(["pay", "no", "Bob", "7"]), min_size=3, max_size=8))
    pieces = [f"{number}{word} " for number, word in enumerate(words)]
    whole = "".join(pieces)
    at = data.draw(st.integers(0, len(pieces) - 2))
    pieces[at : at + 1] = data.draw(st.sampled_from([[], [pieces[at]] * 2, ["x" + pieces[at]]]))
    field = data.draw(st.sampled_from(["text", "refusal"]))
    deltas, error = read(kind, frames_of(field, pieces, whole, data.draw))

    assert error is not None
    assert "differs from the pieces" in str(error)
    assert "".join(pieces) == said(deltas)
    assert (1, 2) == next((u.input_tokens, u.output_tokens) for u in deltas if isinstance(u, Usage))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@examples(40)
@given(data=st.data())
def test_an_answer_that_agrees(protocol, data):
    """White space, an end that only one has, and a broken character contradict nothing."""
    kind, frames_of = PROTOCOLS[protocol]
    pieces = data.draw(st.lists(st.sampled_from(["a", "b ", "\n", "🎈"]), min_size=1, max_size=8))
    text = "".join(pieces)
    forms = [text, text.strip(), text + "end", text[: len(text) // 2], text.replace("🎈", "�")]
    whole = data.draw(st.sampled_from([form for form in forms if form] or ["a"]))
    deltas, error = read(kind, frames_of("text", pieces, whole, data.draw))

    assert error is None
    assert said(deltas).startswith(text)


@pytest.mark.parametrize("mark", ["<think>Hm.</think>", "[THINK]Hm.[/THINK]\n"])
def test_reasoning_that_is_taken_out(mark):
    """The whole text may lack what the pieces mark as reasoning."""
    assert not contradicts(mark + "Yes.", "Yes.")
    assert contradicts("Hm. Yes.", "Yes.")
