"""Rates and places: requests pass in their order, as far as the limit allows, and no sooner."""

import asyncio
import gc
import threading
from functools import partial
from itertools import pairwise

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent, Message, Request
from rxagent import operators as ops
from rxagent.errors import ModelTimeout, ModelUnavailable, RateLimited
from rxagent.events import Finish, StepRetried, TextDelta, Usage
from rxagent.models import as_model
from rxagent.streams import RunScheduler, daemon_loop
from rxagent.streams.open_work import open_work
from rxagent.testing import ScriptedModel
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.marbles import marbles, model_of, request

from ..laws import examples

A = TextDelta("a")


class Counting:
    """A model that answers after some seconds, and notes when it was asked and left."""

    is_model = True

    def __init__(self, scheduler, seconds=1.0, usage=None):
        self.scheduler = scheduler
        self.seconds = seconds
        self.usage = usage
        self.began, self.ended, self.asked = [], [], []

    def __call__(self, request):
        return rx.defer(partial(self._answer, request))

    def _answer(self, request, scheduler):
        self.began.append(self.scheduler.clock)
        self.asked.append(request.messages[-1].text)
        deltas = [A] if self.usage is None else [self.usage, A]
        return rx.timer(self.seconds).pipe(
            rxo.flat_map(lambda _: rx.from_iterable(deltas)),
            rxo.finally_action(lambda: self.ended.append(self.scheduler.clock)),
        )


def sent_at(limit, times, **answers):
    """Return when a model was asked, if requests come at these times; and the model."""
    with VirtualScheduler() as scheduler:
        model = Counting(scheduler, **answers)
        limited = limit(model)
        for number, at in enumerate(times):
            ask = partial(ask_later, limited, scheduler, str(number))
            scheduler.schedule_relative(at, ask)
        scheduler.run()
        return model


def ask_later(model, home, text, *_):
    """Subscribe to an answer, in a run of its own."""
    model(text).subscribe(scheduler=home)


times = st.lists(st.floats(0, 30).map(lambda at: round(at, 2)), max_size=12)


@given(times, st.integers(1, 4), st.sampled_from([0.5, 3.0, 10.0]))
@examples(30)
def test_no_window_has_more_requests(times, requests, per):
    """In any window of the given length there are at most so many requests, in their order."""
    model = sent_at(ops.rate_limit(requests, per=per), times)

    for first, last in zip(model.began, model.began[requests:], strict=False):
        assert last - first >= per - 2e-6
    order = sorted(range(len(times)), key=lambda number: times[number])
    assert [str(number) for number in order] == model.asked


@given(times, st.integers(1, 4))
@examples(30)
def test_no_request_waits_without_a_reason(times, requests):
    """A request that waits is sent in the moment in which the limit allows it."""
    began = sent_at(ops.rate_limit(requests, per=3.0), times).began

    for number, (came, sent) in enumerate(zip(sorted(times), began, strict=True)):
        free = began[number - requests] + 3.0 if number >= requests else 0.0
        assert sent == pytest.approx(max(came, free), abs=1e-5)


@given(times, st.integers(1, 4), st.sampled_from([0.0, 0.7, 4.0]))
@examples(30)
def test_no_more_answers_at_once(times, limit, seconds):
    """At no time are more answers open, and the next one begins when one has ended."""
    model = sent_at(ops.concurrency(limit), times, seconds=seconds)

    assert len(times) == len(model.began) == len(model.ended)
    for at in model.began:
        open_ones = sum(began <= at for began in model.began) - sum(
            ended <= at for ended in model.ended
        )
        assert open_ones <= limit or seconds == 0
    order = sorted(range(len(times)), key=lambda number: times[number])
    assert [str(number) for number in order] == model.asked


def test_tokens_are_estimated_then_corrected():
    """A request takes its estimate; a report frees what it has not used, or takes more."""
    long = Request(Message("user", "x" * 380))  # 95 tokens, and 4 of the message
    with marbles(u=Usage(20, 10), v=Usage(0, 30), a=A) as m:
        one, two, three = m.cold("--u--a|"), m.cold("--v-|"), m.cold("a|")
        limited = ops.rate_limit(tokens=130, per=0.02)(model_of(one, two, three))
        merged = rx.merge(limited(long), limited(long), limited(long))
        m.expect(merged).to_be("--u-va--------------a|")
        m.expect(two).to_be_subscribed("--^---!")
        m.expect(three).to_be_subscribed("--------------------^!")


