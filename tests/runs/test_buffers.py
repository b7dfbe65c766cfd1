"""What happens when too many events wait for a viewer, and that nothing happens before."""

import asyncio
import threading
from itertools import count

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import Agent
from rxagent.coalescing import channel
from rxagent.errors import BufferOverflow
from rxagent.events import FinalAnswer, RunCompleted, StepStarted, TextDelta, ToolOutput, Usage
from rxagent.runs import launch
from rxagent.runs.buffers import buffer_for, check_since
from rxagent.streams.each import EMPTY

from ..meanwhile import meanwhile
from .test_event_log import RUNS
from .watching import (
    EVENTS,
    WATCHDOG,
    Feed,
    Seen,
    Stuck,
    joined,
    run_of,
    scheduler,
    streamed,
)

ROOM = st.integers(1, 5)
TAKING = st.lists(st.integers(0, 3), max_size=60)
"""After each event, how many a viewer takes."""


def played(box, events, taking):
    """Put events, and take in between; return what was taken, each with the number then."""
    taken = []

    def take():
        event = box.take()
        if event is not EMPTY:
            taken.append((event, box.seq))
        return event

    takes = iter(taking)
    for event in events:
        box.put(event)
        for _ in range(next(takes, 0)):
            take()
    while take() is not EMPTY:
        pass
    return taken


def begun(overflow, room):
    """Return a buffer of a viewer that was there from the beginning."""
    box = buffer_for(overflow, room, scheduler())
    box.begin(iter(()), 0)
    return box


@given(RUNS, ROOM, TAKING)
def test_merging_loses_nothing(events, room, taking):
    """However slowly they are taken, what was joined is the joined events."""
    box = begun("merge", room)
    taken = played(box, events, taking)

    assert joined(events) == joined(event for event, _ in taken)
    assert (len(events) - len(taken), 0, 0) == (box.merged, box.dropped, len(box))


@given(RUNS, ROOM, TAKING)
def test_merging_takes_little_room(events, room, taking):
    """Beside the room there is, no more waits than what joining alone leaves."""
    box = begun("merge", room)
    takes = iter(taking)
    since = 0

    for number, event in enumerate(events, 1):
        box.put(event)
        assert len(box) <= room + len(joined(events[since:number]))
        for _ in range(next(takes, 0)):
            box.take()
        since = number if not len(box) else since


@given(RUNS, ROOM, TAKING)
def test_merging_begins_when_there_is_no_room(events, room, taking):
    """A viewer that takes that fast gets each event as it was."""
    box = begun("merge", room)
    taken = []
    for event in events:
        box.put(event)
        while len(box) >= room:
            taken.append(box.take())
    while (event := box.take()) is not EMPTY:
        taken.append(event)

    assert (events, 0) == (taken, box.merged)


@given(RUNS, ROOM, TAKING)
def test_the_number_of_what_was_merged(events, room, taking):
    """Where the number moves on, what was taken so far and the rest are all events."""
    taken = played(begun("merge", room), events, taking)

    before = 0
    for at, (_, seq) in enumerate(taken, 1):
        if seq != before:
            assert joined(events) == joined([event for event, _ in taken[:at]] + events[seq:])
        before = seq


@pytest.mark.parametrize("room", [1, 2, 300])
@pytest.mark.parametrize("pieces", [0, 1, 40, 700])
def test_merging_keeps_the_order_between_two_threads(room, pieces):
    """However putting and taking fall, pieces stay between the events that they came between."""
    count = 20_000 // (pieces + 1)
    box, taken, over = buffer_for("merge", room, None), [], threading.Event()

    def put():
        for number in range(count):
            box.put(StepStarted(number))
            for piece in range(pieces):
                box.put(TextDelta(f" {number}.{piece}"))
        over.set()

    putting = threading.Thread(target=put)
    putting.start()
    while True:
        ended, event = over.is_set(), box.take()
        if event is not EMPTY:
            taken.append((event, box.seq))
        elif ended:
            break
    putting.join()

    steps = [(event.number, seq) for event, seq in taken if isinstance(event, StepStarted)]
    said = "".join(
        "|" if isinstance(event, StepStarted) else event.text for event, _ in taken
    ).split("|")[1:]
    assert [(number, number * (pieces + 1) + 1) for number in range(count)] == steps
    assert ["".join(f" {n}.{piece}" for piece in range(pieces)) for n in range(count)] == said
    assert count * (pieces + 1) == box.seq == len(taken) + box.merged


def test_merging_keeps_the_order_whatever_others_do_meanwhile():
    """Between any two steps of putting, others may look, and the viewer take."""
    events = [StepStarted(number) for number in range(3)]
    for step in count(1):
        box, taken = buffer_for("merge", 1, None), []
        box.put(events[0])
        box.put(events[1])

        def look_and_take(box=box, taken=taken):
            assert 2 <= len(box)
            taken.append(box.take())

        met = meanwhile(lambda box=box: box.put(events[2]), step, look_and_take)
        assert events == [*taken, *iter(box.take, EMPTY)]
        if not met:
            break
    assert step > 1


