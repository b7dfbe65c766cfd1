"""Viewers have a fate of their own: what one does, or fails to do, is not felt by the others."""

import asyncio
import concurrent.futures
import logging

import pytest

from rxagent import operators as ops
from rxagent.errors import ModelUnavailable
from rxagent.events import StepStarted, TextDelta
from rxagent.runs import ViewerFault, launch

from .watching import (
    EVENTS,
    WATCHDOG,
    Faulty,
    Feed,
    Seen,
    done,
    joined,
    run_of,
    scheduler,
    streamed,
)

HOW = {
    "direct": lambda run, viewer: run.subscribe(viewer),
    "on a thread": lambda run, viewer: run.attach(viewer),
    "on the loop": lambda run, viewer: run.attach(viewer, on="loop"),
}
each_way = pytest.mark.parametrize("join", HOW.values(), ids=HOW)


def faults_of(run):
    """Return a list that the faults of a run are added to."""
    faults = []
    run.faults.subscribe(faults.append)
    done(run._scheduler)
    return faults


@each_way
@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
def test_a_viewer_that_raises(join, late):
    """Wherever in sixty events a viewer raises, only that one is detached; a late one likewise."""
    for position in range(len(EVENTS)):
        feed = Feed()
        run = launch(feed.source, scheduler=scheduler(), keep="everything")
        before, after, faulty = Seen(), Seen(), Faulty(position)
        faults = faults_of(run)
        run.subscribe(before)
        viewers = [before, after]
        if late:
            feed.say(*EVENTS)
        join(run, faulty)
        run.subscribe(after)
        queued = Seen()
        run.attach(queued)
        if not late:
            feed.say(*EVENTS)
        feed.end()

        assert "two" == run.result(WATCHDOG)
        assert [EVENTS] * 2 == [viewer.events for viewer in viewers]
        assert ["completed"] * 3 == [viewer.end for viewer in (*viewers, queued)]
        assert EVENTS == queued.events
        faulty.wait_items(position + 1)
        assert EVENTS[: position + 1] == faulty.events
        wait_until(run, lambda faults=faults: faults)
        assert [(faulty, f"I raise at {position}")] == [(f.observer, str(f.error)) for f in faults]
        assert [] == faulty.ends


def wait_until(run, true):
    """Wait until something is true that a viewer's thread brings about."""
    done = Seen()

    def look(_):
        if true():
            done.on_completed()

    if not true():
        watching = run.faults.subscribe(look)
        assert "completed" == done.end
        watching.dispose()


@each_way
@pytest.mark.parametrize("error", [None, ModelUnavailable("gone")], ids=["completed", "failed"])
def test_a_viewer_that_raises_at_the_end(join, error, caplog):
    """Raising at the end is reported and logged once, and the others receive the end."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    faulty, other = Faulty(99), Seen()
    join(run, faulty)
    run.subscribe(other)
    feed.say(StepStarted(1))
    feed.end(error)

    assert (error or "completed") == other.end == faulty.end
    faults = faults_of(run)
    wait_until(run, lambda: faults)
    (fault,) = faults
    assert ViewerFault(faulty, fault.error) == fault
    assert "I raise at the end" == str(fault.error)
    assert 1 == len([record for record in caplog.records if record.name == "rxagent"])
    assert ("failed" if error else "completed") == run.status


def test_faults_are_replayed_to_late_subscribers(caplog):
    """A late subscriber to the faults gets all; one that raises there is only logged."""
    feed = Feed()
    run = launch(feed.source)
    run.subscribe(Faulty(0))
    run.subscribe(Faulty(1))
    run.faults.subscribe(lambda fault: 1 / 0)
    feed.say(StepStarted(1), StepStarted(2))
    run.faults.subscribe(lambda fault: 1 / 0)
    faults = faults_of(run)

    assert ["I raise at 0", "I raise at 1"] == [str(fault.error) for fault in faults]
    watching = run.faults.subscribe(faults.append)
    done(run._scheduler)
    watching.dispose()
    assert 4 == len(faults)
    assert 4 == len(caplog.records)
    run.cancel()


@each_way
@pytest.mark.parametrize(
    "error",
    [SystemExit(1), asyncio.CancelledError(), concurrent.futures.CancelledError()],
    ids=repr,
)
@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
def test_a_viewer_that_raises_what_ends_others(join, error, late):
    """Also what is meant to end a task, a thread or the program ends that viewer alone."""

    def raising(event):
        raise error

    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    faults = faults_of(run)
    other = Seen()
    if late:
        feed.say(*EVENTS)
    join(run, raising)
    run.subscribe(other)
    if not late:
        feed.say(*EVENTS)
    feed.end()

    assert ("two", "completed") == (run.result(WATCHDOG), other.end)
    wait_until(run, lambda: faults)
    assert [ViewerFault(raising, error)] == faults


@each_way
def test_a_viewer_that_leaves(join):
    """A viewer may detach itself, and receives nothing more."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    place = []
    leaving = Seen(lambda event: place[0].dispose() if event == EVENTS[3] else None)
    other = Seen()
    place.append(join(run, leaving))
    run.subscribe(other)
    feed.say(*EVENTS)
    feed.end()

    assert "completed" == other.end
    leaving.wait_items(4)
    assert (EVENTS[:4], EVENTS) == (leaving.events, other.events)