def test_a_request_beyond_the_limit_is_sent_alone():
    """What never fits waits until nothing else is in the window."""
    huge = Request(Message("user", "x" * 4000))
    with marbles(a=A, b=TextDelta("b")) as m:
        one, two = m.cold("a|"), m.cold("b|")
        limited = ops.rate_limit(tokens=10, per=0.005)(model_of(one, two))
        m.expect(rx.merge(limited("x"), limited(huge))).to_be("a----b|")


def test_a_small_request_does_not_overtake_a_large_one():
    """What would fit waits behind what does not fit yet, which else might wait for ever."""
    large, small = Request(Message("user", "x" * 200)), Request(Message("user", "x"))
    with marbles(a=A, b=TextDelta("b"), c=TextDelta("c")) as m:
        rows = m.cold("a|"), m.cold("b|"), m.cold("c----|")
        limited = ops.rate_limit(tokens=70, per=0.01)(model_of(*rows))
        later = rx.timer(0.003).pipe(rxo.flat_map(lambda _: limited(small)))
        m.expect(rx.merge(limited(large), limited(large), later)).to_be("a---------(bc)-|")


def test_a_paused_run_does_not_hold_the_others():
    """Those behind it are sent in time, and its own request once it is resumed."""
    with VirtualScheduler() as scheduler:
        model = Counting(scheduler)
        limited = ops.rate_limit(1, per=10)(model)
        other = RunScheduler(scheduler.loop)
        limited("0").subscribe(scheduler=scheduler)
        limited("1").subscribe(scheduler=other)
        limited("2").subscribe(scheduler=scheduler)
        scheduler.advance_to(1)
        hold = other.hold()
        scheduler.advance_to(40)
        hold.dispose()
        scheduler.run()

    assert ["0", "2", "1"] == model.asked
    assert [0.0, 10.0, 40.0] == model.began


