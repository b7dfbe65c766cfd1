"""What a model says: text, reasoning, refusals, finish reasons, usage, stops."""

from __future__ import annotations

import json

from ...errors import ModelError
from ...events import Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from ...messages import Message, Request
from ..far_ends import Blank, Endless, FarEnd, LastFrame
from .calls import ADD, ARGUMENTS
from .listening import Listener, answer, failure, forms

__all__ = ["ReplyCells"]

_PIECES = ["Hello", " there", ",", " Grüße", " an", " 你好", " 🎈", "."]
_SPACED = [" So", ":", "\n", "\n", "  one", " ", " two", "\t", "three ", "\n"]
_TEXTS = tuple(map(TextDelta, _PIECES))
_THOUGHTS = ["I have", " to add", " 2 and 3."]
_SIGNS = [
    'if a < b and c > d: <b class="x">',
    "</b> <i/> &lt;&amp;",
    " {} [1, {2}] \\n \\u00e9 C:\\new",
    "\ndata: [DONE]\n\n",
    "\u2028\u2029\x85",
    "\r\n~~~\r\n",
    "'\"`\x27\x22 100 % ${x} %s",
    " e\u0301 שלום \U0001f469\u200d\U0001f467",
]
_LONG = " ".join(map(str, range(100_000)))
"""A text that is longer than the buffers of HTTP clients for a line: 590 kB."""


