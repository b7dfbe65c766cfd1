"""Laws of the replies of all protocols, as bytes."""

from itertools import chain

import pytest

from rxagent.errors import ModelUnavailable
from rxagent.events import Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import MessageRendering
from rxagent.testing.far_ends.responses_events import ResponseRendering
from rxagent.testing.frames import DONE

ANSWER = [
    ReasoningDelta("Hm."),
    TextDelta("I "),
    TextDelta("add."),
    ToolCallDelta(0, "toolu_1", "add", '{"a": '),
    ToolCallDelta(0, arguments="2}"),
    Finish("tool_calls"),
    Usage(5, 6),
]


def rendered(rendering):
    """Return the frames of the answer."""
    return list(chain(rendering.begin(), *map(rendering.delta, ANSWER), rendering.end()))


WITHOUT_DONE = {
    "anthropic": (MessageReply, rendered(MessageRendering(ANSWER)), b"message_delta"),
    "responses": (ResponseReply, rendered(ResponseRendering()), b"response.completed"),
}
"""The protocols in which `[DONE]` is no end, each with its reader, a reply, and its last event."""


def failing(reader, data):
    """Return the deltas of a reply, and its error."""
    reply, deltas = reader(ErrorFactory("openai", "m")), []
    try:
        for delta in chain(reply.feed(data), reply.end()):
            if delta is not REST:
                deltas.append(delta)
    except ModelUnavailable as error:
        return deltas, error
    raise AssertionError(f"No error after {deltas}")


@pytest.mark.parametrize(("reader", "frames", "end"), WITHOUT_DONE.values(), ids=WITHOUT_DONE)
def test_the_mark_of_another_protocol(reader, frames, end):
    """A reply that was cut is not whole by a `[DONE]`, which gateways append to anything."""
    enough = next(at for at, frame in enumerate(frames) if b"event: " + end in frame)
    assert enough > 8
    for at in range(3, enough + 1):
        deltas, error = failing(reader, b"".join(frames[:at]) + DONE)

        assert "broke off" in str(error) or not deltas
        assert not any(isinstance(delta, Finish) for delta in deltas)
    whole = reader(ErrorFactory("openai", "m"))
    found = list(chain(whole.feed(b"".join(frames) + DONE), whole.end()))

    assert Finish("tool_calls") in found


@pytest.mark.parametrize(("reader", "frames", "end"), WITHOUT_DONE.values(), ids=WITHOUT_DONE)
def test_silence_after_the_mark_of_another_protocol(reader, frames, end):
    """Such a mark is not waited behind for long, though the reply is not whole."""
    reply = reader(ErrorFactory("openai", "m"))
    list(reply.feed(b"".join(frames[:8]) + DONE))

    assert (False, True, True) == (reply.is_finished, reply.is_cut, reply.is_whole())
