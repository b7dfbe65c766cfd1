"""Messages and actions made out of deltas."""

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import operators as ops
from rxagent.events import (
    Finish,
    ReasoningDelta,
    RefusalDelta,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.messages import Message, ToolCall
from rxagent.state import Draft, grow

from ..strategies import texts

Piece = ToolCallDelta
deltas = st.lists(
    st.builds(TextDelta, texts)
    | st.builds(ReasoningDelta, texts)
    | st.builds(RefusalDelta, texts)
    | st.builds(Usage, st.integers(0, 9), st.integers(0, 9))
    | st.builds(Finish, st.just("stop"))
    | st.builds(StepRetried, st.integers(2, 3), texts)
    | st.builds(
        ToolCallDelta,
        st.integers(0, 3),
        st.none() | texts,
        st.none() | texts,
        st.none() | texts,
    ),
    max_size=20,
)


def made_of(*deltas, **how):
    """Return the messages that are made of some deltas."""
    return rx.of(*deltas).pipe(ops.accumulate(**how), rxo.to_list()).run()


def sealed_of(*deltas):
    """Return what is emitted for some deltas, and the calls they seal, in order."""
    subject, received = rx.Subject(), []
    subject.subscribe(received.append)
    subject.pipe(ops.sealed()).subscribe(received.append, on_completed=lambda: received.append("|"))
    for delta in deltas:
        subject.on_next(delta)
    subject.on_completed()
    return received


# Cases that the OpenAI protocol brings.


def test_text_and_a_call_in_fragments():
    """Text, a call whose arguments begin with a space, and usage at the end make one message."""
    arguments = ' {"query": "current pope name and date of birth"}'
    turn = (
        TextDelta("Hi"),
        TextDelta(" everyone"),
        TextDelta(", it's"),
        TextDelta(""),
        Piece(0, "call_x", "web_search", ""),
        Piece(0, None, None, ' {"'),
        Piece(0, None, None, 'query": "current pope name and date of birth"}'),
        Usage(1348, 24),
    )
    stream = rx.of(*turn).pipe(ops.normalise(), rxo.publish(), rxo.ref_count())

    message = stream.pipe(ops.accumulate(partial=False)).run()
    (usage,) = rx.of(*turn).pipe(ops.usage(), rxo.to_list()).run()

    call = ToolCall("call_x", "web_search", arguments)
    assert Message("assistant", "Hi everyone, it's", [call]) == message
    assert 1372 == usage.total_tokens


def test_two_calls_in_five_fragments_each():
    """Two parallel calls without usage make two calls, each with its own arguments."""
    turn = [
        Piece(index, f"call_{index}" if place == 0 else None, None if place else "tool", piece)
        for index in (0, 1)
        for place, piece in enumerate(["", '{"input"', ': "out', "put", f'{index + 1}"}}'])
    ]

    stream = rx.of(*turn).pipe(ops.normalise(), ops.accumulate(partial=False))
    message = stream.run()

    assert ['{"input": "output1"}', '{"input": "output2"}'] == [
        call.arguments for call in message.tool_calls
    ]
    assert [] == rx.of(*turn).pipe(ops.usage(), rxo.to_list()).run()


# accumulate


@given(deltas)
def test_the_whole_message_is_the_last_partial_one(deltas):
    """What is made at the end is what growing a draft, delta by delta, comes to."""
    draft = Draft()
    grown = [(draft := grow(draft, delta)).message for delta in deltas]

    assert grown == made_of(*deltas)
    assert [draft.message] == made_of(*deltas, partial=False)


@pytest.mark.parametrize("pieces", [255, 256, 257, 10_000])
def test_a_message_may_have_any_number_of_pieces(pieces):
    """However many pieces there are, and whatever comes between them, the message has them all."""
    turn = [
        delta
        for number in range(pieces)
        for delta in (TextDelta(f"{number} "), *[ReasoningDelta("-")] * (number % 100 == 0))
    ]

    (message,) = made_of(*turn, partial=False)

    assert "".join(f"{number} " for number in range(pieces)) == message.text
    assert -(-pieces // 100) * "-" == message.reasoning


def test_a_turn_without_deltas_is_an_empty_message():
    """Where nothing was said there is an empty message at the end, and none before."""
    assert [Message("assistant")] == made_of(partial=False)
    assert [] == made_of()


@pytest.mark.parametrize("partial", [True, False])
def test_an_error_passes(partial):
    """When the model breaks off, no message is made of what it had said so far, but the error."""
    received = []
    stream = rx.concat(rx.of(TextDelta("a")), rx.throw(LookupError()))

    stream.pipe(ops.accumulate(partial), rxo.materialize()).subscribe(received.append)

    assert ["N", "E"] if partial else ["E"] == [notification.kind for notification in received]


def test_subscriptions_do_not_mix():
    """One operator may be used for several turns, at once and one after the other."""
    for operator in (ops.accumulate(), ops.accumulate(partial=False)):
        turns = []
        for letter in "ab":
            turn = []
            rx.of(TextDelta(letter), TextDelta(letter)).pipe(operator).subscribe(turn.append)
            turns.append(turn)
        assert ["aa", "bb"] == [turn[-1].text for turn in turns]


# sealed


def test_a_call_is_sealed_by_the_next():
    """A call is emitted when the next one begins; the last one when the turn ends."""
    turn = [Piece(0, "a", "add", ""), Piece(0, arguments="{}"), Piece(1, "b", "say", "")]
    first, second = ToolCall("a", "add", "{}"), ToolCall("b", "say", "")

    assert [*turn, first, second, "|"] == sealed_of(*turn)


def test_calls_are_sealed_by_the_finish():
    """The finish reason seals all calls, in their order, and the end seals nothing again."""
    turn = [Piece(0, "a", "add", "{}"), Piece(1, "b", "say", "{}"), Finish("tool_calls")]
    first, second = ToolCall("a", "add", "{}"), ToolCall("b", "say", "{}")

    assert [*turn[:2], first, turn[2], second, Usage(1, 1), "|"] == sealed_of(*turn, Usage(1, 1))


def test_arguments_that_parse_are_not_sealed():
    """Neither whole arguments nor text after them seal a call."""
    turn = [Piece(0, "a", "add", "{}"), TextDelta("and"), Piece(0, arguments=" ")]

    assert [*turn, ToolCall("a", "add", "{} "), "|"] == sealed_of(*turn)


def test_the_calls_of_each_attempt_are_sealed():
    """After a retraction calls are emitted again, also when they have the ids of earlier ones."""
    call = [Piece(0, "a", "add", "{}"), Finish("tool_calls")]
    retried = StepRetried(2, "cut")

    assert [*call, ToolCall("a", "add", "{}"), retried] * 2 == sealed_of(*[*call, retried] * 2)[:-1]
    assert [Piece(0, "a", "add", ""), retried, "|"] == sealed_of(Piece(0, "a", "add", ""), retried)


@given(st.integers(0, 4), st.booleans())
def test_each_call_is_sealed_once(count, finished):
    """Of any number of calls, each is emitted once, whole and in order."""
    calls = [ToolCall(f"id_{index}", "add", "{}") for index in range(count)]
    turn = [
        piece
        for index, call in enumerate(calls)
        for piece in (Piece(index, call.id, "add", ""), *[Piece(index, arguments=c) for c in "{}"])
    ]

    received = sealed_of(*turn, *[Finish("stop")] * finished)

    assert calls == [event for event in received if isinstance(event, ToolCall)]


# What many calls cost


class Counted(int):
    """An index that counts how often it is compared or looked up."""

    looks = 0

    def __eq__(self, other):
        Counted.looks += 1
        return int(self) == other

    def __hash__(self):
        Counted.looks += 1
        return hash(int(self))


@pytest.mark.parametrize(
    "operator", [ops.normalise(), ops.sealed(), ops.accumulate(partial=False), ops.accumulate()]
)
def test_each_fragment_costs_the_same_however_many_calls_there_are(operator):
    """The indexes of calls are looked at a few times for each fragment, not for each other call."""
    turn = [
        piece
        for index in map(Counted, range(300))
        for piece in (Piece(index, f"id_{index}", "add", ""), *[Piece(index, arguments=" ")] * 3)
    ]
    Counted.looks = 0

    rx.of(*turn).pipe(operator).subscribe()

    assert 8 * len(turn) > Counted.looks


@given(deltas)
def test_a_draft_stays_as_it_was(deltas):
    """Growing a draft leaves it alone, and equal deltas make equal drafts."""
    drafts = [Draft()]
    for delta in deltas:
        drafts.append(grow(drafts[-1], delta))
    said = [draft.message for draft in drafts]
    again = Draft()
    for delta in deltas:
        grow(drafts[0], delta)
        again = grow(again, delta)

    assert drafts[-1] == again
    assert said == [draft.message for draft in drafts]
