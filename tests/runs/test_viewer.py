"""Viewers: what one receives, in any order of events, ends and disposals."""

import asyncio
import itertools
import threading
from collections.abc import Callable
from math import inf

import pytest
import reactivex as rx
from hypothesis import assume, given
from hypothesis import strategies as st

from rxagent.errors import ModelUnavailable
from rxagent.events import StepStarted, TextDelta
from rxagent.runs import launch
from rxagent.runs.buffers import Buffer, Overflow, buffer_for
from rxagent.runs.viewer import Viewer
from rxagent.runs.viewer_pool import Dispatch
from rxagent.streams import PartialObserver, RunScheduler, daemon_loop

from ..meanwhile import meanwhile
from .watching import EVENTS, WATCHDOG, Feed, Seen, Stuck, done, run_of, scheduler, streamed


class Observer:
    def __init__(self) -> None:
        self.received: list[object] = []

    def on_next(self, event: object) -> None:
        self.received.append(event)

    def on_completed(self) -> None:
        self.received.append("end")


def test_nothing_waits_for_one_that_has_left() -> None:
    """An event that is emitted while its viewer is disposed does not wait in the queue."""
    due: list[Callable[[], None]] = []
    observer = Observer()
    place = Dispatch(due.append, lambda: inf, lambda: False)
    viewer = Viewer(PartialObserver.of(observer), Buffer(4), place, lambda *_: None)
    viewer.on_next(StepStarted(1))
    viewer.dispose()
    viewer.on_next(StepStarted(2))
    assert 0 == viewer.waiting
    for call in due:
        call()
    assert observer.received == []


def test_the_end_is_emitted_once() -> None:
    """A viewer that received the end before it was woken for it does not receive it again."""
    due: list[Callable[[], None]] = []

    def run_due() -> None:
        while due:
            due.pop()()

    class OvertakenViewer(Viewer):
        def _wake(self) -> None:
            run_due()
            super()._wake()

    observer = Observer()
    place = Dispatch(due.append, lambda: inf, lambda: False)
    viewer = OvertakenViewer(PartialObserver.of(observer), Buffer(4), place, lambda *_: None)
    viewer.on_next(StepStarted(1))
    viewer.on_completed()
    run_due()
    assert observer.received == [StepStarted(1), "end"]


@given(
    past=st.integers(0, 4),
    live=st.integers(0, 4),
    last=st.integers(1, 8),
    overflow=st.sampled_from(["merge", "block", "fail", "drop_oldest"]),
    is_spent=st.booleans(),
    is_elsewhere=st.booleans(),
)
def test_a_viewer_that_is_disposed_during_its_delivery(
    past: int,
    live: int,
    last: int,
    overflow: Overflow,
    is_spent: bool,
    is_elsewhere: bool,
) -> None:
    """It receives and counts no event after the current one, and its delivery ends."""
    assume(last <= past + live)
    events = [StepStarted(number) for number in range(1, past + live + 1)]
    due: list[Callable[[], None]] = []
    received: list[object] = []
    faults: list[object] = []
    drained: list[str] = []

    class Leaving(Observer):
        def on_next(self, event: object) -> None:
            received.append(event)
            if len(received) == last:
                if is_elsewhere:
                    thread = threading.Thread(target=viewer.dispose)
                    thread.start()
                    thread.join(WATCHDOG)
                else:
                    viewer.dispose()

        def on_completed(self) -> None:
            received.append("end")

    on = Dispatch(due.append, lambda: -inf if is_spent else inf, lambda: False)
    buffer = buffer_for(overflow, 1024, scheduler())
    viewer = Viewer(PartialObserver.of(Leaving()), buffer, on, lambda *fault: faults.append(fault))
    viewer.begin(zip(events[:past], range(1, past + 1), strict=True), past)
    for event in events[past:]:
        viewer.on_next(event)
    viewer.on_completed()
    viewer.afterwards(lambda: drained.append("drained"))
    turns = 0
    while due:
        due.pop()()
        turns += 1

    assert (events[:last], last, 0) == (received, viewer.seq, viewer.waiting)
    assert (last if is_spent else 1, ["drained"], []) == (turns, drained, faults)

    viewer.on_next(StepStarted(99))
    viewer.on_completed()
    viewer.afterwards(lambda: drained.append("drained again"))
    while due:
        due.pop()()
    assert (events[:last], last) == (received, viewer.seq)
    assert ["drained", "drained again"] == drained


