"""Fragments of calls, however a provider cuts and marks them, become the calls that were meant."""

import json

import pytest
import reactivex as rx
from hypothesis import example, given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import operators as ops
from rxagent.events import Finish, ReasoningDelta, StepRetried, TextDelta, ToolCallDelta, Usage
from rxagent.messages import ProviderData, ToolCall
from rxagent.testing.clock import VirtualScheduler

from ..laws import examples
from ..strategies import flat, interleaved

Piece = ToolCallDelta
law = examples(50)


def normalised(*deltas, step=1):
    """Return what becomes of some deltas."""
    return rx.of(*deltas).pipe(ops.normalise(step), rxo.to_list()).run()


def calls_of(*deltas, step=1):
    """Return the calls that some deltas mean."""
    stream = rx.of(*deltas).pipe(ops.normalise(step), ops.accumulate(partial=False))
    return list(stream.run().tool_calls)


def received_before_the_end(*deltas):
    """Return what is emitted for some deltas while the stream goes on."""
    received = []
    with VirtualScheduler() as scheduler:
        stream = rx.concat(rx.of(*deltas), rx.never()).pipe(ops.normalise())
        stream.subscribe(received.append, scheduler=scheduler)
        scheduler.run()
    return received


# What was meant

tool_names = st.sampled_from(["get", "get_weather", "add", "a", "web_search"])
objects = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3)
arguments = objects.map(json.dumps) | objects.map(lambda value: " " + json.dumps(value, indent=1))


@st.composite
def meant(draw, min_size=0):
    """Draw calls as a model means them, each with an id of its own."""
    several = draw(st.lists(st.tuples(tool_names, arguments), min_size=min_size, max_size=4))
    return [ToolCall(f"id_{number}", *call) for number, call in enumerate(several)]


@st.composite
def cut(draw, text, least=0):
    """Draw pieces that make up a text, some of them empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), min_size=least, max_size=4)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def named(draw, name):
    """Draw the names of the first fragments: whole, again and again, in pieces, or cumulative."""
    match draw(st.sampled_from(["whole", "again", "pieces", "cumulative"])):
        case "whole":
            return [name]
        case "again":
            return [name, name, name]
        case "pieces" if len(name) > 4:
            return [name[:4], name[4:]]
        case _:
            return [name[: length + 1] for length in range(len(name))]


@st.composite
def in_a_row(draw, call, index, with_id, say_again=False):
    """Draw the fragments of a call: its name, then its arguments."""
    names = [
        Piece(index, name=name, arguments=draw(st.none() | st.just("")))
        for name in draw(named(call.name))
    ]
    again = call.name if say_again else None
    pieces = [Piece(index, name=again, arguments=piece) for piece in draw(cut(call.arguments))]
    fragments = [*names, *pieces]
    marked = {"no id": 0, "at first": 1, "always": len(fragments)}[with_id]
    return [
        Piece(piece.index, call.id if place < marked else None, piece.name, piece.arguments)
        for place, piece in enumerate(fragments)
    ]


def expected(calls, with_id, step=1):
    """Return calls with the ids that they must have."""
    if with_id != "no id":
        return calls
    return [
        ToolCall(f"call_{step}_1_{number}", call.name, call.arguments)
        for number, call in enumerate(calls)
    ]


@law
@given(st.data(), meant(), st.sampled_from(["no id", "at first", "always"]), st.booleans())
def test_calls_in_a_row_are_given_back(data, calls, with_id, say_again):
    """Calls one after the other, each with its index, come out as they were meant."""
    fragments = [
        data.draw(in_a_row(call, index, with_id, say_again)) for index, call in enumerate(calls)
    ]

    assert expected(calls, with_id, 7) == calls_of(*flat(fragments), step=7)


@law
@given(st.data(), meant(), st.sampled_from(["no id", "at first", "always"]))
def test_interleaved_arguments_are_given_back(data, calls, with_id):
    """When all calls were begun, their arguments may come in any order."""
    fragments = [data.draw(in_a_row(call, place, with_id)) for place, call in enumerate(calls)]
    names = [[piece for piece in call if piece.name] for call in fragments]
    rest = [[piece for piece in call if not piece.name] for call in fragments]

    assert expected(calls, with_id) == calls_of(*flat(names), *data.draw(interleaved(*rest)))


@law
@given(st.data(), meant())
def test_one_index_and_many_ids(data, calls):
    """Calls that share an index, or have none, are distinguished by their fragments' ids."""
    index = data.draw(st.sampled_from([0, 3, None]))
    fragments = [data.draw(in_a_row(call, index, "always")) for call in calls]
    names = [[piece for piece in call if piece.name] for call in fragments]
    rest = [[piece for piece in call if not piece.name] for call in fragments]

    assert calls == calls_of(*flat(names), *data.draw(interleaved(*rest)))


