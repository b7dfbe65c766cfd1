"""Whole replies: those that are not streamed."""

from __future__ import annotations

import json

from ...errors import ModelUnavailable
from ...events import Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from ...messages import Request
from ..far_ends import Broken, FarEnd, Reported, Waiting
from .calls import ADD, ARGUMENTS
from .listening import Listener, answer, failure

__all__ = ["WholeCells"]


class WholeCells:
    """How a model with `stream=False` differs: in nothing but the number of its deltas."""

    def test_whole_text(self, far_end: FarEnd) -> None:
        """The text of a whole reply comes with its finish reason and its usage."""
        items = TextDelta("Hello"), TextDelta(" there."), Finish("length"), Usage(10, 5)
        reply = answer(far_end.serve(*items, stream=False))

        assert ("Hello there.", ["length"]) == (reply.text, reply.reasons)
        assert [(10, 5)] == [(usage.input_tokens, usage.output_tokens) for usage in reply.usages]
        assert not far_end.bodies[-1].get("stream")

    def test_whole_reasoning(self, far_end: FarEnd) -> None:
        """The reasoning of a whole reply is apart from its text."""
        items = ReasoningDelta("I have to"), ReasoningDelta(" add."), TextDelta("5"), Finish("stop")
        reply = answer(far_end.serve(*items, stream=False))

        assert ("I have to add.", "5") == (reply.reasoning, reply.text)

    def test_whole_calls(self, far_end: FarEnd) -> None:
        """The calls of a whole reply have ids, names and arguments."""
        calls = [
            ToolCallDelta(0, "call_1", "add", ARGUMENTS),
            ToolCallDelta(1, "call_2", "add", '{"a": 4, "b": 5}'),
        ]
        model = far_end.serve(TextDelta("I add."), *calls, Finish("tool_calls"), stream=False)
        reply = answer(model, Request("Add.", tools=[ADD]))

        made = reply.message.tool_calls
        assert ("I add.", ["tool_calls"]) == (reply.text, reply.reasons)
        assert [{"a": 2, "b": 3}, {"a": 4, "b": 5}] == [json.loads(c.arguments) for c in made]
        assert ["add", "add"] == [call.name for call in made]
        assert 2 == len({call.id for call in made})

    def test_whole_replies_fail(self, far_end: FarEnd) -> None:
        """An error in place of a whole reply, or a connection that breaks, is unavailable."""
        reported = Reported(503, "The engine is overloaded.")
        error, _ = failure(far_end.serve(reported, stream=False), ModelUnavailable)
        assert "The engine is overloaded." in str(error)

        _, reply = failure(far_end.serve(Broken(), stream=False), ModelUnavailable)
        assert [] == reply.deltas

    def test_leaving_a_whole_reply(self, far_end: FarEnd) -> None:
        """A whole reply that is waited for is given up, and the far end sees it."""
        model = far_end.serve(Waiting(), stream=False)
        listener = Listener(model("Hi"))
        far_end.wait_call(model)
        listener.dispose()

        far_end.wait_hang_up(model)
        assert ([], None) == (listener.deltas, listener.error)
