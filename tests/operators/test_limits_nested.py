"""Limits in each other: in any order they pass an answer on, and let go of all at any moment."""

import subprocess
import sys

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent
from rxagent import operators as ops
from rxagent.errors import BudgetExceeded, ModelUnavailable, RateLimited
from rxagent.events import Finish, StepRetried, TextDelta, Usage
from rxagent.ledger import Ledger
from rxagent.models import Model
from rxagent.testing import ScriptedModel
from rxagent.testing.clock import VirtualScheduler

from ..laws import examples

SAID = [TextDelta("One. "), Usage(3, 0), TextDelta("Two. "), Usage(0, 4), Finish("stop")]
LIMITS = {
    "rate_limit": lambda: ops.rate_limit(2, tokens=500, per=7),
    "concurrency": lambda: ops.concurrency(2),
    "budget": lambda: ops.budget(tokens=99, seconds=500),
    "guard": lambda: ops.guard(lambda _: True),
    "timeout": lambda: ops.timeout(idle=3),
    "retry": lambda: ops.retry(2),
}
orders = st.permutations(sorted(LIMITS)).flatmap(
    lambda names: st.integers(1, len(names)).map(lambda many: names[:many])
)


class Slow(Model):
    """A model that says a delta a second, and counts its open requests."""

    def __init__(self, said=SAID):
        self.said = said
        self.open = self.asked = self.most = 0

    def __call__(self, request):
        def begin(scheduler):
            self.open += 1
            self.asked += 1
            self.most = max(self.most, self.open)
            return rx.interval(1).pipe(
                rxo.take(len(self.said)),
                rxo.map(self.said.__getitem__),
                rxo.finally_action(self.close),
            )

        return rx.defer(begin)

    def close(self):
        self.open -= 1


class Busy(Model):
    """A model that answers from a time on, and names the wait before it."""

    def __init__(self, scheduler, open_at=30.0):
        self.scheduler = scheduler
        self.open_at = open_at
        self.refused = []

    def __call__(self, request):
        return rx.defer(self.answer)

    def answer(self, _):
        left = self.open_at - self.scheduler.clock
        if left <= 0:
            return rx.of(TextDelta("Hi"))
        self.refused.append(self.scheduler.clock)
        return rx.throw(RateLimited("slow", retry_after=left))


def limited(model, names):
    """Return a model with limits around it, the first nearest."""
    return model.pipe(*[LIMITS[name]() for name in names])


@given(orders, st.integers(1, 5))
@examples(30)
def test_any_order_passes_every_answer(names, runs):
    """Each run receives what the model said, once and in order, whatever stands around it."""
    model = Slow()
    received = [[] for _ in range(runs)]
    with VirtualScheduler() as scheduler:
        answer = limited(model, names)("x")
        for seen in received:
            answer.subscribe(seen.append, seen.append, scheduler=scheduler)
        scheduler.run()

    assert [SAID] * runs == received
    assert 0 == model.open
    if {"concurrency", "rate_limit"} & {*names}:
        assert model.most <= 2


@given(orders, st.integers(0, 14), st.integers(0, 2))
@examples(40)
def test_any_order_lets_go_at_any_moment(names, cut, leaving):
    """A run that is disposed emits nothing more and closes its request; the others end well."""
    model = Slow()
    received = [[] for _ in range(3)]
    with VirtualScheduler() as scheduler:
        answer = limited(model, names)("x")
        subscriptions = [
            answer.subscribe(seen.append, seen.append, scheduler=scheduler) for seen in received
        ]
        scheduler.advance_to(cut + 0.5)
        before = len(received[leaving])
        subscriptions[leaving].dispose()
        scheduler.run()

    assert before == len(received[leaving])
    assert [SAID, SAID] == [seen for at, seen in enumerate(received) if at != leaving]
    assert 0 == model.open


@given(orders)
@examples(20)
def test_a_failure_passes_in_any_order(names):
    """What no retry heals is the error, as it was raised, and every place is free again."""
    lost = ModelUnavailable("gone")
    model = ScriptedModel([lost])
    seen = []
    with VirtualScheduler() as scheduler:
        answer = limited(model, names)("x")
        for _ in range(3):
            answer.subscribe(on_error=seen.append, scheduler=scheduler)
        scheduler.run()

    assert [lost] * 3 == seen


def test_a_busy_server_is_obeyed_by_all_runs():
    """A retry within a shared limit waits once for all: no request meets the closed server."""
    with VirtualScheduler() as scheduler:
        server = Busy(scheduler)
        model = server.pipe(ops.rate_limit(1, per=2), ops.retry(3))
        ends = []
        for _ in range(5):
            model("x").subscribe(
                on_completed=lambda: ends.append(scheduler.clock), scheduler=scheduler
            )
        scheduler.run()

    assert [0.0] == server.refused
    assert [30.0, 32.0, 34.0, 36.0, 38.0] == [round(at, 4) for at in ends]


def test_a_retried_attempt_spends_the_budget():
    """What was retracted was paid for, so attempts without end are cut."""
    attempts = rx.concat(rx.of(TextDelta("word " * 20)), rx.throw(ModelUnavailable("gone")))
    model = ScriptedModel([attempts])
    seen, errors = [], []
    with VirtualScheduler() as scheduler:
        careful = model.pipe(ops.retry(99, midstream=True), ops.budget(tokens=60))
        careful("x").subscribe(seen.append, errors.append, scheduler=scheduler)
        scheduler.run()

    assert isinstance(errors[0], BudgetExceeded)
    assert 2 == sum(isinstance(delta, StepRetried) for delta in seen)


def test_the_bill_of_a_crowd_adds_up():
    """What runs report at once, the ledger has: no token lost, none twice."""
    ledger = Ledger()
    limit = ops.concurrency(3)
    model = ScriptedModel([SAID]).pipe(limit, ops.budget(ledger=ledger))
    runs = [Agent(model).start("x") for _ in range(12)]
    for run in runs:
        run.result(60)

    assert sum(run.state.usage.total_tokens for run in runs) == ledger.spent.tokens == 84


PROGRAM = """
from rxagent import operators as ops
from rxagent.testing import ScriptedModel

model = ScriptedModel(["Hi"]).pipe(ops.rate_limit(1, per=0.05), ops.concurrency(1))
for number in range(4):
    model(str(number)).pipe(ops.text()).subscribe(print)
"""


@pytest.mark.parametrize("program", [PROGRAM], ids=["subscribe"])
def test_a_script_waits_for_those_that_wait(program):
    """A script whose last line subscribes ends when the last request was answered."""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert ("Hi\n" * 4, "") == (run.stdout, run.stderr)