@pytest.mark.parametrize("overflow", ["merge", "drop_oldest"])
@pytest.mark.parametrize("do", [len, lambda box: box.merged, lambda box: box.take()])
def test_closing_within_any_step(overflow, do):
    """A reader may be collected, and close its buffer, at any step of other code that uses it."""
    for step in count(1):
        box = buffer_for(overflow, 1, None)
        for number in range(3):
            box.put(StepStarted(number))
        box.take()

        if not meanwhile(lambda box=box: do(box), step, box.close):
            break
    assert step > 1


@given(RUNS, ROOM, TAKING)
def test_dropping_keeps_what_is_no_piece(events, room, taking):
    """Only pieces are lost, the oldest first; the rest is taken in order, with its number."""
    box = begun("drop_oldest", room)
    taken = played(box, events, taking)

    assert [event for event in events if channel(event) is None] == [
        event for event, _ in taken if channel(event) is None
    ]
    assert taken == [(events[seq - 1], seq) for _, seq in taken]
    assert sorted({seq for _, seq in taken}) == [seq for _, seq in taken]
    assert len(events) - len(taken) == box.dropped


@given(RUNS, ROOM)
def test_dropping_keeps_the_latest(events, room):
    """A viewer that takes nothing for long finds the latest pieces, as many as have room."""
    box = begun("drop_oldest", room)
    for event in events:
        box.put(event)
    others = sum(channel(event) is None for event in events)
    pieces = max(0, min(room, len(events)) - others)

    assert max(others, min(room, len(events))) == len(box)
    taken = played(box, [], [])
    assert [event for event in events if channel(event) is not None][
        len(events) - others - pieces :
    ] == [event for event, _ in taken if channel(event) is not None]


