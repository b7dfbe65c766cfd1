"""Sampled states: the latest one, not too often, and the last one for sure."""

import threading

import pytest
import reactivex as rx

from rxagent.errors import ModelUnavailable
from rxagent.events import FinalAnswer, RunStarted, StepStarted, TextDelta
from rxagent.runs import launch
from rxagent.state import State, fold_all
from rxagent.subscribers import sampled
from rxagent.testing import VirtualScheduler

EVENTS = [
    RunStarted("a task", "agent"),
    StepStarted(1),
    *(TextDelta(f"{number} ") for number in range(20)),
    FinalAnswer("done"),
]


def played(events, gap, every, error=None):
    """Emit events at intervals in seconds; return each state with its time."""
    calls = []
    with VirtualScheduler() as scheduler:
        watching = sampled(
            lambda state: calls.append((scheduler.clock, state)), every, scheduler=scheduler
        )
        end = watching.on_completed if error is None else lambda: watching.on_error(error)
        for number, event in enumerate(events):
            scheduler.schedule_relative(
                number * gap, lambda *_, event=event: watching.on_next(event)
            )
        scheduler.schedule_relative(len(events) * gap + 5, lambda *_: end())
        scheduler.run()
    return calls


def test_states_are_passed_at_a_limited_rate():
    """Between two states lies the time that was asked for, and each is the latest there was."""
    calls = played(EVENTS, gap=0.01, every=0.05)
    times = [round(time, 3) for time, _ in calls]

    assert [0.0, 0.05, 0.1, 0.15, 0.2, 0.25] == times
    for time, state in calls:
        assert fold_all(State(), EVENTS[: round(time / 0.01) + 1]) == state


def test_a_state_is_passed_when_it_is_due():
    """An event soon after a call causes a later call, even if no event follows."""
    calls = played(EVENTS[:3], gap=0.01, every=0.05)

    assert [(0.0, 1), (0.05, 3)] == [
        (round(time, 3), 1 + len(state.steps) + bool(state.text)) for time, state in calls
    ]


def test_no_state_is_passed_twice():
    """Slower events cause a call each, and the end causes none."""
    calls = played(EVENTS, gap=1.0, every=0.05)

    assert [float(number) for number in range(len(EVENTS))] == [time for time, _ in calls]


def test_the_end_is_passed():
    """The last state is passed at once, also that of a failure."""
    calls = []
    watching = sampled(calls.append, every=60)
    for event in EVENTS:
        watching.on_next(event)
    assert [fold_all(State(), EVENTS[:1])] == calls
    watching.on_completed()
    assert fold_all(State(), EVENTS) == calls[-1]

    failed = played(EVENTS[:5], 0.01, 60, ModelUnavailable("gone"))[-1][1]
    assert ("0 1 2 ", "ModelUnavailable: gone") == (failed.text, failed.error)


def test_a_slow_function_delays_no_run():
    """While the function is busy the run does not wait, and it is called once at a time."""
    busy, free = threading.Event(), threading.Event()
    states = []
    at_work = []

    def show(state):
        at_work.append(1)
        assert [1] == at_work
        states.append(state)
        busy.set()
        free.wait(60)
        at_work.pop()

    watching = sampled(show, every=0.001)
    thread = threading.Thread(target=watching.on_next, args=(EVENTS[0],))
    thread.start()
    assert busy.wait(60)
    for event in EVENTS[1:]:
        watching.on_next(event)
    watching.on_completed()
    assert 1 == len(states)
    free.set()
    thread.join(60)

    assert fold_all(State(), EVENTS) == states[-1]


def test_a_function_that_raises_is_let_go():
    """What the function raises is raised to the run, which lets it go and reports it."""
    feed = threading.Event()
    run = launch(rx.from_iterable(EVENTS))
    faults = []
    run.faults.subscribe(lambda fault: (faults.append(fault), feed.set()))
    watching = sampled(lambda state: 1 / 0)
    run.attach(watching)

    assert "done" == run.result(60)
    assert feed.wait(60)
    assert [(watching, ZeroDivisionError)] == [(f.observer, type(f.error)) for f in faults]


@pytest.mark.parametrize("last", ["event", "end"])
def test_a_function_that_raised_between_events_is_not_called_again(last):
    """The next notification raises what the function has raised, and calls it no more."""
    calls = []

    def show(state):
        calls.append(state)
        if len(calls) == 2:
            raise ZeroDivisionError

    with VirtualScheduler() as scheduler:
        watching = sampled(show, every=0.05, scheduler=scheduler)
        watching.on_next(EVENTS[0])
        watching.on_next(EVENTS[1])
        scheduler.run()
        with pytest.raises(ZeroDivisionError):
            watching.on_next(EVENTS[2]) if last == "event" else watching.on_error(KeyError())
        scheduler.run()

    assert 2 == len(calls)


def test_between_events_it_is_called_on_a_viewers_thread():
    """Without a scheduler the states between events are passed on a thread for viewers."""
    threads = []
    second = threading.Event()

    def show(state):
        threads.append(threading.current_thread().name)
        if len(threads) == 2:
            second.set()

    watching = sampled(show, every=0.01)
    watching.on_next(EVENTS[0])
    watching.on_next(EVENTS[1])

    assert second.wait(60)
    assert [threading.current_thread().name, "rxagent-viewer"] == threads
    watching.on_completed()


def test_it_says_what_it_is():
    """Its text names the function, for the readers of a log."""
    assert repr(sampled(print, 0.1)) == f"sampled({print!r}, 0.1)"


@pytest.mark.parametrize("every", [0.0, 0.033])
def test_a_whole_run(every):
    """Attached to a run, the last state that it passes is the run's."""
    states, done = [], threading.Event()

    def show(state):
        states.append(state)
        if state.answer is not None:
            done.set()

    run = launch(rx.from_iterable(EVENTS), attach=[sampled(show, every)])

    assert "done" == run.result(60)
    assert done.wait(60)
    assert run.state == states[-1]