@law
@given(st.data(), meant())
def test_one_index_and_an_id_at_first(data, calls):
    """Calls that share an index, of which only the first fragment has an id, in a row."""
    index = data.draw(st.sampled_from([0, None]))
    fragments = [data.draw(in_a_row(call, index, "at first")) for call in calls]

    assert calls == calls_of(*flat(fragments))


@law
@given(meant(), st.sampled_from([0, None]))
@example([ToolCall("", "add", "{}"), ToolCall("", "add", "{}")], None)
def test_whole_calls_without_any_mark(calls, index):
    """Calls that come whole are several, though they have neither id nor index of their own."""
    pieces = [Piece(index, None, call.name, call.arguments) for call in calls]

    assert expected(calls, "no id") == calls_of(*pieces)


@law
@given(st.data(), meant(min_size=1))
def test_every_call_has_one_form(data, calls):
    """The first fragment of a call has index, id and whole name, the others have arguments."""
    fragments = [
        data.draw(in_a_row(call, data.draw(st.sampled_from([0, place, None])), "always"))
        for place, call in enumerate(calls)
    ]

    received = normalised(*flat(fragments))

    first = {piece.index: piece for piece in reversed(received)}
    assert [(call.id, call.name) for call in calls] == [
        (first[index].id, first[index].name) for index in sorted(first)
    ]
    for piece in received:
        if piece is first[piece.index]:
            assert "" == piece.arguments
        else:
            assert (None, None, True) == (piece.id, piece.name, bool(piece.arguments))


# Everything at once

full_names = st.sampled_from(["get_weather", "web_search", "add_numbers", "final_answer"])


@st.composite
def all_calls(draw):
    """Draw calls whose arguments are objects, each with another id."""
    several = draw(st.lists(st.tuples(full_names, arguments), min_size=1, max_size=4))
    return [ToolCall(f"id_{number}", *call) for number, call in enumerate(several)]


@st.composite
def dialect(draw, call, place):
    """Draw the fragments of a call as some provider marks them, in any split."""
    index = place
    marks = draw(st.sampled_from(["none", "first", "always", "another each time"]))
    pieces = draw(cut(call.arguments))
    names = [call.name[:6], call.name[6:]] if draw(st.booleans()) else [call.name]
    match draw(st.sampled_from(["before", "after", "with the last arguments", "always"])):
        case "before":
            said = [(name, None) for name in names] + [(None, piece) for piece in pieces]
        case "after":
            said = [(None, piece) for piece in pieces] + [(name, None) for name in names]
        case "with the last arguments":
            said = [(None, piece) for piece in pieces[:-1]] + [(call.name, pieces[-1])]
        case _:
            said = [(call.name, None)] + [(call.name, piece) for piece in pieces]
    if marks == "another each time":  # beside a name, that would be another call
        named = {place for place, (name, _) in enumerate(said) if name}
        ids = [None if place in named else f"{call.id}_{place}" for place in range(len(said))]
    else:
        marked = {"none": 0, "first": 1, "always": len(said)}[marks]
        ids = [call.id if place < marked else None for place in range(len(said))]
    return [Piece(index, id, *pair) for id, pair in zip(ids, said, strict=True)]


@examples(200)
@given(st.data(), all_calls())
def test_any_dialect_in_any_order(data, calls):
    """For any split, order and dialect, calls with distinct indexes come out as they were meant."""
    fragments = [data.draw(dialect(call, place)) for place, call in enumerate(calls)]

    found = calls_of(*data.draw(interleaved(*fragments)), Finish("tool_calls"))

    assert [(call.name, call.arguments) for call in calls] == [
        (call.name, call.arguments) for call in found
    ]
    assert len(calls) == len({call.id for call in found})


@law
@given(st.data(), all_calls(), st.booleans())
def test_calls_said_twice_are_one(data, calls, elsewhere):
    """A call that is sent a second time, under its id, is not made a second time."""
    once = flat(data.draw(in_a_row(call, place, "always")) for place, call in enumerate(calls))
    again = [
        Piece(place + len(calls) if elsewhere else place, call.id, call.name, call.arguments)
        for place, call in enumerate(calls)
    ]

    assert calls == calls_of(*once, *again)


