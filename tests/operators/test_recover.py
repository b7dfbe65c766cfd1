"""Going on after failures: how often, how long, and when not."""

from itertools import pairwise

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import operators as ops
from rxagent.errors import (
    MalformedReply,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import ReasoningDelta, RunFailed, StepRetried, TextDelta, ToolCallDelta, Usage
from rxagent.streams.open_work import open_work
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.marbles import attempts, marbles, model_of, request

LOST = ModelUnavailable("It broke off.")


def again(number):
    """Return the event of a lost attempt."""
    return StepRetried(number, "ModelUnavailable: It broke off.")


@given(st.integers(0, 6), st.integers(1, 6))
def test_a_model_is_asked_so_many_times(failures, allowed):
    """It is asked until it answers, `attempts` times at most; failures but the last are emitted."""
    asked = []
    received = []

    def answer(_):
        asked.append(True)
        return rx.throw(LOST) if len(asked) <= failures else rx.of(TextDelta("Hi"))

    with VirtualScheduler() as scheduler:
        rx.defer(answer).pipe(ops.retry(allowed)).subscribe(
            received.append, received.append, scheduler=scheduler
        )
        scheduler.run()

    assert min(failures + 1, allowed) == len(asked)
    assert [
        *(again(number + 1) for number in range(min(failures, allowed - 1))),
        TextDelta("Hi") if failures < allowed else LOST,
    ] == received


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=6), st.floats(0.001, 40))
def test_waits_double_up_to_the_longest(limits, delay):
    """Without a time named the n-th wait is `delay` times 2 to the n-1, `max_delay` at most."""
    longest = max(limits)
    asked = []
    with VirtualScheduler() as scheduler:

        def answer(_):
            asked.append(scheduler.clock)
            return rx.throw(LOST)

        rx.defer(answer).pipe(ops.retry(6, delay, longest)).subscribe(
            on_error=lambda _: None, scheduler=scheduler
        )
        scheduler.run()

    waits = [after - before for before, after in pairwise(asked)]
    assert waits == pytest.approx([min(delay * 2**n, longest) for n in range(5)], abs=1e-5)


@given(st.floats(1, 9), st.floats(0, 1))
def test_a_part_of_each_wait_is_random(backoff, jitter):
    """The n-th wait is `backoff` to the n-1 times as long, less at most its part `jitter`."""
    asked = []
    with VirtualScheduler() as scheduler:

        def answer(_):
            asked.append(scheduler.clock)
            return rx.throw(LOST)

        rx.defer(answer).pipe(ops.retry(4, 1, 50, backoff=backoff, jitter=jitter)).subscribe(
            on_error=lambda _: None, scheduler=scheduler
        )
        scheduler.run()

    for number, (before, after) in enumerate(pairwise(asked)):
        whole = min(backoff**number, 50)
        assert whole * (1 - jitter) - 1e-5 <= after - before <= whole + 1e-5


def test_thousands_of_waits_do_not_overflow():
    """A wait that doubles forever is the longest one."""
    received = []
    with VirtualScheduler() as scheduler:
        rx.throw(LOST).pipe(ops.retry(1_500, delay=0.001, max_delay=0.002)).subscribe(
            received.append, received.append, scheduler=scheduler
        )
        scheduler.run()

    assert (1_500, LOST) == (len(received), received[-1])


@pytest.mark.parametrize("wrong", [{"backoff": 0.5}, {"jitter": 1.5}, {"jitter": -1}])
def test_a_wrong_factor_is_refused(wrong):
    """The error names the argument and its value."""
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must be "):
        ops.retry(2, **wrong)


@pytest.mark.parametrize(
    "error",
    [LOST, RateLimited("slow", retry_after=1.0), ModelTimeout("late"), MalformedReply("garbage")],
)
def test_what_may_pass_is_tried_again(error):
    """Lost connections, rate limits, time-outs and bad replies are tried again by default."""
    with marbles(tick="1s", error=error, x=TextDelta("Hi"), r=StepRetried(1, "...")) as m:
        model = attempts(m.cold("-#"), m.cold("-x|"))
        m.expect(model.pipe(ops.retry(2))).to_be("-r-x|")


@pytest.mark.parametrize("error", [ModelRejected("wrong key"), ValueError("a bug")])
def test_what_will_not_pass_is_not_tried_again(error):
    """A rejected request, and what is no failure of a model, passes at once."""
    with marbles(error=error) as m:
        m.expect(m.cold("-#").pipe(ops.retry(5))).to_be("-#")


def test_the_errors_to_retry_on_are_chosen():
    """`on` says after which errors alone the model is asked again."""
    with marbles(error=KeyError("k"), e=LOST, r=StepRetried(1, "KeyError: 'k'")) as m:
        model = attempts(m.cold("-#"), m.cold("-e"))
        m.expect(model.pipe(ops.retry(5, delay=0, on=(KeyError,)))).to_be("-re")