@pytest.mark.parametrize("overflow", ["merge", "block", "fail", "drop_oldest"])
def test_one_that_is_disposed_at_any_step_has_received_what_it_counts(overflow: Overflow) -> None:
    """A viewer that another thread disposes has received `seq` events, and receives no others."""
    events = [StepStarted(number) for number in range(1, 5)]
    for step in itertools.count(1):
        due: list[Callable[[], None]] = []
        observer, seqs = Observer(), list[int]()
        buffer = buffer_for(overflow, 2 if overflow == "merge" else 8, scheduler())
        place = Dispatch(due.append, lambda: inf, lambda: False)
        viewer = Viewer(PartialObserver.of(observer), buffer, place, lambda *_: None)
        viewer.begin(iter([(events[0], 1)]), 1)
        for event in events[1:]:
            viewer.on_next(event)

        def dispose(viewer: Viewer = viewer, seqs: list[int] = seqs) -> None:
            viewer.dispose()
            seqs.append(viewer.seq)

        has_come = meanwhile(due.pop(), step, dispose)
        if not has_come:
            break
        assert [len(observer.received)] == seqs == [viewer.seq], step
        assert events[: viewer.seq] == observer.received
    assert events == observer.received
    assert len(events) == viewer.seq


class Late(Seen):
    """A viewer that blocks in its first event until it is released."""

    def __init__(self):
        super().__init__(lambda _: self.released.wait(WATCHDOG))
        self.released = threading.Event()


@pytest.mark.parametrize("on", ["thread", "loop"])
@pytest.mark.parametrize("error", [None, ModelUnavailable("gone")], ids=["completed", "failed"])
def test_after_the_run(on, error):
    """After a run has ended, `drain` waits until all viewers have received its end."""
    for count in range(0, len(EVENTS), 7):
        feed = Feed()
        run = launch(feed.source, scheduler=scheduler(), keep="everything")
        viewers = [Seen() for _ in range(5)]
        for viewer in viewers:
            run.attach(viewer, on=on)
        feed.say(*EVENTS[:count])
        feed.end(error)
        run_of(run)
        run.drain(WATCHDOG)

        assert [(EVENTS[:count], [error or "completed"])] * 5 == [
            (v.events, v.ends) for v in viewers
        ]


