"""The circuit breaker: when no request is sent, for how long, and what ends that."""

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent
from rxagent import operators as ops
from rxagent.errors import CircuitOpen, ModelRejected, ModelUnavailable, RateLimited
from rxagent.events import TextDelta, Usage
from rxagent.streams import RunScheduler
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.marbles import request

from ..laws import examples

LOST = ModelUnavailable("It broke off.")
HI = TextDelta("Hi")


class Scripted:
    """A model whose answers a test sets, and its requests; one scheduler for all of them."""

    is_model = True

    def __init__(self, scheduler, *operators):
        self.answer = rx.throw(LOST)
        self.asked = 0
        self.scheduler = scheduler
        self.piped = ops.fallback(self).pipe(*operators)

    def __call__(self, _):
        self.asked += 1
        return self.answer

    def ask(self, run=None):
        """Ask once, and return what came, and the subscription."""
        received = []
        left = self.piped(request).subscribe(
            received.append,
            received.append,
            lambda: received.append("|"),
            scheduler=run or self.scheduler,
        )
        self.scheduler.advance_to(self.scheduler.clock)
        return received, left

    def fail(self, times=1, error=LOST):
        """Fail so many times."""
        self.answer = rx.throw(error)
        for _ in range(times):
            assert self.ask()[0] == [error]


def is_refused(received):
    """Return whether a request was not sent."""
    last = received[-1] if received else None
    return isinstance(last, CircuitOpen)


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=20))
def test_it_opens_after_so_many_failures_in_a_row(most, outcomes):
    """A request is sent unless `failures` in a row have failed; an answer forgets those before."""
    in_a_row = 0
    with VirtualScheduler() as scheduler:
        model = Scripted(scheduler, ops.circuit_breaker(most, cooldown=10))
        for fails in outcomes:
            model.answer = rx.throw(LOST) if fails else rx.of(HI)
            before = model.asked
            received, _ = model.ask()
            assert is_refused(received) == (in_a_row >= most) == (model.asked == before)
            if in_a_row < most:
                in_a_row = in_a_row + 1 if fails else 0


@examples(30)
@given(st.floats(0.5, 60), st.booleans())
def test_one_request_is_on_trial_when_the_time_is_over(cooldown, works):
    """Before, all are refused; then one is sent, and it decides what happens to the others."""
    with VirtualScheduler() as scheduler:
        model = Scripted(scheduler, ops.circuit_breaker(2, cooldown))
        model.fail(2)
        scheduler.advance_to(cooldown - 0.1)
        (error,), _ = model.ask()
        assert error.retry_after == pytest.approx(0.1, abs=1e-5)
        scheduler.advance_to(cooldown + 0.001)

        model.answer = rx.never()
        _, trial = model.ask()
        assert is_refused(model.ask()[0])
        trial.dispose()
        scheduler.advance_to(scheduler.clock)
        model.answer = rx.of(HI) if works else rx.throw(LOST)
        model.ask()

        assert is_refused(model.ask()[0]) is not works
        assert is_refused(model.ask()[0]) is not works
    assert (2 + 2 + (2 if works else 0)) == model.asked


def test_the_first_word_of_a_trial_lets_others_pass():
    """Others need not wait for the end of a long answer; one more failure refuses them again."""
    with VirtualScheduler() as scheduler:
        model = Scripted(scheduler, ops.circuit_breaker(3, cooldown=5))
        model.fail(3)
        scheduler.advance_to(6)
        model.answer = rx.concat(rx.of(Usage(1, 0)), rx.timer(2).pipe(rxo.map(lambda _: HI)))
        received, _ = model.ask()
        assert is_refused(model.ask()[0])
        scheduler.advance_to(9)
        assert [Usage(1, 0), HI, "|"] == received
        model.answer = rx.concat(rx.of(HI), rx.never())
        _, other = model.ask()
        other.dispose()
        model.fail(3)
        assert is_refused(model.ask()[0])


