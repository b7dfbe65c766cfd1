"""What a model says: text, reasoning, refusals, finish reasons, usage, stops."""

from ...events import Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from ...messages import Message, Request
from ..far_ends import Blank, Endless, FarEnd
from .calls import ADD, ARGUMENTS
from .listening import Listener, answer

__all__ = ["ReplyCells"]

_PIECES = ["Hello", " there", ",", " Grüße", " an", " 你好", " 🎈", "."]
_SPACED = [" So", ":", "\n", "\n", "  one", " ", " two", "\t", "three ", "\n"]
_TEXTS = tuple(map(TextDelta, _PIECES))
_THOUGHTS = ["I have", " to add", " 2 and 3."]


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
            reply = answer(far_end.serve(*map(TextDelta, pieces), Finish("stop")))
            assert "".join(pieces) == reply.text

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
            model = far_end.serve(said, Finish(reason))
            assert [reason] == Listener(model(Request("Hi", tools=[ADD]))).wait_end().reasons

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
        usages = answer(far_end.serve(*items)).usages

        sums = [
            (
                usage.input_tokens,
                usage.output_tokens,
                usage.cached_tokens,
                usage.reasoning_tokens,
                usage.cache_write_tokens,
            )
            for usage in usages
        ]
        assert (100, 20, 60, 15, 25) == tuple(map(sum, zip(*sums, strict=True)))

    def test_usage_names_the_model(self, far_end: FarEnd) -> None:
        """Each report of usage has the name of the model, by which a run counts apart."""
        model = far_end.serve(TextDelta("Hello"), Finish("stop"), Usage(10, 2))
        usages = answer(model).usages

        assert {getattr(model, "model_id", None)} == {usage.model for usage in usages}

    def test_usage_may_be_unknown(self, far_end: FarEnd) -> None:
        """Usage that the provider does not report is unknown, which is not zero."""
        assert [] == answer(far_end.serve(TextDelta("Hello"), Finish("stop"))).usages

    def test_stops_are_cut(self, far_end: FarEnd) -> None:
        """Text ends before any of the stops, even one in pieces, and the far end is left."""
        pieces = TextDelta("one two"), TextDelta(" ST"), TextDelta("OP"), TextDelta(" three")
        model = far_end.serve(*pieces, Endless(TextDelta(" more")))
        reply = answer(model, Request("Count.", stop=["END", "STOP"]))

        assert "one two " == reply.text
        assert ["stop"] == reply.reasons
        far_end.wait_hang_up(model)
