"""A call that the length limit cut is none, though the server sent what it could read of it."""

import json
from functools import reduce
from itertools import chain

import pytest

from rxagent.draft import Draft, grow
from rxagent.events import Finish
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.converse.reply import ConverseReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import event
from rxagent.testing.far_ends.aws_frames import event_frame
from rxagent.testing.frames import DONE, chunk, finish_chunk, sse

READ = {"path": "a.txt", "text": "half of"}
TEXT = json.dumps(READ)


def of_anthropic(is_cut, calls=1, streams=False):
    """Return the bytes of a message whose last block is a call."""
    reason = "max_tokens" if is_cut else "tool_use"
    uses = [
        {"type": "tool_use", "id": f"t{at}", "name": "write", "input": READ} for at in range(calls)
    ]
    if not streams:
        return json.dumps({"type": "message", "content": uses, "stop_reason": reason}).encode()
    parts = [
        event("content_block_start", index=at, content_block=use)
        + event("content_block_stop", index=at)
        for at, use in enumerate(uses)
    ]
    end = event("message_delta", delta={"stop_reason": reason}) + event("message_stop")
    return b"".join(parts) + end


def of_bedrock(is_cut, calls=1, streams=False):
    """Return the bytes of the same reply of Bedrock's."""
    reason = "max_tokens" if is_cut else "tool_use"
    uses = [{"toolUseId": f"t{at}", "name": "write", "input": READ} for at in range(calls)]
    if not streams:
        message = {"content": [{"toolUse": use} for use in uses]}
        return json.dumps({"output": {"message": message}, "stopReason": reason}).encode()
    starts = [
        event_frame("contentBlockStart", {"contentBlockIndex": at, "start": {"toolUse": use}})
        + event_frame("contentBlockStop", {"contentBlockIndex": at})
        for at, use in enumerate(uses)
    ]
    return b"".join(starts) + event_frame("messageStop", {"stopReason": reason})


def of_chat(is_cut, calls=1, streams=False):
    """Return the bytes of the same reply of a chat server."""
    reason = "length" if is_cut else "tool_calls"
    given = [
        {"index": at, "id": f"t{at}", "function": {"name": "write", "arguments": READ}}
        for at in range(calls)
    ]
    if not streams:
        choice = {"message": {"content": None, "tool_calls": given}, "finish_reason": reason}
        return json.dumps({"choices": [choice]}).encode()
    return sse(chunk({"tool_calls": given})) + sse(finish_chunk(reason)) + DONE


def of_responses(is_cut, calls=1, streams=False, arguments=READ, has_state=True):
    """Return the bytes of a response, whose items tell their states."""
    state = "incomplete" if is_cut else "completed"
    items = [
        {"type": "function_call", "call_id": f"t{at}", "name": "write", "arguments": arguments}
        for at in range(calls)
    ]
    if has_state:
        items[-1]["status"] = state
    whole = {"object": "response", "status": state, "output": items}
    if not streams:
        return json.dumps(whole).encode()
    done = [
        {"type": "response.output_item.done", "output_index": at, "item": item}
        for at, item in enumerate(items)
    ]
    return b"".join(map(sse, [*done, {"type": f"response.{state}", "response": whole}]))


def of_responses_as_text(is_cut, calls=1, streams=False):
    """Return the same with arguments as text."""
    return of_responses(is_cut, calls, streams, arguments=TEXT)


def of_responses_without_states(is_cut, calls=1, streams=False):
    """Return the same whose items tell no state."""
    return of_responses(is_cut, calls, streams and not is_cut, has_state=False)


FORMS = {
    "anthropic": (MessageReply, of_anthropic),
    "bedrock": (ConverseReply, of_bedrock),
    "chat": (ChatReply, of_chat),
    "responses": (ResponseReply, of_responses),
    "responses, as text": (ResponseReply, of_responses_as_text),
    "responses without states": (ResponseReply, of_responses_without_states),
}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("calls", [1, 2])
@pytest.mark.parametrize("name", FORMS)
def test_cut_calls(name, calls, streams):
    """Of the last call the arguments lack their end, as a model leaves them; of others, nothing."""
    kind, made = FORMS[name]
    for is_cut in (True, False):
        reply = kind(ErrorFactory("any", "m"))
        fed = chain(reply.feed(made(is_cut, calls, streams)), reply.end())
        deltas = [delta for delta in fed if delta is not REST]
        *others, last = reduce(grow, deltas, Draft()).message.tool_calls

        assert Finish("length" if is_cut else "tool_calls") in deltas
        assert [READ] * (calls - 1) == [json.loads(other.arguments) for other in others]
        assert (TEXT[:-1] if is_cut else TEXT) == last.arguments
