"""Operators that watch: isolated watchers, stamps, and pieces joined."""

import time
from itertools import pairwise

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo
from reactivex.disposable import Disposable

from rxagent import operators as ops
from rxagent.errors import ModelUnavailable
from rxagent.events import (
    FinalAnswer,
    ReasoningDelta,
    RunStarted,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolOutput,
    Usage,
)
from rxagent.messages import ProviderData
from rxagent.state import State, fold_all
from rxagent.streams.sink import Producer
from rxagent.testing import VirtualScheduler

PIECES = st.one_of(
    st.text(max_size=3).map(TextDelta),
    st.text(max_size=3).map(ReasoningDelta),
    st.builds(ToolCallDelta, st.integers(0, 1), arguments=st.text(max_size=3)),
    st.builds(ToolOutput, st.just("call_1"), st.text(max_size=3).map(TextDelta)),
)
OTHERS = st.one_of(
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
    st.builds(StepStarted, st.integers(1, 3)),
    st.just(ToolCallDelta(0, "call_1", "add")),
    st.just(ToolOutput("call_1", "printed")),
)
RUNS = st.lists(st.one_of(PIECES, PIECES, OTHERS), max_size=30)


def received(source):
    """Return all that a stream emits, its error last."""
    items = []
    source.subscribe(items.append, items.append, scheduler=None)
    return items


def coalesced(events):
    """Return events as `coalesce` emits them."""
    return received(rx.from_iterable(events).pipe(ops.coalesce()))


class Watcher:
    """All that a watcher receives; it raises at one of its items."""

    def __init__(self, position=None):
        self.items = []
        self.ends = []
        self._position = position

    def on_next(self, item):
        self.items.append(item)
        if len(self.items) - 1 == self._position:
            raise ValueError("I raise")

    def on_error(self, error):
        self.ends.append(error)

    def on_completed(self):
        self.ends.append("completed")


def test_watchers_are_notified_before_the_observer():
    """Each watcher receives an item, in their order, and then the stream's own observer."""
    order = []
    source = rx.of(1, 2).pipe(ops.watch(lambda n: order.append(("one", n)), Watcher()))
    source.subscribe(lambda n: order.append(("own", n)))

    assert [("one", 1), ("own", 1), ("one", 2), ("own", 2)] == order


@pytest.mark.parametrize("position", range(3))
def test_a_watcher_that_raises(position, caplog):
    """It receives no more and is logged once; the others and the stream are not affected."""
    faulty, other = Watcher(position), Watcher()
    source = rx.of(0, 1, 2).pipe(ops.watch(faulty, other))

    assert [0, 1, 2] == received(source)
    assert (list(range(position + 1)), []) == (faulty.items, faulty.ends)
    assert ([0, 1, 2], ["completed"]) == (other.items, other.ends)
    (record,) = caplog.records
    assert repr(faulty) in record.message


def test_watchers_receive_an_error():
    """A watcher receives the error, and so does the observer."""
    error = ModelUnavailable("gone")
    watcher = Watcher()

    assert [1, error] == received(rx.concat(rx.of(1), rx.throw(error)).pipe(ops.watch(watcher)))
    assert ([1], [error]) == (watcher.items, watcher.ends)


@pytest.mark.parametrize(
    "end", [lambda sink: sink.on_completed(), lambda sink: sink.on_error(ValueError())]
)
def test_watchers_receive_nothing_once_the_observer_has_left(end):
    """What was being emitted when the stream was disposed reaches no watcher either."""
    watcher, sinks = Watcher(), []
    source = Producer(lambda sink, _=None: sinks.append(sink) or Disposable())
    subscription = source.pipe(ops.watch(watcher)).subscribe()
    sinks[0].on_next(1)

    subscription.dispose()
    sinks[0].on_next(2)
    end(sinks[0])

    assert ([1], []) == (watcher.items, watcher.ends)


def test_each_subscription_is_watched_separately():
    """A watcher that was removed from one subscription is notified of the next."""
    faulty = Watcher(0)
    source = rx.of(7).pipe(ops.watch(faulty))

    assert [7] == received(source) == received(source)
    assert [7, 7] == faulty.items


def test_what_cannot_watch_is_refused():
    """A value that cannot observe is refused before any subscription."""
    with pytest.raises(TypeError, match="cannot observe"):
        ops.watch(5)