pieces = st.builds(
    Piece,
    st.sampled_from([0, 1, None]),
    st.sampled_from([None, "", "x", "y"]),
    st.sampled_from([None, "", "add", "say"]),
    st.sampled_from([None, "", "{", "}", "{}", '{"a": 1}', '"a"', ": 1", " ", "x"]),
)


@examples(300)
@given(st.lists(pieces, max_size=8), st.integers(0, 8))
def test_any_fragments_are_calls(said, finish):
    """Whatever comes, no call is without a name, no two have one id, and no sign is lost."""
    deltas = [*said[:finish], Finish("tool_calls"), *said[finish:]]

    received = [piece for piece in normalised(*deltas) if isinstance(piece, ToolCallDelta)]
    calls = calls_of(*deltas)

    assert all(call.name for call in calls)
    assert len(calls) == len({call.id for call in calls})
    begun = [piece.index for piece in received if piece.id]
    assert len(begun) == len(set(begun)) == len(calls)
    assert all(piece.index in begun for piece in received)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", ["add", None], ids=["named", "bare"])
def test_many_fragments_are_linear(name):
    """A hundred thousand fragments of one call, each with its name, take no longer than others."""
    fragments = [Piece(0, None, name, "[" if name else "{") for _ in range(100_000)]

    (call,) = calls_of(Piece(0, "x", "add", ""), *fragments)

    assert 100_000 == len(call.arguments)


# Single oddities


def test_what_names_its_call_early_and_late():
    """An id may come after the name, as long as no arguments have come."""
    assert [ToolCall("x", "add", "{}")] == calls_of(
        Piece(0, name="add"), Piece(0, "x"), Piece(0, arguments="{}")
    )


def test_an_id_that_comes_too_late_changes_nothing():
    """A call that was emitted with a made id keeps it; the next id begins another call."""
    assert [ToolCall("call_1_1_0", "add", "{}"), ToolCall("y", "say", "[]")] == calls_of(
        Piece(0, name="add", arguments="{"),
        Piece(0, "x", arguments="}"),
        Piece(0, "y", "say", "[]"),
    )


def test_ids_are_kept_apart():
    """Two calls of different index with one id are two; the second gets a made id."""
    calls = calls_of(Piece(0, "x", "add", "{}"), Piece(1, "x", "say", "[]"))

    assert [ToolCall("x", "add", "{}"), ToolCall("call_1_1_1", "say", "[]")] == calls


def test_arguments_without_any_mark_go_on_with_the_latest_call():
    """A fragment with neither index, id nor name belongs to the call that came last."""
    calls = calls_of(
        Piece(0, "x", "add", "{"), Piece(None, arguments='"a": 1'), Piece(0, None, None, "}")
    )

    assert [ToolCall("x", "add", '{"a": 1}')] == calls


def test_an_index_that_was_given_away():
    """A call whose index another one got in its place is given the next free one."""
    calls = calls_of(
        Piece(0, "a", "add", "{}"), Piece(0, "b", "add", "{}"), Piece(1, "c", "add", "{}")
    )

    assert ["a", "b", "c"] == [call.id for call in calls]


@pytest.mark.parametrize("piece", [Piece(0), Piece(0, "", "", ""), Piece(None, None, None, "")])
def test_a_fragment_of_nothing_is_no_call(piece):
    """An empty fragment emits nothing, before a call and within it."""
    assert [] == normalised(piece)
    assert [Piece(0, "a", "add", "")] == normalised(Piece(0, "a", "add"), piece)


def test_a_space_after_whole_arguments_is_no_call():
    """A server that says the name again with a line break has not begun another call."""
    assert [ToolCall("call_1_1_0", "add", "{}\n")] == calls_of(
        Piece(0, None, "add", "{}"), Piece(0, None, "add", "\n"), Piece(0, None, "add", "")
    )


@pytest.mark.parametrize("index", [0, 3])
def test_a_whole_object_is_the_end_of_a_call(index):
    """A name said again after whole arguments begins another call of the same tool."""
    nested = '{"a": {"b": "}"}}'
    calls = calls_of(
        *(Piece(index, None, "add", piece) for piece in ('{"a": {"b": ', '"}"}', "}", nested))
    )

    assert [nested, nested] == [call.arguments for call in calls]


def test_arguments_that_cannot_be_parsed_are_passed_on():
    """Whatever the arguments are, they are kept as they were written."""
    deep = '{"a":' * 5000 + "}"
    calls = calls_of(Piece(0, "x", "add", deep), Piece(0, None, "add", "}"))

    assert [ToolCall("x", "add", deep + "}")] == calls