def test_a_viewer_that_sends_others_away():
    """A viewer may detach others, before and behind it; from then on they receive nothing."""
    feed = Feed()
    run = launch(feed.source)
    one, last = Seen(), Seen()
    places = []

    def send_away(event):
        if event == EVENTS[3]:
            for place in places:
                place.dispose()

    places.append(run.subscribe(one))
    run.subscribe(send_away)
    places.append(run.subscribe(last))
    feed.say(*EVENTS)
    feed.end()

    assert "completed" == run_of(run)
    assert (EVENTS[:4], EVENTS[:3]) == (one.events, last.events)
    assert [] == one.ends + last.ends


@each_way
def test_a_viewer_that_brings_others(join):
    """A viewer may attach others at any event; they receive each event once."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler(), keep="everything")
    brought = []

    def bring(event):
        viewer = Seen()
        brought.append(viewer)
        (run.subscribe if len(brought) % 2 else run.attach)(viewer)

    bringing = Seen(bring)
    join(run, bringing)
    feed.say(*EVENTS)
    feed.end()

    assert ("completed", "completed") == (run_of(run), bringing.end)
    assert len(EVENTS) == len(brought)
    for viewer in brought:
        assert "completed" == viewer.end
        assert EVENTS == viewer.events


@each_way
def test_a_viewer_that_cancels(join):
    """A viewer may cancel the run; all receive the same."""
    for position in range(0, len(EVENTS), 7):
        feed = Feed()
        run = launch(feed.source, scheduler=scheduler())
        other = Seen()
        cancelling = Seen(lambda event, run=run, at=EVENTS[position]: event == at and run.cancel())
        run.subscribe(other)
        join(run, cancelling)
        feed.say(*EVENTS)

        assert "cancelled" == run_of(run)
        assert run._outcome.error is other.end is cancelling.end
        assert EVENTS[: len(other.events)] == other.events
        assert cancelling.events == other.events[: len(cancelling.events)]
        assert feed.disposed.is_set()


@each_way
def test_a_viewer_that_starts_another_run(join):
    """A viewer may start another run, and watch it."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    inner = Seen()
    started = []

    def start(event):
        if not started:
            started.append(launch(streamed(), attach=[inner]))

    join(run, Seen(start))
    feed.say(*EVENTS)
    feed.end()

    assert "completed" == run_of(run)
    assert ("completed", EVENTS) == (inner.end, inner.events)


def test_a_pipeline_on_a_run():
    """An operator on a run is an observer like others: only one that raises is detached."""
    feed = Feed()
    run = launch(feed.source)
    faults = faults_of(run)
    seen = Seen()
    run.pipe(ops.text()).subscribe(lambda piece: 1 / 0)
    run.pipe(ops.text()).subscribe(seen.on_next)
    feed.say(*EVENTS)
    feed.end()

    assert "completed" == run_of(run)
    assert [event.text for event in EVENTS if isinstance(event, TextDelta)] == seen.events
    assert [ZeroDivisionError] == [type(fault.error) for fault in faults]


def test_an_observer_by_what_it_can_do():
    """Any of the three methods makes an observer; a function receives the events."""

    class Last:
        ended = False

        def on_completed(self):
            self.ended = True

    feed = Feed()
    last, queued_last, events = Last(), Seen(), []
    run = launch(feed.source)
    run.subscribe(last)
    run.subscribe(on_completed=queued_last.on_completed)
    run.subscribe(events.append)
    feed.say(*EVENTS)
    feed.end()

    assert last.ended
    assert ("completed", EVENTS) == (queued_last.end, events)


def test_what_cannot_watch_is_refused():
    """A value that cannot observe is refused at once, and so is an asynchronous function."""

    async def later(event): ...

    with launch(Feed().source) as run:
        for wrong in (5, "print", Seen, later, None):
            with pytest.raises(TypeError, match=r"cannot (observe|watch)|would not be awaited"):
                run.attach(wrong)


def test_a_fault_is_logged_with_its_trace(caplog):
    """The standard logger gets which viewer raised, and where."""
    caplog.set_level(logging.ERROR)
    feed = Feed()
    run = launch(feed.source)
    faulty = Faulty(0)
    run.subscribe(faulty)
    feed.say(StepStarted(1))
    run.cancel()

    (record,) = caplog.records
    assert ("rxagent", "ERROR") == (record.name, record.levelname)
    assert f"{faulty!r} was detached from its run" == record.message
    assert "I raise at 0" == str(record.exc_info[1])


def test_joined_sequences_are_identical():
    """Viewers that receive different pieces receive the same text."""
    run = launch(streamed())
    early, late = Seen(), Seen()
    run.subscribe(early)
    assert "two" == run.result(WATCHDOG)
    run.attach(late)

    assert "completed" == late.end
    assert joined(EVENTS) == joined(early.events) == joined(late.events)