class ReplyCells:
    """What a model says."""

    def test_text_in_order(self, far_end: FarEnd) -> None:
        """Text comes in order, in pieces, and ends with a finish reason."""
        reply = answer(far_end.serve(*_TEXTS, Finish("stop")))

        assert "".join(_PIECES) == reply.text
        assert sum(isinstance(delta, TextDelta) for delta in reply.deltas) > 1
        assert ["stop"] == reply.reasons

    def test_blanks_say_nothing(self, far_end: FarEnd) -> None:
        """What says nothing (null, empty texts, pings, unknown events) makes no delta."""
        blank = Blank()
        items = blank, TextDelta("Hello"), blank, TextDelta(" there"), blank, Finish("stop")
        reply = answer(far_end.serve(*items))

        texts = [delta.text for delta in reply.deltas if isinstance(delta, TextDelta)]
        assert "Hello there" == "".join(texts)
        assert all(texts)
        assert {TextDelta, Finish} == {type(delta) for delta in reply.deltas} - {Usage}

    def test_white_space_is_text(self, far_end: FarEnd) -> None:
        """Blanks and line breaks are text, also at its ends and in pieces of their own."""
        for pieces in (_SPACED, [*_SPACED, "def f():\n", "    ", "return 1\n", "\n"]):
            for form in forms(far_end):
                reply = answer(far_end.serve(*map(TextDelta, pieces), Finish("stop"), **form))
                assert "".join(pieces) == reply.text

    def test_signs_are_text(self, far_end: FarEnd) -> None:
        """Tags, braces, quotes, entities and separators of lines are text as any other."""
        for pieces in (_SIGNS, ["".join(_SIGNS)]):
            reply = answer(far_end.serve(*map(TextDelta, pieces), Finish("stop")))
            assert "".join(_SIGNS) == reply.text

    def test_long_pieces(self, far_end: FarEnd) -> None:
        """A piece of any length is read whole: of a text, a thought, or the arguments of a call."""
        thoughts = [] if "reasoning_is_apart" in far_end.not_offered else [ReasoningDelta(_LONG)]
        call = ToolCallDelta(0, "call_1", "add", json.dumps({"a": _LONG}))
        model = far_end.serve(*thoughts, TextDelta(_LONG), call, Finish("tool_calls"))
        reply = answer(model, Request("Hi", tools=[ADD]))

        (made,) = reply.message.tool_calls
        read = [*[reply.reasoning for _ in thoughts], reply.text, json.loads(made.arguments)["a"]]
        sizes = list(map(len, read))
        assert all(text == _LONG for text in read), f"read {sizes} characters, of {len(_LONG)} each"

    def test_last_frame_is_read(self, far_end: FarEnd) -> None:
        """Text and calls that come in one frame with the end are part of the reply."""
        reply = answer(far_end.serve(LastFrame([TextDelta("Hello"), Finish("length")])))
        assert ("Hello", ["length"]) == (reply.text, reply.reasons)

        call = ToolCallDelta(0, "call_1", "add", ARGUMENTS)
        last = LastFrame([TextDelta("I add."), call, Finish("tool_calls")])
        reply = answer(far_end.serve(last), Request("Hi", tools=[ADD]))
        assert ("I add.", ["tool_calls"]) == (reply.text, reply.reasons)
        assert ["add"] == [made.name for made in reply.message.tool_calls]

    def test_reasoning_is_apart(self, far_end: FarEnd) -> None:
        """Reasoning comes as reasoning, before the text, and is no part of it."""
        thoughts = map(ReasoningDelta, _THOUGHTS)
        reply = answer(
            far_end.serve(*thoughts, TextDelta("It is"), TextDelta(" 5."), Finish("stop"))
        )

        assert ("".join(_THOUGHTS), "It is 5.") == (reply.reasoning, reply.text)
        kinds = [type(delta) for delta in reply.deltas]
        assert kinds.index(ReasoningDelta) < kinds.index(TextDelta)

    def test_reasoning_is_given_back(self, far_end: FarEnd) -> None:
        """Reasoning before a tool call is sent back with the result of the call."""
        call = ToolCallDelta(0, "call_1", "add", ARGUMENTS)
        model = far_end.serve(*map(ReasoningDelta, _THOUGHTS), call, Finish("tool_calls"))
        asked = Message("user", "What is 2 + 3?")
        first = answer(model, Request([asked], tools=[ADD])).message
        result = Message("tool", "5", tool_call_id=first.tool_calls[0].id)
        answer(model, Request([asked, first, result], tools=[ADD]))

        sent = [message.reasoning for message in far_end.requests[-1].messages]
        assert "".join(_THOUGHTS) == "".join(sent)

    def test_refusals(self, far_end: FarEnd) -> None:
        """A refusal has deltas of its own, and no text."""
        reason = "refusal" if "refusal" in far_end.finish_words else "stop"
        pieces = RefusalDelta("I cannot"), RefusalDelta(" help with that.")
        reply = answer(far_end.serve(*pieces, Finish(reason)))

        assert ("I cannot help with that.", "") == (reply.refusal, reply.text)
        assert [reason] == reply.reasons

    def test_finish_reasons(self, far_end: FarEnd) -> None:
        """Each finish reason of the provider comes once, in our word; a limit may cut a call."""
        assert {"stop", "length"} <= far_end.finish_words.keys()
        call = ToolCallDelta(0, "call_1", "add", ARGUMENTS)
        replies = [
            (call if reason == "tool_calls" else TextDelta("Hello"), reason)
            for reason in far_end.finish_words
        ]
        for said, reason in [*replies, (call, "length")]:
            for form in forms(far_end):
                model = far_end.serve(said, Finish(reason), **form)
                reply = Listener(model(Request("Hi", tools=[ADD]))).wait_end()
                assert [reason] == reply.reasons
                assert type(said) in {type(delta) for delta in reply.deltas}

    def test_unknown_finish_reason(self, far_end: FarEnd) -> None:
        """A finish reason that the model does not know is an error with the provider's word."""
        for form in forms(far_end):
            model = far_end.serve(TextDelta("Hello"), Finish("out_of_luck"), **form)
            error, reply = failure(model, ModelError)

            assert ("Hello", []) == (reply.text, reply.reasons)
            assert "out_of_luck" in str(error)

    def test_usage_adds_up(self, far_end: FarEnd) -> None:
        """All reports of usage add up to the provider's total, whichever way it counts."""
        items = TextDelta("Hello"), Usage(10, 2), TextDelta(" there"), Finish("stop"), Usage(0, 3)
        usages = answer(far_end.serve(*items)).usages

        used = far_end.used(items)
        assert used is not None
        assert used.input_tokens == sum(usage.input_tokens for usage in usages)
        assert used.output_tokens == sum(usage.output_tokens for usage in usages)

    def test_usage_in_detail(self, far_end: FarEnd) -> None:
        """Tokens that a cache held or took are input, and those of reasoning are output."""
        items = TextDelta("Hello"), Finish("stop"), Usage(100, 20, 60, 15, 25)
        for form in forms(far_end):
            sums = [
                (
                    usage.input_tokens,
                    usage.output_tokens,
                    usage.cached_tokens,
                    usage.reasoning_tokens,
                    usage.cache_write_tokens,
                )
                for usage in answer(far_end.serve(*items, **form)).usages
            ]
            assert (100, 20, 60, 15, 25) == tuple(map(sum, zip(*sums, strict=True)))

    def test_usage_names_the_model(self, far_end: FarEnd) -> None:
        """Each report of usage has the name of the model, by which a run counts apart."""
        model = far_end.serve(TextDelta("Hello"), Finish("stop"), Usage(10, 2))
        usages = answer(model).usages

        assert {getattr(model, "model_id", None)} == {usage.model for usage in usages}

    def test_usage_may_be_unknown(self, far_end: FarEnd) -> None:
        """Usage that the provider does not report is unknown, which is not zero."""
        for form in forms(far_end):
            assert [] == answer(far_end.serve(TextDelta("Hello"), Finish("stop"), **form)).usages

    def test_stops_are_cut(self, far_end: FarEnd) -> None:
        """Text ends before any of the stops, also in pieces and beside tools, and is left."""
        pieces = TextDelta("one two"), TextDelta(" ST"), TextDelta("OP"), TextDelta(" three")
        for form in forms(far_end):
            for tools in ([], [ADD]):
                more = Finish("stop") if form else Endless(TextDelta(" more"))
                model = far_end.serve(*pieces, more, **form)
                reply = answer(model, Request("Count.", tools=tools, stop=["END", "STOP"]))

                assert "one two " == reply.text
                assert ["stop"] == reply.reasons
                if not form:
                    far_end.wait_hang_up(model)