def test_within_the_run():
    """While the run goes on, `drain` waits for what has happened so far, for late viewers too."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler(), keep="everything")
    received = []
    for event in EVENTS:
        viewer = Seen()
        feed.say(event)
        run.attach(viewer)
        run.drain(WATCHDOG)
        received.append(len(viewer.events))
    run.cancel()

    assert list(range(1, len(EVENTS) + 1)) == received


def test_no_wait_is_in_vain():
    """`drain` does not wait for viewers that are detached, leave meanwhile or raise."""
    run = launch(streamed(), scheduler=scheduler())
    run.drain(WATCHDOG)
    left, leaving = run.attach(Seen()), run.attach(late := Late())
    left.dispose()
    run.attach(lambda event: 1 / 0)
    late.wait_items(1)
    waiting = threading.Thread(target=run.drain, args=(WATCHDOG,))
    waiting.start()
    leaving.dispose()
    waiting.join(WATCHDOG)
    late.released.set()

    assert (False, "two") == (waiting.is_alive(), run.result(WATCHDOG))
    assert ["division by zero"] == [str(f.error) for f in faults_of(run)]


def faults_of(run):
    """Return the faults of a run whose viewers have received everything."""
    run.drain(WATCHDOG)
    faults = []
    run.faults.subscribe(faults.append)
    done(run._scheduler)
    return faults


def test_a_viewer_that_is_stuck():
    """When the time is over, the error names the viewers that are late; they stay attached."""
    with Stuck() as stuck:
        run = launch(streamed(), scheduler=scheduler())
        quick = Seen()
        run.attach(quick)
        run.attach(stuck)
        assert "completed" == quick.end
        with pytest.raises(TimeoutError) as refused:
            run.drain(0.01)
    run.drain(WATCHDOG)

    assert f"After 0.01 s, events still wait for {stuck!r}." == str(refused.value)
    assert ["completed"] == stuck.ends


def test_threads_that_cannot_wait():
    """A viewer, a direct observer and the run's loop are refused, with what to write instead."""
    refused = []

    def wait(run):
        with pytest.raises(RuntimeError) as error:
            run.drain()
        refused.append(str(error.value))

    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    run.attach(lambda event: wait(run))
    feed.say(StepStarted(1))
    run.drain(WATCHDOG)
    run.subscribe(lambda event: isinstance(event, TextDelta) and wait(run))
    feed.say(TextDelta("now"))
    run.cancel()
    run.drain(WATCHDOG)

    async def main():
        own = launch(streamed())
        own.attach(seen := Seen())
        await own
        wait(own)
        await asyncio.to_thread(own.drain, WATCHDOG)
        return seen.ends

    assert ["completed"] == asyncio.run(main())
    assert ["viewer", "inside", "viewer", "to_thread"] == [
        next(w for w in ("viewer", "inside", "to_thread") if w in r) for r in refused
    ]


class Busy(RunScheduler):
    """A scheduler that is kept busy until a viewer has queued an action."""

    def __init__(self):
        super().__init__(loop=daemon_loop())
        self.entered = threading.Event()
        self.come = threading.Event()

    def stay(self, _):
        self.entered.set()
        assert self.come.wait(WATCHDOG)

    def post(self, action, *args):
        queued = super().post(action, *args)
        if threading.current_thread().name == "rxagent-viewer":
            self.come.set()
        return queued


def test_a_viewer_that_waits_for_itself_while_the_run_is_busy():
    """A viewer is refused also when its run has no time to say so at once."""
    feed, busy, refused = Feed(), Busy(), []

    def wait(event):
        assert busy.entered.wait(WATCHDOG)
        with pytest.raises(RuntimeError, match="viewer"):
            run.drain()
        refused.append(event)

    run = launch(feed.source, scheduler=busy)
    run.attach(wait)
    run.subscribe(busy.stay)
    feed.say(StepStarted(1))
    run.cancel()
    run.drain(WATCHDOG)

    assert [StepStarted(1)] == refused


def test_on_a_loop_that_is_gone():
    """`drain` does not wait for viewers on a loop that was closed."""
    loop = asyncio.new_event_loop()

    async def main():
        run = launch(rx.never())
        run.attach(lambda event: None, on="loop")
        await asyncio.sleep(0)
        return run

    run = loop.run_until_complete(main())
    loop.close()
    run.cancel()
    run.drain(WATCHDOG)

    assert "cancelled" == run.status


def test_from_many_threads():
    """After `drain` a viewer has received what had happened, whatever others do meanwhile."""
    run = launch(streamed(EVENTS * 20), scheduler=scheduler(), keep="everything")
    lacking = []

    def watch(many):
        for number in range(many):
            viewer = Seen()
            watching = run.attach(viewer, on=("thread", "loop")[number % 2])
            happened = run.seq
            run.drain(WATCHDOG)
            if watching.seq < happened:
                lacking.append((happened, watching.seq))
            if number % 3:
                watching.dispose()

    threads = [threading.Thread(target=watch, args=(40,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * WATCHDOG)

    assert "completed" == run_of(run)
    assert (False, []) == (any(thread.is_alive() for thread in threads), lacking)