def test_stamps_hold_time_and_number():
    """Stamps count from 0 and hold the scheduler's time; a run keeps one id."""
    with VirtualScheduler() as scheduler:
        stamps = []
        rx.timer(1.0, 0.5).pipe(
            rxo.take(3), rxo.map(lambda n: StepStarted(n)), ops.stamp()
        ).subscribe(stamps.append, scheduler=scheduler)
        scheduler.run()

    assert [0, 1, 2] == [stamp.seq for stamp in stamps]
    assert [1.0, 1.5, 2.0] == [stamp.at for stamp in stamps]
    assert [StepStarted(n) for n in range(3)] == [stamp.event for stamp in stamps]
    (run,) = {stamp.run for stamp in stamps}
    assert len(run) == 32


def test_stamps_without_a_scheduler():
    """Without a scheduler stamps hold the time of day, and each subscription is another run."""
    source = rx.of(FinalAnswer(1)).pipe(ops.stamp())
    before = time.time()
    ((one,), (other,)) = received(source), received(source)

    assert before <= one.at <= other.at <= time.time()
    assert one.run != other.run


def test_a_run_may_be_named():
    """The id of a run may be given."""
    (stamp,) = received(rx.of(FinalAnswer(1)).pipe(ops.stamp("run_7")))

    assert ("run_7", 0, FinalAnswer(1)) == (stamp.run, stamp.seq, stamp.event)


@given(RUNS)
def test_coalescing_loses_nothing(events):
    """The state of the joined events is the state of the events."""
    begun = [RunStarted("a task", "agent"), StepStarted(1), *events]

    assert fold_all(State(), begun) == fold_all(State(), coalesced(begun))


@given(RUNS, st.data())
def test_coalescing_in_parts(events, data):
    """However a run was cut and joined before, joined as a whole it is the same."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    parts = [events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]

    assert coalesced(events) == coalesced([event for part in parts for event in coalesced(part)])


@given(RUNS)
def test_coalescing_joins_as_far_as_it_goes(events):
    """Between two events that are no pieces, no channel is emitted twice."""
    kinds = [(type(e), getattr(e, "index", None)) for e in coalesced(events)]
    pieces = {TextDelta, ReasoningDelta}

    for one, other in pairwise(kinds):
        assert one != other or one[0] not in pieces


def test_coalescing_an_error():
    """What was joined before an error is emitted before it."""
    error = ModelUnavailable("gone")
    source = rx.concat(rx.of(TextDelta("a"), TextDelta("b")), rx.throw(error))

    assert [TextDelta("ab"), error] == received(source.pipe(ops.coalesce()))


def test_what_a_provider_wants_back_is_not_joined():
    """What has an extra stays itself, in its place."""
    kept = (ProviderData("here", {"a": 1}),)
    signed, call = ReasoningDelta("b", kept), ToolCallDelta(0, arguments="{", extra=kept)
    events = [ReasoningDelta("a"), signed, ReasoningDelta("c"), ReasoningDelta("d"), call, call]

    assert [ReasoningDelta("a"), signed, ReasoningDelta("cd"), call, call] == coalesced(events)


@given(RUNS, st.lists(st.integers(0, 4), min_size=30, max_size=30))
def test_with_a_time_no_piece_waits_longer(events, gaps):
    """Nothing is lost or moved past another event, and each piece comes after `seconds` at most."""
    out, sent, at = [], [], 0
    with VirtualScheduler() as scheduler:
        source = rx.Subject()
        source.pipe(ops.coalesce(2)).subscribe(
            lambda event: out.append((scheduler.clock, event)), scheduler=scheduler
        )
        for event, gap in zip(events, gaps, strict=False):
            at += gap
            scheduler.advance_to(at)
            sent.append((at, event))
            source.on_next(event)
        scheduler.advance_to(at + 2)
        waited = [event for _, event in out]
        source.on_completed()

    assert coalesced(events) == coalesced(event for _, event in out)
    assert waited == [event for _, event in out]
    for began, event in sent:
        if isinstance(event, TextDelta) and event.text:
            assert any(
                isinstance(late, TextDelta) and began <= then <= began + 2 for then, late in out
            )


def test_what_waits_for_its_time_is_dropped_with_the_subscription():
    """No timer is left, and nothing comes, when the observer has left."""
    out = []
    with VirtualScheduler() as scheduler:
        source = rx.Subject()
        subscription = source.pipe(ops.coalesce(2)).subscribe(out.append, scheduler=scheduler)
        source.on_next(TextDelta("a"))
        subscription.dispose()
        scheduler.run()

    assert [] == out