@pytest.mark.parametrize("held", ["waiting", "passed"])
def test_runs_that_were_paused_together_keep_the_limit(held):
    """However many are resumed at once, so many requests are sent in any window."""
    with VirtualScheduler() as scheduler:
        model = Counting(scheduler)
        limited = ops.rate_limit(2, per=10)(model)
        others = [RunScheduler(scheduler.loop) for _ in range(6)]
        holds = [] if held == "waiting" else [other.hold() for other in others]
        for number, other in enumerate(others):
            limited(str(number)).subscribe(scheduler=other)
        scheduler.advance_to(1)
        holds = holds or [other.hold() for other in others]
        scheduler.advance_to(40)
        for hold in holds:
            hold.dispose()
        scheduler.run()

    first = [0.0, 0.0] if held == "waiting" else []
    times = [40.0 + 10 * (number // 2) for number in range(6 - len(first))]
    assert [*first, *times] == model.began
    assert [str(number) for number in range(6)] == model.asked


def test_the_longest_wait_that_was_named_counts():
    """A shorter wait, named later, opens nothing."""
    with marbles(
        tick="1s", a=A, e=RateLimited("x", retry_after=20), f=RateLimited("x", retry_after=2)
    ) as m:
        limit = ops.rate_limit(100)
        rows = m.cold("-e"), m.cold("--f"), m.cold("a|")
        one, two, three = (limit(model_of(row))(request) for row in rows)
        quiet = [each.pipe(ops.settle(), rxo.ignore_elements()) for each in (one, two)]
        later = rx.timer(3).pipe(rxo.flat_map(lambda _: three))
        m.expect(rx.merge(*quiet, later)).to_be("-" * 21 + "a|")


def test_who_waits_no_longer_does_not_hold_the_others():
    """A run that is disposed while it waits, at the head of the queue too, takes no place."""
    with VirtualScheduler() as scheduler:
        model = Counting(scheduler)
        limited = ops.rate_limit(1, per=10)(model)
        limited("0").subscribe(scheduler=scheduler)
        leaving = [limited(str(n)).subscribe(scheduler=scheduler) for n in (1, 2)]
        limited("3").subscribe(scheduler=scheduler)
        scheduler.advance_to(5)
        for each in leaving:
            each.dispose()
        scheduler.run()

    assert ["0", "3"] == model.asked
    assert [0.0, 10.0] == model.began


@pytest.mark.parametrize("cut", range(14))
def test_a_place_is_free_however_an_answer_ends(cut):
    """Disposed at any moment, while it waits or answers, it frees its place once."""
    with VirtualScheduler() as scheduler:
        model = Counting(scheduler, seconds=5)
        limited = ops.concurrency(1)(model)
        limited("0").subscribe(scheduler=scheduler)
        second = limited("1").subscribe(scheduler=scheduler)
        limited("2").subscribe(scheduler=scheduler)
        limited("3").subscribe(scheduler=scheduler)
        scheduler.advance_to(cut)
        second.dispose()
        second.dispose()
        scheduler.run()

    assert {"0", "2", "3"} <= {*model.asked}
    for ended, began in zip(model.ended, model.began[1:], strict=False):
        assert began >= ended
    assert len(model.began) == len(model.ended)


def test_an_error_frees_a_place():
    """A model that fails, or raises, holds no place."""

    def broken(request):
        raise ModelUnavailable("gone")

    with marbles(error=ModelUnavailable("gone"), a=A) as m:
        limited = ops.concurrency(1)
        failing, fine = limited(model_of(m.cold("-#"))), limited(model_of(m.cold("-a|")))
        both = rx.merge(failing(request).pipe(ops.settle(), rxo.ignore_elements()), fine(request))
        m.expect(both).to_be("--a|")
        raising = limited(broken)(request).pipe(rxo.catch(lambda *_: fine(request)))
        assert raising


def test_a_limit_is_shared_by_all_models_it_is_piped_to():
    """Two models, one operator: one limit; two operators: two."""
    with marbles(a=A, b=TextDelta("b")) as m:
        one, two, three = m.cold("a|"), m.cold("b|"), m.cold("b|")
        shared = ops.rate_limit(1, per=0.004)
        merged = rx.merge(shared(model_of(one))(request), shared(model_of(two))(request))
        m.expect(merged).to_be("a---b|")
        m.expect(ops.rate_limit(1, per=0.004)(model_of(three))(request)).to_be("b|")


def test_a_wait_is_no_silence():
    """Limits of silence count from when the request is sent; that of the whole, from the start."""
    with marbles(a=A, error=ModelTimeout("The model has not ended after 0.005 s.")) as m:
        limit = ops.rate_limit(1, per=0.01)
        one, two = limit(model_of(m.cold("|"))), limit(model_of(m.cold("--a|")))
        patient = two(request).pipe(ops.timeout(idle=0.003))
        m.expect(rx.concat(one(request), patient)).to_be("------------a|")
    with marbles(a=A, error=ModelTimeout("The model has not ended after 0.005 s.")) as m:
        limit = ops.rate_limit(1, per=0.01)
        one, two = limit(model_of(m.cold("|"))), limit(model_of())
        m.expect(rx.concat(one(request), two(request).pipe(ops.timeout(total=0.005)))).to_be(
            "-----#"
        )


def test_attempts_count_where_the_retry_stands_outside():
    """Each attempt of a retry around a limit waits for its turn; within it, all are one."""
    with marbles(error=ModelUnavailable("gone"), a=A, r=StepRetried(1, "...")) as m:
        rows = m.cold("#"), m.cold("a|")
        limit = ops.rate_limit(1, per=0.01)
        outside = limit(model_of(*rows))(request).pipe(ops.retry(2, delay=0))
        m.expect(outside).to_be("r---------a|")
    with marbles(error=ModelUnavailable("gone"), a=A, r=StepRetried(1, "...")) as m:
        rows = m.cold("#"), m.cold("a---|")
        inner = model_of(*rows)
        retried = ops.rate_limit(1, per=0.01)(lambda _: retry_of(inner))
        m.expect(retried(request)).to_be("(ra)|")


def retry_of(model):
    """Return the answer of a model that is asked twice."""
    return rx.defer(lambda _: model(request)).pipe(ops.retry(2, delay=0))


def test_a_retry_after_holds_all_back():
    """Once a server has named a time, no request of any run is sent before."""
    with marbles(tick="1s", error=RateLimited("slow", retry_after=30), a=A) as m:
        limit = ops.rate_limit(100)
        failing, fine = limit(model_of(m.cold("-#"))), limit(model_of(m.cold("a|")))
        later = rx.timer(2).pipe(rxo.flat_map(lambda _: fine(request)))
        both = rx.merge(failing(request).pipe(ops.settle(), rxo.ignore_elements()), later)
        m.expect(both).to_be("-" * 31 + "a|")


def test_limits_nest():
    """The outer limit is passed first; who waits at the inner one keeps the place of the outer."""
    with VirtualScheduler() as scheduler:
        model = Counting(scheduler, seconds=1)
        limited = model
        for limit in (ops.rate_limit(1, per=3), ops.concurrency(2)):
            limited = limit(limited)
        for number in range(4):
            limited(str(number)).subscribe(scheduler=scheduler)
        scheduler.run()

    assert [0.0, 3.0, 6.0, 9.0] == model.began
    assert ["0", "1", "2", "3"] == model.asked


def test_a_loser_leaves_the_queue():
    """A request that lost a race while it waited takes no place of a later one."""
    with marbles(a=A, b=TextDelta("b")) as m:
        limit = ops.concurrency(1)
        busy = limit(model_of(m.cold("------------b|")))
        waiting = m.cold("a|")
        slow = limit(model_of(waiting))
        raced = ops.race(slow, model_of(m.cold("--a|")))
        m.expect(rx.merge(busy(request), raced(request))).to_be("--a---------b|")
        m.expect(waiting).to_be_subscribed()


def test_runs_on_different_loops_share_a_limit():
    """A run on a loop of its own waits for one on the process's loop."""
    held, limit = rx.Subject(), ops.concurrency(1)
    asked, waiting = threading.Event(), "rxagent-limit"

    def hold(request):
        asked.set()
        return held

    first = Agent(limit(as_model(hold))).start("Hold.")
    assert asked.wait(60)

    async def ask():
        run = Agent(limit(ScriptedModel(["Hello"]))).start("Go.")
        while not (held.observers and any(work.name == waiting for work in open_work())):
            await asyncio.sleep(0)
        held.on_next(TextDelta("Done"))
        held.on_completed()
        return await run

    assert "Hello" == asyncio.run(asyncio.wait_for(ask(), 60))
    assert "Done" == first.result(60)


def test_a_waiting_run_that_is_dropped_is_collected():
    """A gate keeps nothing of a run that was disposed."""
    with VirtualScheduler() as scheduler:
        limited = ops.rate_limit(1, per=10)(Counting(scheduler))
        limited("0").subscribe(scheduler=scheduler)
        limited("1").subscribe(scheduler=scheduler).dispose()
        scheduler.run()
    gc.collect()

    assert not [work for work in open_work() if work.loop is not daemon_loop()]


@pytest.mark.parametrize("runs", [2, 7, 25])
def test_runs_get_equal_shares(runs):
    """Runs that always ask again are served equally often, up to one."""
    served = [0] * runs
    with VirtualScheduler() as scheduler:
        limited = ops.rate_limit(10, per=1)(Counting(scheduler, seconds=0.01))

        def again(number, *_):
            served[number] += 1
            if scheduler.clock < 40:
                limited("x").subscribe(on_completed=partial(again, number), scheduler=scheduler)

        for number in range(runs):
            limited("x").subscribe(on_completed=partial(again, number), scheduler=scheduler)
        scheduler.advance_to(40)

    assert max(served) - min(served) <= 1
    assert 380 <= sum(served) <= 410


def test_a_limited_model_says_how_it_is_made():
    """It is printed as it is written, and its parts are piped in any order."""
    model = ScriptedModel(["Hello"])
    limit = ops.rate_limit(requests=60)

    assert "rate_limit(requests=60)" == repr(limit)
    assert "Hello" == Agent(model.pipe(limit, ops.retry(2), ops.concurrency(4))).run("x")
    assert [Finish("stop")] == [
        delta for delta in limit(model)("x").pipe(rxo.to_list()).run() if isinstance(delta, Finish)
    ]


def test_the_pairs_of_a_window_are_in_order():
    """Requests that come at one instant are sent in the order of their subscription."""
    began = sent_at(ops.rate_limit(2, per=1), [0.0] * 9).began

    assert all(one <= other for one, other in pairwise(began))
    assert [0, 0, 1, 1, 2, 2, 3, 3, 4] == [round(at) for at in began]
