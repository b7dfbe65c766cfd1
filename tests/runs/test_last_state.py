"""The last state of a run that was cancelled: exact for its observers, and folded when read."""

import asyncio
import copy
import itertools
import pickle
import threading
from functools import partial

import pytest
import reactivex as rx

from rxagent.errors import RunCancelled, describe
from rxagent.events import RunFailed, RunStarted, StepStarted, TextDelta, ToolCompleted
from rxagent.lazy_field import Lazy
from rxagent.runs import launch
from rxagent.state import State, fold_all

from ..meanwhile import meanwhile
from .watching import WATCHDOG, Feed, done, scheduler


@pytest.mark.parametrize("on_loop", [False, True], ids=["another thread", "the loop"])
def test_it_is_what_observers_received(on_loop):
    """At whatever step of the run it is cancelled, the error holds the state of its events.

    That is so whether it is read by an observer, by the thread that has cancelled, or later.
    """
    for step in itertools.count(1):
        feed, received, ends, has_come = Feed(), [], [], []
        run = launch(feed.source, scheduler=scheduler())
        run.subscribe(received.append, lambda error, ends=ends: ends.append((error, error.state)))
        feed.say(RunStarted("x", "agent"), StepStarted(1), TextDelta("0"))

        states, reading, threads = [], threading.Event(), []

        def read(run=run, states=states, reading=reading):
            run.cancel()
            with pytest.raises(RunCancelled) as raised:
                run.result()
            reading.set()
            states.append(raised.value.state)

        def cancel(run=run, read=read, reading=reading, threads=threads):
            if on_loop:
                run.cancel()
            else:
                threads.append(threading.Thread(target=read))
                threads[0].start()
                assert reading.wait(WATCHDOG)

        def say(feed=feed, step=step, cancel=cancel, has_come=has_come):
            one_more = partial(feed.observer.on_next, TextDelta("1"))
            has_come.append(meanwhile(one_more, step, cancel))

        done(feed.scheduler, say)
        run.cancel()
        done(feed.scheduler)
        for thread in threads:
            thread.join(WATCHDOG)
        ((error, state),) = ends
        expected = fold_all(State(), [*received, RunFailed("RunCancelled", describe(error))])
        assert [expected] * 3 == [state, error.state, run.state], step
        assert [expected] * len(threads) == states, step
        if has_come == [False]:
            break
    assert step > 10


@pytest.mark.parametrize("count", [1, 3000])
def test_cancelling_a_long_run_takes_no_longer(count):
    """Its events are folded when the error's state is read, not while the loop is held."""
    steps = [StepStarted(number) for number in range(count)]

    async def main():
        run = launch(rx.concat(rx.from_iterable(steps), rx.never()))
        async for event in run:
            if event == steps[-1]:
                break
        assert not meanwhile(run.cancel, 2000, lambda: None)
        with pytest.raises(RunCancelled) as raised:
            await run
        assert count == len(raised.value.state.steps) == len(run.state.steps)

    asyncio.run(main())


def test_copies_hold_the_state_itself():
    """An error that was pickled or copied holds its state, whether it was read before or not."""
    for first in (lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy):
        run = launch(rx.concat(rx.of(StepStarted(1), TextDelta("a")), rx.never()))
        run.cancel("enough")
        with pytest.raises(RunCancelled) as raised:
            run.result(WATCHDOG)
        done(run._scheduler)
        twin = first(raised.value)
        twins = [pickle.loads(pickle.dumps(twin)), copy.copy(twin), copy.deepcopy(twin)]
        assert [run.state] * 5 == [error.state for error in (raised.value, twin, *twins)]
        assert {"enough"} == {error.reason for error in twins}


def test_a_value_that_may_change_is_computed_again():
    """What is not final is computed at each reading; what is final, once."""
    values, is_final = itertools.count(), []
    error = RunCancelled("x", state=Lazy(lambda: next(values), lambda: bool(is_final)))
    assert [0, 1] == [error.state, error.state]
    is_final.append(True)
    assert [2, 2, 2] == [error.state, error.state, pickle.loads(pickle.dumps(error)).state]


def test_events_that_do_not_fold_cost_no_error():
    """The error of a run whose events make no state is raised all the same, without one."""

    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    feed.say(StepStarted(1), ToolCompleted([], "x"))
    with pytest.raises(TypeError):
        print(run.state)
    run.cancel()
    with pytest.raises(RunCancelled) as raised:
        run.result(WATCHDOG)
    done(run._scheduler)
    assert raised.value.state is None