def test_a_name_after_the_arguments():
    """A name that comes after the first arguments belongs to the call that has none yet."""
    assert [ToolCall("a", "add", '{"a": 1, "b": 2}')] == calls_of(
        Piece(0, "a", None, '{"a": 1,'), Piece(0, None, "add", ' "b": 2}')
    )


def test_another_id_in_each_fragment():
    """Fragments of one index without a name go on with its call, whatever their id."""
    assert [ToolCall("a", "add", '{"a": 1}')] == calls_of(
        Piece(0, "a", "add", ""), Piece(0, "b", None, '{"a":'), Piece(0, "c", None, " 1}")
    )


def test_a_stale_index():
    """A fragment whose index is another call's goes to the call of its id, or to the empty one."""
    both = [ToolCall("a", "add", '{"a": 1}'), ToolCall("b", "say", '{"b": 2}')]
    begun = Piece(0, "a", "add", '{"a": 1}'), Piece(1, "b", "say", "")

    assert both == calls_of(*begun, Piece(0, "b", None, '{"b": 2}'))
    assert both == calls_of(*begun, Piece(0, None, None, '{"b": 2}'))
    assert both == calls_of(*begun, Piece(2, None, None, '{"b": 2}'))


@law
@given(st.data(), all_calls())
def test_the_real_arguments_after_empty_ones(data, calls):
    """Arguments `{}` that come first are replaced by the real ones, if no other call is between."""
    begun = [Piece(at, call.id, call.name, "{}") for at, call in enumerate(calls)]
    rest = [
        [Piece(at, arguments=piece) for piece in data.draw(cut(call.arguments)) if piece.strip()]
        for at, call in enumerate(calls)
    ]
    fragments = [piece for at, first in enumerate(begun) for piece in (first, *rest[at])]

    found = calls_of(*fragments, Finish("tool_calls"))

    assert [(call.id, call.name, json.loads(call.arguments)) for call in calls] == [
        (call.id, call.name, json.loads(call.arguments)) for call in found
    ]


def test_empty_arguments_come_with_the_next_ones():
    """The arguments `{}` are held back until another call has some, or the turn ends."""
    first = Piece(0, "a", "add", "{}")
    head, empty = Piece(0, "a", "add", ""), Piece(0, arguments="{}")
    other = [Piece(1, "b", "say", ""), Piece(1, arguments='{"b"')]

    assert [head] == received_before_the_end(first)
    assert [head, empty, *other] == received_before_the_end(first, Piece(1, "b", "say", '{"b"'))
    assert [head, empty] == normalised(first)


@law
@given(st.data(), all_calls(), st.sampled_from([0, None]))
def test_ids_alone_and_names_at_last(data, calls, index):
    """Calls that differ in their ids alone may be named after their arguments."""
    fragments = [
        [Piece(index, call.id, None, call.arguments[:2])]  # with the sign that opens them
        + [Piece(index, call.id, None, piece) for piece in data.draw(cut(call.arguments[2:]))]
        for call in calls
    ]
    names = [Piece(index, call.id, call.name) for call in calls]

    found = calls_of(*data.draw(interleaved(*fragments)), *names, Finish("tool_calls"))

    assert sorted((call.id, call.name, call.arguments) for call in calls) == sorted(
        (call.id, call.name, call.arguments) for call in found
    )


def test_ids_that_change_within_an_object():
    """Fragments with another id each are one call, also where one of them opens an object."""
    pieces = (
        Piece(0, "a", None, '{"x": '),
        Piece(0, "b", None, '{"y": 1}'),
        Piece(0, "c", None, "}"),
    )

    for name in (Piece(0, "d", "add"), Piece(0, None, "add")):
        (call,) = calls_of(*pieces, name, Finish("tool_calls"))

        assert ("add", '{"x": {"y": 1}}') == (call.name, call.arguments)


FIRST, SECOND = '{"a": 1}', '{"a": 2}'
SAME_ID = {
    "one, begun twice": ([(0, "x", ""), (1, "x", FIRST)], [FIRST]),
    "one, that goes on elsewhere": ([(0, "x", '{"a":'), (1, "x", " 1}")], ['{"a": 1}']),
    "one, said again": ([(0, "x", FIRST), (1, "x", FIRST)], [FIRST]),
    "one, said again in pieces": (
        [(0, "x", FIRST), (1, "x", ""), (1, None, FIRST[:3]), (1, None, FIRST[3:])],
        [FIRST],
    ),
    "two, whole": ([(0, "x", FIRST), (1, "x", SECOND)], [FIRST, SECOND]),
    "two, in a row": (
        [(0, "x", ""), (0, None, FIRST), (1, "x", ""), (1, None, SECOND)],
        [FIRST, SECOND],
    ),
    "two, interleaved": (
        [(0, "x", ""), (1, "x", ""), (0, None, FIRST), (1, None, SECOND)],
        [FIRST, SECOND],
    ),
}