@pytest.mark.parametrize("delta", [TextDelta("a"), ReasoningDelta("a"), ToolCallDelta(0, "c", "t")])
def test_an_answer_that_has_begun_is_not_tried_again(delta):
    """After the first text, thought or call the error passes."""
    with marbles(error=LOST, x=delta) as m:
        m.expect(m.cold("-x-#").pipe(ops.retry(5))).to_be("-x-#")


def test_retracted_text_is_no_beginning():
    """A model that has itself retried may be asked again as well; numbers go on."""
    inner, outer = StepRetried(1, "..."), StepRetried(2, "...")
    with marbles(tick="1s", error=LOST, x=TextDelta("a"), r=inner, s=outer) as m:
        model = attempts(m.cold("xr#"), m.cold("x|"))
        m.expect(model.pipe(ops.retry(2))).to_be("xrsx|")


@pytest.mark.parametrize(
    "failing", [rx.throw(LOST), rx.create(lambda observer, _: observer.on_error(LOST))]
)
def test_disposing_ends_the_wait(failing):
    """Disposal while the next attempt waits leaves no timer, and no model is asked again."""
    asked = []
    with VirtualScheduler() as scheduler:
        model = rx.defer(lambda _: asked.append(1) or failing)
        subscription = model.pipe(ops.retry(3, delay=10)).subscribe(scheduler=scheduler)
        scheduler.advance_to(5.0)
        subscription.dispose()
        scheduler.run()

        assert 5.0 == scheduler.clock
        assert "timer" not in [work.name for work in open_work()]
    assert [1] == asked


def test_the_wait_stops_while_the_run_is_held():
    """A paused run is not asked again."""
    received = []
    with VirtualScheduler() as scheduler:
        rx.throw(LOST).pipe(ops.retry(2, delay=10)).subscribe(
            on_error=lambda _: received.append(scheduler.clock), scheduler=scheduler
        )
        scheduler.advance_to(5.0)
        hold = scheduler.hold()
        scheduler.advance_to(100.0)
        hold.dispose()
        scheduler.run()

    assert [105.0] == received


def test_ten_thousand_attempts_need_no_deeper_stack():
    """Attempts are a loop, no recursion, also when they fail at once and need no wait."""
    received = []
    with VirtualScheduler() as scheduler:
        rx.throw(LOST).pipe(ops.retry(10_000, delay=0)).subscribe(
            received.append, received.append, scheduler=scheduler
        )
        scheduler.run()

    assert (10_000, again(9_999), LOST) == (len(received), received[-2], received[-1])


def test_each_subscription_has_its_own_attempts():
    """What `retry` returns can be subscribed again, and counts again from one."""
    with marbles(error=LOST, r=again(1)) as m:
        model = m.cold("-#").pipe(ops.retry(2, delay=0))
        m.expect(model).to_be("-r#")
        m.expect(model).to_be("-r#")


def test_a_fallback_follows_model_errors_only():
    """An error that is no ModelError is a bug, and passes."""
    with marbles(error=ValueError("a bug")) as m:
        m.expect(ops.fallback(model_of(m.cold("-#")), model_of())(request)).to_be("-#")


def test_a_model_that_raises_has_failed():
    """A model that raises before it returns a stream is followed by the next one."""

    def broken(request):
        raise LOST

    with marbles(r=again(1), x=TextDelta("Hi")) as m:
        m.expect(ops.fallback(broken, model_of(m.cold("-x|")))(request)).to_be("rx|")


def test_the_last_models_error_passes():
    """When every model has failed, the error of the last one is the fallback's."""
    with marbles(error=LOST, e=ModelTimeout("late"), r=again(1)) as m:
        m.expect(ops.fallback(model_of(m.cold("-#")), model_of(m.cold("-e")))(request)).to_be("-re")


def test_each_model_is_given_the_request():
    """All models of a fallback are asked the same."""
    asked = []

    def model(request):
        asked.append(request)
        return rx.throw(LOST)

    with VirtualScheduler() as scheduler:
        ops.fallback(model, model)(request).subscribe(on_error=lambda _: None, scheduler=scheduler)
        scheduler.run()

    assert [request, request] == asked


def test_a_fallback_needs_a_model():
    """A fallback to nothing is refused when it is made."""
    with pytest.raises(TypeError, match="No model is given"):
        ops.fallback()


def test_what_ends_well_is_settled():
    """A run that completes passes `settle` unchanged; one that fails ends in RunFailed."""
    with marbles(error=KeyError("k"), x=Usage(1, 1), f=RunFailed("KeyError", "KeyError: 'k'")) as m:
        m.expect(m.cold("-x-|").pipe(ops.settle())).to_be("-x-|")
        m.expect(m.cold("-x-#").pipe(ops.settle())).to_be("-x-(f|)")
