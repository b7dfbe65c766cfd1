"""Tool calls: one, several, in fragments; and their results, sent back."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ...events import Finish, TextDelta, ToolCallDelta
from ...messages import Message, Request, ToolCall, ToolSpec
from ..far_ends import FarEnd
from .listening import answer, forms

__all__ = ["ADD", "ARGUMENTS", "CallCells"]

ADD = ToolSpec(
    "add",
    "Return the sum of two integers.",
    {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "description": "The first."},
            "b": {"type": "integer", "description": "The second."},
        },
        "required": ["a", "b"],
    },
)
NOW = ToolSpec("now", "Return the time.", {"type": "object", "properties": {}})
ARGUMENTS = '{"a": 2, "b": 3}'

_RESULTS = ["  5\n\n    five\n", "noon", ""]
"""Results, of which a provider may need a word for the last."""

_ODD = {
    "city": "Zürich 北京 🎈",
    "path": 'C:\\new\n"quoted"',
    "nested": {"deep": [{"a": None}, [1, [2.5, True]]], "": {}},
    "none": {},
    "empty": [],
    "whole": 12345678901234567890,
    "part": 0.1,
    "tiny": 1.5e-07,
    "one": 1.0,
    "negative": -7,
}
"""Arguments of which each is read wrongly by some way of reading JSON."""

_ASKED = Request("What is 2 + 3?", tools=[ADD, NOW])


def _meant(calls: tuple[ToolCall, ...]) -> list[tuple[str, object]]:
    return [(call.name, json.loads(call.arguments or "{}")) for call in calls]


def _values(calls: Iterable[ToolCall]) -> str:
    """Return the repr of arguments, in which 1 and 1.0 differ."""
    return repr([json.loads(call.arguments or "{}") for call in calls])


class CallCells:
    """How a model calls tools."""

    def test_one_call(self, far_end: FarEnd) -> None:
        """A tool call has an id, its name and its arguments, beside the text before it."""
        call = ToolCallDelta(0, "call_1", "add", ARGUMENTS)
        reply = answer(far_end.serve(TextDelta("I add."), call, Finish("tool_calls")), _ASKED)

        assert "I add." == reply.text
        assert [("add", {"a": 2, "b": 3})] == _meant(reply.message.tool_calls)
        assert reply.message.tool_calls[0].id
        assert ["tool_calls"] == reply.reasons

    def test_parallel_calls(self, far_end: FarEnd) -> None:
        """Calls of one reply, also of the same tool, are separate and in order."""
        calls = [
            ToolCallDelta(0, "call_1", "add", ARGUMENTS),
            ToolCallDelta(1, "call_2", "add", '{"a": 4, "b": 5}'),
            ToolCallDelta(2, "call_3", "now", "{}"),
        ]
        made = answer(far_end.serve(*calls, Finish("tool_calls")), _ASKED).message.tool_calls

        assert [("add", {"a": 2, "b": 3}), ("add", {"a": 4, "b": 5}), ("now", {})] == _meant(made)
        assert 3 == len({call.id for call in made})

    def test_calls_in_fragments(self, far_end: FarEnd) -> None:
        """Arguments that come in fragments are joined."""
        begun = ToolCallDelta(0, "call_1", "add", "")
        fragments = [
            ToolCallDelta(0, arguments=piece) for piece in ['{"a"', ": 2, ", '"b": 3', "}"]
        ]
        reply = answer(far_end.serve(begun, *fragments, Finish("tool_calls")), _ASKED)

        assert [("add", {"a": 2, "b": 3})] == _meant(reply.message.tool_calls)

    def test_arguments_are_exact(self, far_end: FarEnd) -> None:
        """Arguments keep their nesting, letters, numbers and empty values, and go back so."""
        written = [json.dumps(_ODD), json.dumps(_ODD, ensure_ascii=False), "{}"]
        calls = [ToolCallDelta(at, f"call_{at}", "add", text) for at, text in enumerate(written)]
        for form in forms(far_end):
            model = far_end.serve(*calls, Finish("tool_calls"), **form)
            said = answer(model, _ASKED).message
            assert repr([_ODD, _ODD, {}]) == _values(said.tool_calls)

            results = [Message("tool", "5", tool_call_id=call.id) for call in said.tool_calls]
            answer(model, _ASKED.evolve(messages=[*_ASKED.messages, said, *results]))
            sent = [call for m in far_end.requests[-1].messages for call in m.tool_calls]
            assert repr([_ODD, _ODD, {}]) == _values(sent)

    def test_text_around_calls(self, far_end: FarEnd) -> None:
        """Text before calls, between them and behind them is part of the reply."""
        script = [
            TextDelta("I add."),
            ToolCallDelta(0, "call_1", "add", ARGUMENTS),
            TextDelta(" I look at the clock."),
            ToolCallDelta(1, "call_2", "now", "{}"),
            TextDelta(" Wait."),
        ]
        for form in forms(far_end):
            reply = answer(far_end.serve(*script, Finish("tool_calls"), **form), _ASKED)

            assert "I add. I look at the clock. Wait." == " ".join(reply.text.split())
            assert ["add", "now"] == [call.name for call in reply.message.tool_calls]

    def test_text_beside_calls(self, far_end: FarEnd) -> None:
        """The text of a message that calls tools is sent back with its calls."""
        call = ToolCallDelta(0, "call_1", "now", "{}")
        model = far_end.serve(TextDelta("I look at the clock."), call, Finish("tool_calls"))
        said = answer(model, _ASKED).message
        result = Message("tool", "noon", tool_call_id=said.tool_calls[0].id)
        answer(model, _ASKED.evolve(messages=[*_ASKED.messages, said, result]))

        sent = [message for message in far_end.requests[-1].messages if message.text]
        assert ["What is 2 + 3?", "I look at the clock.", "noon"] == [m.text for m in sent]

    def test_calls_are_given_back(self, far_end: FarEnd) -> None:
        """Calls and results, also empty ones, are sent next, each whole and with its call."""
        calls = [
            ToolCallDelta(0, "call_1", "add", ARGUMENTS),
            ToolCallDelta(1, "call_2", "now", "{}"),
            ToolCallDelta(2, "call_3", "now", "{}"),
        ]
        model = far_end.serve(*calls, Finish("tool_calls"))
        said = answer(model, _ASKED).message
        results = [
            Message("tool", text, tool_call_id=call.id)
            for text, call in zip(_RESULTS, said.tool_calls, strict=True)
        ]
        answer(model, _ASKED.evolve(messages=[*_ASKED.messages, said, *results]))

        sent = far_end.requests[-1].messages
        made = [call for message in sent for call in message.tool_calls]
        returned = {m.tool_call_id: m.text for m in sent if m.role == "tool"}
        assert [("add", {"a": 2, "b": 3}), ("now", {}), ("now", {})] == _meant(tuple(made))
        assert {call.id for call in made} == returned.keys()
        assert _RESULTS[:2] == [returned[call.id] for call in made[:2]]