@pytest.mark.parametrize(("pieces", "wanted"), SAME_ID.values(), ids=SAME_ID)
def test_one_id_at_two_indexes(pieces, wanted):
    """One id at two indexes is one call, unless both have arguments and these differ."""
    fragments = [Piece(index, id, "add" if id else None, text) for index, id, text in pieces]
    calls = calls_of(*fragments, Finish("tool_calls"))

    assert [("add", arguments) for arguments in wanted] == [(c.name, c.arguments) for c in calls]
    assert len(calls) == len({call.id for call in calls})


def test_a_name_that_never_comes():
    """Arguments without any name are a call of a tool that there is not, and are not lost."""
    assert [ToolCall("a", "unnamed", "{}")] == calls_of(Piece(0, "a", None, "{}"))


def test_what_a_provider_wants_back_stays_with_its_call():
    """An extra comes out with its call, whether it is early, late or alone."""
    one, other = (ProviderData("p", {"n": n}) for n in (1, 2))
    calls = calls_of(
        Piece(0, "a", extra=(one,)),
        Piece(0, None, "add", "{}"),
        Piece(1, "b", "say", "{}"),
        Piece(0, extra=(other,)),
    )

    assert [(one, other), ()] == [call.extra for call in calls]


# When it is emitted


def test_a_call_is_emitted_when_its_name_is_whole():
    """A call is held back until arguments, the finish or the end follow."""
    begun = Piece(0, "a", "add"), Piece(0, name="_all")
    first = Piece(0, "a", "add_all", "")

    assert [] == received_before_the_end(*begun)
    assert [first, Piece(0, arguments="{")] == received_before_the_end(
        *begun, Piece(0, arguments="{")
    )
    assert [] == received_before_the_end(*begun, Piece(1, "b", "say"))
    assert [first, Finish("tool_calls")] == received_before_the_end(*begun, Finish("tool_calls"))
    assert [first] == normalised(*begun)


def test_other_deltas_pass_at_once():
    """Text, thoughts and usage are not touched, nor kept waiting for a call's name."""
    others = TextDelta("a"), ReasoningDelta("b"), Usage(1, 2)

    assert list(others) == received_before_the_end(Piece(0, "a", "add"), *others)


def test_a_retracted_attempt_is_forgotten():
    """After StepRetried indexes start again, and made ids have the number of the attempt."""
    call, retried = Piece(0, None, "add", "[]"), StepRetried(2, "cut")

    received = normalised(call, Piece(1, None, "say"), retried, call, retried, call, step=3)

    assert ["call_3_1_0", "call_3_2_0", "call_3_3_0"] == [
        piece.id for piece in received if isinstance(piece, ToolCallDelta) and piece.id
    ]
    assert 2 == received.count(retried)


def test_subscriptions_do_not_mix():
    """An operator may be used for several turns at once."""
    normalise, turns = ops.normalise(), []
    subjects = [rx.Subject(), rx.Subject()]
    for subject in subjects:
        turn = []
        subject.pipe(normalise).subscribe(turn.append)
        turns.append(turn)

    for piece in (Piece(0, None, "a"), Piece(0, None, "dd"), Piece(0, arguments="[]")):
        for subject in subjects:
            subject.on_next(piece)

    assert [[Piece(0, "call_1_1_0", "add", ""), Piece(0, arguments="[]")]] * 2 == turns


def test_a_made_id_is_unique():
    """A provider that gives ids like ours, and not to all calls, makes no two calls one."""
    calls = calls_of(
        Piece(0, "call_1_1_1", "add", "{}"), Piece(1, None, "add", "{}"), Finish("tool_calls")
    )

    assert ["call_1_1_1", "call_1_1_2"] == [call.id for call in calls]


@pytest.mark.parametrize("named", [True, False])
def test_a_stale_index_without_marks(named):
    """Arguments at the index of a call that is whole belong to the only other call."""
    first = [Piece(0, "a", "add", '{"a": 1}')]
    second = [Piece(1, "b", "sub"), Piece(1 if named else 0, arguments='{"b"')]
    calls = calls_of(*first, *second, Piece(0, arguments=": 2}"), Finish("tool_calls"))

    assert ['{"a": 1}', '{"b": 2}'] == [call.arguments for call in calls]
