"""The speed of turns, in virtual time."""

import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent
from rxagent import operators as ops
from rxagent.events import Finish, MessageCompleted, StepRetried, StepStarted, TextDelta, Usage
from rxagent.messages import Message
from rxagent.operators.speed import Speed
from rxagent.testing import ScriptedModel, VirtualScheduler


def speeds(*timed):
    """Return what `speed` emits of items at their times."""
    out = []
    with VirtualScheduler() as scheduler:
        source = rx.merge(*(rx.timer(at).pipe(rxo.map(lambda _, i=item: i)) for at, item in timed))
        source.pipe(ops.speed()).subscribe(out.append, scheduler=scheduler)
        scheduler.run()
    return out


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 500))
def test_first_and_rate_are_those_of_the_clock(first, length, tokens):
    """The first token and the end are measured where they happen, whatever lies between."""
    end = first + length
    (measured,) = speeds(
        (first, TextDelta("a")),
        (first + length / 2, TextDelta("b")),
        (end, Finish("stop")),
        (end + 3, Usage(5, tokens)),
    )

    assert Speed(first, end, tokens) == measured
    assert round(tokens / length, 6) == round(measured.rate, 6)


def test_each_turn_is_measured_from_its_step():
    """A tool's time between two turns counts for neither; nothing is measured twice."""
    done = MessageCompleted(Message("assistant", "a"))

    assert [Speed(2, 3), Speed(1, 4, 9)] == speeds(
        (1, StepStarted(1)),
        (3, TextDelta("a")),
        (4, done),
        (10, StepStarted(2)),
        (11, TextDelta("b")),
        (12, Usage(1, 9)),
        (14, done),
        (20, TextDelta("late")),
        (21, StepStarted(3)),
    )


def test_of_a_retried_turn_the_last_attempt_counts():
    """What was retracted is no part of the speed."""
    assert [Speed(1, 2, 4)] == speeds(
        (1, TextDelta("a")),
        (2, Usage(1, 100)),
        (5, StepRetried(1, "It broke off.")),
        (6, TextDelta("b")),
        (7, Usage(1, 4)),
    )


def test_what_is_unknown_is_none():
    """Without a report there is no rate, and a turn in which nothing happened has no speed."""
    (measured,) = speeds((1, TextDelta("a")), (2, Finish("stop")))

    assert (1, 2, None, None) == (measured.first, measured.seconds, measured.tokens, measured.rate)
    assert [] == speeds((1, Finish("stop")))
    assert Speed(None, 1, 3).rate is None


def test_a_run_has_a_speed_for_each_turn():
    """The turns of an agent are measured in its stream."""
    out = []
    with VirtualScheduler() as scheduler:
        agent = Agent(ScriptedModel(["Hello"]))
        agent("x").pipe(ops.speed()).subscribe(out.append, scheduler=scheduler)
        scheduler.run()

    assert 1 == len(out)
