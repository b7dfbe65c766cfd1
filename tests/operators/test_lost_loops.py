"""Lost loops: what a run holds whose loop was closed or has stopped does not hold up others."""

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
import reactivex as rx

from rxagent import Agent
from rxagent import operators as ops
from rxagent.errors import ModelUnavailable
from rxagent.events import TextDelta
from rxagent.streams import daemon_loop
from rxagent.streams.open_work import open_work

WATCHDOG = 60

END = pytest.mark.parametrize("end", ["closed", "stopped"])
HOW = pytest.mark.parametrize("how", ["run", "subscription"])


class Silent:
    """A model that never answers tasks that begin with "hold", and the others at once."""

    is_model = True

    def __init__(self):
        self.sent = defaultdict(Event)

    def __call__(self, asked):
        return rx.defer(lambda _: self.answer(asked.messages[-1].text))

    def answer(self, task):
        self.sent[task].set()
        if task == "fail":
            return rx.throw(ModelUnavailable("gone"))
        return rx.never() if task.startswith("hold") else rx.of(TextDelta(f"{task}!"))

    def begin(self, agent, task):
        """Return a run on the process's own loop, whose request was sent."""
        run = agent.start(task)
        assert self.sent[task].wait(WATCHDOG)
        return run


def is_waiting_on(loop):
    """Return whether a request on a loop waits at a limit."""
    return any(work.name == "rxagent-limit" and work.loop is loop for work in open_work())


async def until(is_true):
    """Let the loop run until something is true."""
    async with asyncio.timeout(WATCHDOG):
        while not is_true():
            await asyncio.sleep(0)


@contextmanager
def on_a_loop(agent, task, sent, how="run"):
    """Yield a run and its loop, which has stopped when its request was sent, or waits."""
    loop = asyncio.new_event_loop()

    async def begin():
        begun = agent.start(task) if how == "run" else agent(task).subscribe()
        await until(lambda: sent.is_set() or is_waiting_on(loop))
        return begun

    begun = loop.run_until_complete(begin())
    try:
        yield begun, loop
    finally:
        loop.close()
        (begun.cancel if how == "run" else begun.dispose)()


def lose(loop, end):
    """Close a loop, or leave it stopped."""
    if end == "closed":
        loop.close()


# Places and turns


@END
@HOW
def test_a_place_of_a_lost_loop_is_free(end, how):
    """The next request takes it."""
    model = Silent()
    agent = Agent(ops.concurrency(1)(model))
    with on_a_loop(agent, "hold", model.sent["hold"], how) as (_, loop):
        lose(loop, end)
        for task in ("next", "more"):
            assert f"{task}!" == agent.start(task).result(WATCHDOG)


@END
def test_a_request_that_waits_takes_the_place_when_its_loop_is_lost(end):
    """It is sent though no other one comes or ends."""
    model = Silent()
    agent = Agent(ops.concurrency(1)(model))
    with (
        on_a_loop(agent, "hold", model.sent["hold"]) as (_, loop),
        ThreadPoolExecutor(1) as thread,
    ):

        async def meet():
            run = thread.submit(agent.start, "next").result()
            await until(lambda: is_waiting_on(daemon_loop()))
            return run

        run = loop.run_until_complete(meet())
        lose(loop, end)

        assert "next!" == run.result(WATCHDOG)


@END
@pytest.mark.parametrize(
    "limit",
    [lambda: ops.concurrency(1), lambda: ops.rate_limit(1, per=0.2)],
    ids=["concurrency", "rate_limit"],
)
def test_who_waits_on_a_lost_loop_holds_no_others(limit, end):
    """Its turn goes to the next one."""
    model = Silent()
    agent = Agent(limit()(model))
    holder = model.begin(agent, "hold")
    with on_a_loop(agent, "lost", model.sent["lost"]) as (_, loop):
        lose(loop, end)
        later = agent.start("later")
        holder.cancel()

        assert "later!" == later.result(WATCHDOG)


def test_a_loop_that_runs_again_has_its_turn():
    """A request that was passed over is sent when its loop runs."""
    model = Silent()
    agent = Agent(ops.concurrency(1)(model))
    holder = model.begin(agent, "hold")
    with on_a_loop(agent, "back", model.sent["back"]) as (back, loop):
        later = agent.start("later")
        holder.cancel()
        assert "later!" == later.result(WATCHDOG)

        assert "back!" == loop.run_until_complete(asyncio.wait_for(back.wait(), WATCHDOG))


@END
def test_a_place_that_went_to_another_one_is_given_back_once(end):
    """The end of the run that has lost it frees no second one."""
    model = Silent()
    agent = Agent(ops.concurrency(1)(model))
    with on_a_loop(agent, "hold", model.sent["hold"]) as (_, loop):
        lose(loop, end)
        holder = model.begin(agent, "hold on")
    other = agent.start("other")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, until(lambda: is_waiting_on(daemon_loop()))).result()

    assert not model.sent["other"].is_set()
    holder.cancel()
    assert "other!" == other.result(WATCHDOG)


# Trials


@END
@HOW
def test_a_trial_on_a_lost_loop_is_none(end, how):
    """Another request is on trial, and its answer lets the others pass."""
    model = Silent()
    agent = Agent(ops.circuit_breaker(1, cooldown=1e-6)(model))
    with pytest.raises(ModelUnavailable):
        agent.start("fail").result(WATCHDOG)
    with on_a_loop(agent, "hold", model.sent["hold"], how) as (_, loop):
        lose(loop, end)
        for task in ("next", "more"):
            assert f"{task}!" == agent.start(task).result(WATCHDOG)
