"""Preparing: until a request is sent, its source is not silent."""

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo
from reactivex.subject import Subject

from rxagent import operators as ops
from rxagent.errors import ModelTimeout, ModelUnavailable
from rxagent.events import TextDelta
from rxagent.messages import Request
from rxagent.streams.sources import preparing
from rxagent.testing import VirtualScheduler

seconds = st.integers(0, 9)


def asked(prepare, answer):
    """Return a source that sends its request after some seconds, and answers so long after that."""

    def source(sent):
        sending = rx.timer(prepare).pipe(rxo.do_action(lambda _: sent()))
        return sending.pipe(
            rxo.flat_map(lambda _: rx.timer(answer).pipe(rxo.map(lambda _: TextDelta("Hi"))))
        )

    return preparing(source)


def played(source):
    """Return what a stream emits, and when; no event follows its end."""
    received = []
    with VirtualScheduler() as scheduler:
        source.subscribe(
            lambda item: received.append((scheduler.clock, item)),
            lambda error: received.append((scheduler.clock, type(error))),
            lambda: received.append((scheduler.clock, "|")),
            scheduler=scheduler,
        )
        scheduler.run()
    return received


@pytest.mark.parametrize("limit", ["idle", "first"])
@given(prepare=seconds, answer=seconds, most=st.integers(1, 9))
def test_silence_counts_from_the_request(limit, prepare, answer, most):
    """However long it is prepared, a request times out so long after it was sent, and no sooner."""
    received = played(asked(prepare, answer).pipe(ops.timeout(**{limit: most})))

    if answer == most:  # either may come first
        return
    in_time = [(prepare + answer, TextDelta("Hi")), (prepare + answer, "|")]
    assert received == (in_time if answer < most else [(prepare + most, ModelTimeout)])


@given(prepare=seconds, answer=seconds)
def test_the_total_counts_from_the_subscription(prepare, answer):
    """What comes before the request is part of the total time."""
    received = played(asked(prepare, answer).pipe(ops.timeout(total=5)))

    if prepare + answer == 5:
        return
    assert (prepare + answer > 5) == (received == [(5, ModelTimeout)])


@pytest.mark.parametrize(
    "between",
    [
        rxo.filter(lambda _: True),
        rxo.publish(lambda shared: shared),
        ops.retry(1),
        lambda source: ops.fallback(lambda _: source)(Request.of("Hi")),
    ],
    ids=["filter", "publish", "retry", "fallback"],
)
def test_whatever_operators_lie_between(between):
    """The time-out learns of the preparing through operators of ReactiveX and our own."""
    assert (9, "|") == played(asked(8, 1).pipe(between, ops.timeout(idle=2)))[-1]


def test_another_attempt_is_prepared_too():
    """The preparing of a later attempt is no silence, either."""
    attempts = [
        rx.concat(rx.timer(1).pipe(rxo.ignore_elements()), rx.throw(ModelUnavailable("no"))),
        asked(8, 1),
    ]
    source = rx.defer(lambda _: attempts.pop(0)).pipe(ops.retry(2, delay=0.5))

    assert (10.5, "|") == played(source.pipe(ops.timeout(idle=2)))[-1]


@given(prepare=seconds, answer=st.integers(1, 9))
def test_a_hedge_waits_from_the_request(prepare, answer):
    """The next model is asked so long after the request to the one before was sent."""
    begun = []

    def second(_):
        begun.append(scheduler.clock)
        return rx.never()

    with VirtualScheduler() as scheduler:
        hedged = ops.hedge(lambda _: asked(prepare, answer), second, after=3.5)
        hedged(Request.of("Hi")).subscribe(scheduler=scheduler)
        scheduler.run()

    assert begun == ([prepare + 3.5] if answer > 3.5 else [])


def test_disposed_before_it_is_sent():
    """What another part of the run prepares, or gives up, leaves the silence as it is."""
    with VirtualScheduler() as scheduler:
        received = []
        left = asked(9, 0).subscribe(scheduler=scheduler)
        Subject().pipe(ops.timeout(idle=2)).subscribe(
            on_error=lambda _: received.append(scheduler.clock), scheduler=scheduler
        )
        scheduler.advance_to(1)
        left.dispose()
        scheduler.run()

    assert [2] == received


def test_a_run_of_its_own():
    """Without a scheduler it is a run of its own, disposed as a whole."""
    opened = Subject()
    subscription = preparing(lambda _: opened).subscribe()
    assert 1 == len(opened.observers)
    subscription.dispose()

    assert [] == opened.observers