@pytest.mark.parametrize("works_later", [True, False])
@pytest.mark.parametrize("works", [True, False])
def test_a_trial_that_is_paused_is_none(works, works_later):
    """Another request is on trial, and decides, whatever becomes of the paused one."""
    endings = {True: rx.of(HI), False: rx.throw(LOST)}
    with VirtualScheduler() as scheduler:
        model = Scripted(scheduler, ops.circuit_breaker(1, cooldown=5))
        model.fail()
        scheduler.advance_to(5)
        run, late = RunScheduler(scheduler.loop), rx.Subject()
        model.answer = late
        model.ask(run)
        assert is_refused(model.ask()[0])

        hold = run.hold()
        model.answer = endings[works]
        model.ask()
        model.answer = rx.of(HI)
        assert is_refused(model.ask()[0]) is not works
        hold.dispose()
        endings[works_later].subscribe(late)
        scheduler.advance_to(scheduler.clock)
        assert is_refused(model.ask()[0]) is not works


def test_a_request_from_before_decides_nothing():
    """One that was sent before the circuit opened neither closes it nor counts."""
    with VirtualScheduler() as scheduler:
        model = Scripted(scheduler, ops.circuit_breaker(1, cooldown=5))
        model.answer = rx.timer(2).pipe(rxo.map(lambda _: HI))
        slow, _ = model.ask()
        model.fail(1)
        scheduler.advance_to(3)

        assert [HI, "|"] == slow
        assert is_refused(model.ask()[0])


@pytest.mark.parametrize("error", [ModelRejected("wrong key"), ValueError("a bug")])
def test_what_would_fail_again_does_not_count(error):
    """A request that is wrong says nothing about the model; `on` chooses what counts."""
    with VirtualScheduler() as scheduler:
        model = Scripted(scheduler, ops.circuit_breaker(1))
        model.fail(3, error)
        chosen = Scripted(scheduler, ops.circuit_breaker(1, on=type(error)))
        chosen.fail(1, error)

        assert is_refused(chosen.ask()[0])


def test_it_is_shared_by_models_and_runs():
    """One object counts the failures of all models and runs that it is piped to."""
    shared = ops.circuit_breaker(2, cooldown=60)
    asked = []

    def broken(_):
        asked.append(1)
        return rx.throw(RateLimited("slow down"))

    one, other = shared(broken), ops.fallback(broken).pipe(shared)
    for agent in (Agent(one), Agent(other)):
        with pytest.raises(RateLimited):
            agent.run("Go")
    with pytest.raises(CircuitOpen, match="No request is sent, because 2 requests in a row"):
        Agent(one).run("Go")
    small = ops.fallback(other, lambda _: rx.of(HI))
    assert "Hi" == Agent(small).run("Go")
    assert 2 == len(asked)


@given(st.floats(1, 60), st.integers(1, 5))
@examples(10)
def test_a_refusal_holds_no_others(cooldown, times):
    """Within a shared limit, it delays neither the next refusal nor another model."""
    with VirtualScheduler() as scheduler:
        limit = ops.rate_limit(100)
        model = Scripted(scheduler, ops.circuit_breaker(1, cooldown), limit)
        other = Scripted(scheduler, limit)
        other.answer = rx.of(HI)
        model.fail()

        for _ in range(times):
            received, _ = model.ask()
            assert is_refused(received)
            assert isinstance(received[0], CircuitOpen)
            assert [HI, "|"] == other.ask()[0]


def test_retry_waits_until_the_trial():
    """The refusal names the time that is left, so that retry asks when it is over."""
    with VirtualScheduler() as scheduler:
        model = Scripted(scheduler, ops.circuit_breaker(1, cooldown=7), ops.retry(3, delay=1))
        times = []
        model.answer = rx.defer(lambda _: times.append(round(scheduler.clock, 3)) or rx.throw(LOST))
        model.ask()
        scheduler.run()

    assert [0, 7] == times


@pytest.mark.parametrize(
    ("arguments", "why"),
    [((0,), "failures must be"), ((1, 0), "cooldown must be"), ((1, 1, "x"), "on must be")],
)
def test_a_wrong_argument_is_refused(arguments, why):
    """It names the argument and its value."""
    with pytest.raises((TypeError, ValueError), match=why):
        ops.circuit_breaker(*arguments)