def slow_viewer(**how):
    """Return a run of many words, and a viewer of it that is stuck in its first event."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    stuck = Stuck()
    viewer = run.attach(stuck, **how)
    feed.say(StepStarted(1))
    stuck.wait_items(1)
    return feed, run, stuck, viewer


def words(count, start=0):
    """Return so many pieces."""
    return [TextDelta(f"{number} ") for number in range(start, start + count)]


def test_a_slow_viewer_gets_larger_pieces():
    """A blocked viewer does not slow down the run, and gets all of it in few events."""
    feed, run, stuck, viewer = slow_viewer(buffer=10)
    with stuck:
        feed.say(*words(10))
        assert (10, 0) == (viewer.waiting, viewer.merged)
        feed.say(*words(990, 10), Usage(1, 2), *words(1_000, 1_000), FinalAnswer("done"))
        feed.end()
        assert "done" == run.result(WATCHDOG)
        assert (14, 1_988, 0, 1) == (viewer.waiting, viewer.merged, viewer.dropped, viewer.seq)

    assert "completed" == stuck.end
    assert 15 == len(stuck.events)
    assert joined([StepStarted(1), *words(1_000), Usage(1, 2), *words(1_000, 1_000)]) == joined(
        stuck.events[:-1]
    )
    assert 2_003 == viewer.seq


def test_inner_agents_are_joined_apart():
    """What two inner agents say in turns is joined for each."""
    feed, run, stuck, viewer = slow_viewer(buffer=1)
    with stuck:
        for number in range(100):
            for call in ("call_1", "call_2"):
                feed.say(ToolOutput(call, TextDelta(f"{number} ")))
        assert 3 == viewer.waiting
        feed.end()

    assert "completed" == stuck.end
    text = "".join(f"{number} " for number in range(1, 100))
    assert [
        ToolOutput("call_2", TextDelta("0 " + text)),
        ToolOutput("call_1", TextDelta(text)),
    ] == [*stuck.events[2:]]
    assert "completed" == run_of(run)


def test_a_viewer_that_blocks():
    """The run is held while too much waits, until half of it was taken."""
    read = []

    async def note(number):
        read.append(number)

    stuck, start = Stuck(), Feed()
    run = launch(rx.concat(start.source, streamed(words(100), note)), scheduler=scheduler())
    with stuck:
        viewer = run.attach(stuck, buffer=8, overflow="block")
        start.end()
        stuck.wait_items(1)
        with pytest.raises(TimeoutError):
            run.result(timeout=0.05)
        assert ("running", True, 0) == (run.status, viewer.waiting in (7, 8), viewer.merged)
        assert len(read) in (7, 8)

    assert ("completed", words(100)) == (stuck.end, stuck.events)
    assert "completed" == run_of(run)


def test_a_viewer_that_blocks_and_leaves():
    """A viewer that is disposed, or detached, releases the run."""
    for leave in ("dispose", "raise"):
        stuck = Stuck()
        feed = Feed()
        run = launch(feed.source, scheduler=scheduler())
        viewer = run.attach(stuck, buffer=2, overflow="block")
        feed.say(StepStarted(1))
        stuck.wait_items(1)
        feed.say(*words(5))
        assert feed.scheduler.is_held
        if leave == "dispose":
            viewer.dispose()
        else:
            stuck._then = None
            stuck._end = stuck.on_next = lambda *_: 1 / 0
            viewer._observer.on_next = stuck.on_next
        stuck.released.set()
        feed.end()
        assert "completed" == run_of(run)
        assert not feed.scheduler.is_held


def test_a_viewer_that_may_not_be_late():
    """With "fail" a slow viewer gets what had room, then BufferOverflow, and is detached."""
    feed, run, stuck, viewer = slow_viewer(buffer=3, overflow="fail")
    faults, other = [], Seen()
    run.faults.subscribe(faults.append)
    run.subscribe(other)
    with stuck:
        feed.say(*words(3))
        assert [] == faults
        feed.say(*words(10, 3))
        assert (3, 0, 0) == (viewer.waiting, viewer.merged, viewer.dropped)
        feed.end()

    assert isinstance(stuck.end, BufferOverflow)
    assert [StepStarted(1), *words(3)] == stuck.events
    assert [(stuck, stuck.end)] == [(fault.observer, fault.error) for fault in faults]
    assert ("completed", 14) == (other.end, len(other.events))
    assert "completed" == run_of(run)


def test_a_viewer_that_wants_the_latest():
    """With "drop_oldest" old pieces are lost, but no usage, no tool and no end."""
    feed, run, stuck, viewer = slow_viewer(buffer=5, overflow="drop_oldest")
    output = ToolOutput("call_1", "printed")
    with stuck:
        feed.say(*words(50), Usage(1, 1), output, *words(50, 50), FinalAnswer(1), RunCompleted())
        feed.end()
        assert (5, 99) == (viewer.waiting, viewer.dropped)

    assert "completed" == stuck.end
    assert [
        StepStarted(1),
        Usage(1, 1),
        output,
        *words(1, 99),
        FinalAnswer(1),
        RunCompleted(),
    ] == stuck.events
    assert "completed" == run_of(run)


@pytest.mark.parametrize("overflow", ["merge", "block", "fail", "drop_oldest"])
def test_the_replay_overflows_no_buffer(overflow):
    """A late viewer with a small buffer gets all the past, with any overflow policy."""
    feed = Feed()
    run = launch(feed.source, keep="everything")
    feed.say(*EVENTS)
    seen = Seen()
    viewer = run.attach(seen, buffer=1, overflow=overflow)
    seen.wait_items(len(EVENTS))
    feed.end()

    assert ("completed", EVENTS) == (seen.end, seen.events)
    assert (0, 0, len(EVENTS)) == (viewer.merged, viewer.dropped, viewer.seq)
    assert "completed" == run_of(run)


WRONG = [1.5, True, False, "1", None, [], 1j, float("nan"), float("inf")]


@pytest.mark.parametrize("overflow", ["merge", "block", "fail", "drop_oldest"])
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_buffer_is_a_whole_number(overflow, wrong):
    """What is no whole number is a TypeError, and one that is too small a ValueError."""
    with pytest.raises(TypeError, match="buffer must be a number of events, 1 or more, not "):
        buffer_for(overflow, wrong, scheduler())
    with pytest.raises(ValueError, match="buffer must be a number of events, 1 or more, not 0"):
        buffer_for(overflow, 0, scheduler())


@pytest.mark.parametrize("wrong", [[], {}, None, 5, "drop"], ids=repr)
def test_an_overflow_is_one_of_four(wrong):
    """What is none of them is refused, whatever it is."""
    with pytest.raises(ValueError, match=r"overflow is one of 'merge', 'block', .* not "):
        buffer_for(wrong, 1, scheduler())


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_place_is_a_whole_number(wrong):
    """Where to begin is a whole number, and else a TypeError that says from where to where."""
    with pytest.raises(TypeError, match="since is a number from 0 to 7, not "):
        check_since(wrong, 7)


@given(st.integers(), st.integers(0, 5))
def test_a_place_is_one_that_there_is(since, received):
    """Each place up to the end is allowed, and no other."""
    try:
        check_since(since, received)
    except ValueError:
        assert not 0 <= since <= received
    else:
        assert 0 <= since <= received


@pytest.mark.parametrize("late", [0, 1, 300, 2_000])
def test_a_loop_that_is_too_slow_gets_an_error(late):
    """It gets all that had room, then the error; from there it can go on."""
    count = 2_000

    def model(request):
        yield from map(str, range(count))

    async def main():
        run = Agent(model).start("Count.")
        seq, received, overflows, faults = 0, [], 0, []
        run.faults.subscribe(faults.append)
        while True:
            async with run.follow(since=seq, buffer=16, overflow="fail") as following:
                try:
                    async for event in following:
                        seq = following.seq
                        received.append(event)
                        if len(received) == late:
                            await run
                    return received, overflows, faults
                except BufferOverflow:
                    overflows += 1

    received, overflows, faults = asyncio.run(asyncio.wait_for(main(), WATCHDOG))

    assert "".join(map(str, range(count))) == "".join(
        event.text for event in received if isinstance(event, TextDelta)
    )
    assert isinstance(received[-1], RunCompleted)
    assert overflows or not late or late >= count
    assert [] == faults
