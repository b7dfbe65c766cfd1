"""Operators that pick: what they let through, for every run there can be."""

import pytest
import reactivex as rx
from hypothesis import given
from reactivex import operators as rxo

from rxagent import operators as ops
from rxagent.events import (
    Delta,
    Event,
    FinalAnswer,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.state import State, fold_all
from rxagent.testing.ledger import opened

from ..laws import examples
from ..strategies import prefixes, runs, spent

law = examples(40)


def picked(events, operator):
    """Return what an operator lets through of some events."""
    return rx.from_iterable(events).pipe(operator, rxo.to_list()).run()


@law
@given(prefixes())
def test_the_three_texts(events):
    """`text` and `reasoning` emit the pieces of their own channel, of the outer run alone."""
    assert [e.text for e in events if isinstance(e, TextDelta)] == picked(events, ops.text())
    assert [e.text for e in events if isinstance(e, ReasoningDelta)] == picked(
        events, ops.reasoning()
    )


@law
@given(prefixes(inner=2))
def test_all_usage_is_found(events):
    """`usage` emits every report, inner runs' too, so that its sum is the state's."""
    found = picked(events, ops.usage())

    assert list(spent(events)) == found
    total = rx.from_iterable(found).pipe(rxo.reduce(Usage.sum, None)).run()
    assert fold_all(State(), events).usage == total


@law
@given(runs())
def test_the_answer_and_the_calls(events):
    """`answer` emits the value of the answer, and `tool_calls` the calls that were begun."""
    assert [e.value for e in events if isinstance(e, FinalAnswer)] == picked(events, ops.answer())
    assert [e.call for e in events if isinstance(e, ToolStarted)] == picked(
        events, ops.tool_calls()
    )


@law
@given(prefixes())
def test_events_of_some_types(events):
    """`of_type` emits the events of all given types, and of those derived from them."""
    for kinds in [(Delta,), (TextDelta, StepStarted), (Event,), ()]:
        assert [event for event in events if isinstance(event, kinds)] == picked(
            events, ops.of_type(*kinds)
        )


def test_an_answer_of_nothing_is_an_answer():
    """None, zero and an empty text are values that an answer may have."""
    answers = [None, 0, "", False]

    assert answers == picked(map(FinalAnswer, answers), ops.answer())
    assert ["", "a"] == picked(map(TextDelta, ["", "a"]), ops.text())


def test_outputs_that_are_no_events_hold_no_usage():
    """A tool's own outputs are looked through, and left alone."""
    outputs = [ToolOutput("a", value) for value in (None, 5, [Usage(1, 1)], {"usage": 1})]

    assert [] == picked(outputs, ops.usage())


OPERATORS = {
    "answer": ops.answer(),
    "of_type": ops.of_type(Event),
    "reasoning": ops.reasoning(),
    "text": ops.text(),
    "tool_calls": ops.tool_calls(),
    "usage": ops.usage(),
}


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_errors_and_disposal_pass(operator):
    """An error passes, and disposing reaches the source."""
    errors = []
    rx.throw(LookupError()).pipe(operator).subscribe(on_error=errors.append)
    silent, ledger = opened(rx.never())

    silent.pipe(operator).subscribe().dispose()

    assert [LookupError] == [type(error) for error in errors]
    assert (1, 1) == (ledger.subscribed, ledger.disposed)
