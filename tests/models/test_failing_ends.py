"""Replies that end for a reason which is a failure: what they have used is known."""

import json
from itertools import chain

import pytest

from rxagent.errors import ModelError
from rxagent.events import Usage
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.converse.reply import ConverseReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST
from rxagent.testing.frames import sse

WORD = "out_of_luck"
CHAT = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
COUNTS = {"input_tokens": 5, "output_tokens": 7}
TEXT = [{"type": "text", "text": "Half"}]


def whole(value):
    """Return the bytes of a reply that is not streamed."""
    return json.dumps(value).encode()


MESSAGE = {"type": "message", "role": "assistant", "content": TEXT}
RESPONSE = {
    "object": "response",
    "status": "incomplete",
    "incomplete_details": {"reason": WORD},
    "output": [],
    "usage": COUNTS,
}
REPLIES = {
    "chat": (
        ChatReply,
        sse({"choices": [{"delta": {"content": "Half"}}]})
        + sse({"choices": [{"delta": {}, "finish_reason": WORD}], "usage": CHAT}),
    ),
    "whole chat": (
        ChatReply,
        whole(
            {
                "choices": [{"message": {"content": "Half"}, "finish_reason": WORD}],
                "usage": CHAT,
            }
        ),
    ),
    "messages": (
        MessageReply,
        sse({"type": "content_block_start", "index": 0, "content_block": TEXT[0]})
        + sse({"type": "message_delta", "delta": {"stop_reason": WORD}, "usage": COUNTS}),
    ),
    "whole message": (MessageReply, whole({**MESSAGE, "stop_reason": WORD, "usage": COUNTS})),
    "response": (ResponseReply, sse({"type": "response.incomplete", "response": RESPONSE})),
    "whole response": (ResponseReply, whole(RESPONSE)),
    "converse": (
        ConverseReply,
        whole(
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "Half"}]}},
                "stopReason": WORD,
                "usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12},
            }
        ),
    ),
}


@pytest.mark.parametrize(("make", "data"), REPLIES.values(), ids=REPLIES)
def test_the_usage_beside_a_failing_end_is_kept(make, data):
    """The tokens were spent, whatever became of the reply."""
    reply, found = make(ErrorFactory("here", "m")), []
    with pytest.raises(ModelError, match=WORD):
        for delta in chain(reply.feed(data), reply.end()):
            found.append(delta)

    usages = [delta for delta in found if delta is not REST and isinstance(delta, Usage)]
    assert [(5, 7)] == [(usage.input_tokens, usage.output_tokens) for usage in usages]
