"""Sinks: the laws of streams, also when a source or an observer breaks them."""

import sys
import threading
from itertools import count, permutations
from operator import add, neg
from random import Random

import pytest
import reactivex as rx
from hypothesis import assume, given
from hypothesis import strategies as st
from reactivex import operators as rxo
from reactivex.disposable import CompositeDisposable, Disposable
from reactivex.scheduler import ImmediateScheduler

from rxagent import operators as ops
from rxagent.events import RefusalDelta, StepStarted, TextDelta, ToolCallDelta
from rxagent.streams import iterate, merge
from rxagent.streams import operators as stream_ops
from rxagent.streams.sink import MergeSink, Producer, Sink, lift
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.ledger import opened

from ..laws import examples
from ..meanwhile import meanwhile
from .recorder import WATCHDOG

AT_ONCE = ImmediateScheduler()
FAULT = LookupError("no")
ENDS = ["|", "#"]


def emit(observer, *signs):
    """Notify an observer of items, errors and ends, in any order, also a wrong one."""
    for sign in signs:
        if sign == "|":
            observer.on_completed()
        elif sign == "#":
            observer.on_error(FAULT)
        else:
            observer.on_next(sign)


class Upstream:
    """A source without any guard: it emits what a test lets it emit, at once and later."""

    def __init__(self, *at_once, subscribing=lambda: None):
        self.observer = None
        self.disposals = 0

        def subscribe(observer, _=None):
            self.observer = observer
            emit(observer, *at_once)
            subscribing()
            return Disposable(self._close)

        self.stream = Producer(subscribe)

    def _close(self):
        self.disposals += 1

    def emit(self, *signs):
        emit(self.observer, *signs)


class Seen(Sink):
    """An observer that notes all it receives, also what it must not, and may act on it."""

    def __init__(self, doing=lambda: None):
        super().__init__(None)
        self.received = []
        self.doing = doing

    def on_next(self, item):
        self.received.append(item)
        self.doing()

    def on_error(self, error):
        self.on_next("#")

    def on_completed(self):
        self.on_next("|")


def once(source):
    """Return a loop of one step."""
    return iterate(lambda _: source, lambda state, _: state, count, next)


OPERATORS = {
    "passing": (lift(Sink), 1),
    "of_type": (ops.of_type(int), 1),
    "steps": (ops.steps(), StepStarted(1)),
    "unless_refused": (ops.unless_refused(), RefusalDelta("no")),
    "accumulate": (ops.accumulate(partial=False), TextDelta("a")),
    "normalise": (ops.normalise(), ToolCallDelta(0, "c", "t")),
    "sealed": (ops.sealed(), ToolCallDelta(0, "c", "t")),
    "stop_at": (ops.stop_at("zz"), TextDelta("a")),
    "watch": (ops.watch(), 1),
    "stamp": (ops.stamp(), TextDelta("a")),
    "coalesce": (ops.coalesce(), TextDelta("a")),
    "branch": (ops.branch(ops.of_type(int), stream_ops.reduce(add, 0)), 1),
    "map": (stream_ops.map(str), 1),
    "filter": (stream_ops.filter(bool), 1),
    "take_while": (stream_ops.take_while(bool), 1),
    "catch": (stream_ops.catch(rx.throw), 1),
    "start_with": (stream_ops.start_with(0), 1),
    "flat_map": (stream_ops.flat_map(rx.of), 1),
    "reduce": (stream_ops.reduce(add, 0), 1),
    "with_latest_from": (stream_ops.with_latest_from(rx.never(), 0), 1),
    "then": (stream_ops.then(rx.empty), 1),
    "using": (lambda source: stream_ops.using(Disposable, lambda _: source), 1),
    "merge": (merge, 1),
    "iterate": (once, 1),
}
each_operator = pytest.mark.parametrize(("operator", "item"), OPERATORS.values(), ids=OPERATORS)


# One source


@each_operator
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("at_once", [True, False])
def test_nothing_is_emitted_after_the_end(operator, item, end, at_once):
    """What a source emits after its end is dropped, and the source is disposed once."""
    signs = [item, end, item, "#", item, "|", item]
    upstream, seen = Upstream(*signs if at_once else ()), Seen()

    operator(upstream.stream).subscribe(seen, scheduler=AT_ONCE)
    if not at_once:
        assert 0 == upstream.disposals
        upstream.emit(*signs)

    assert [seen.received[-1]] == [sign for sign in seen.received if sign in ("|", "#")]
    assert 1 == upstream.disposals


@each_operator
@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_emitted_within_the_end(operator, item, end):
    """What a source emits while its end is being observed is dropped."""

    def again():
        if seen.received[-1] in ("|", "#"):
            upstream.emit(item, "#", "|")

    upstream, seen = Upstream(), Seen(again)
    operator(upstream.stream).subscribe(seen, scheduler=AT_ONCE)

    upstream.emit(item, end)

    assert [seen.received[-1]] == [sign for sign in seen.received if sign in ("|", "#")]
    assert 1 == upstream.disposals


@each_operator
def test_nothing_is_emitted_after_disposal(operator, item):
    """Disposing disposes the source, and what that still emits is dropped."""
    upstream, seen = Upstream(item), Seen()
    subscription = operator(upstream.stream).subscribe(seen, scheduler=AT_ONCE)
    before = list(seen.received)

    subscription.dispose()
    assert 1 == upstream.disposals

    upstream.emit(item, "|", item, "#")
    assert before == seen.received


@each_operator
def test_disposal_within_an_item(operator, item):
    """After disposal within an item nothing is emitted, not even more of the same item."""
    disposing = []
    upstream, seen = Upstream(), Seen(lambda: [dispose() for dispose in disposing])
    subscription = operator(upstream.stream).subscribe(seen, scheduler=AT_ONCE)
    before = len(seen.received)
    disposing.append(subscription.dispose)

    upstream.emit(item, item, "|", item)

    assert (before + 1, 1) == (len(seen.received), upstream.disposals)
    assert "|" not in seen.received


@pytest.mark.parametrize("signs", [(), (1,), (1, "|"), (1, "#")], ids=str)
def test_disposal_while_subscribing(signs):
    """A subscription that is returned after the sink has stopped is disposed at once."""

    def elsewhere():
        thread = threading.Thread(target=sink.dispose)
        thread.start()
        thread.join(WATCHDOG)

    upstream, seen = Upstream(*signs, subscribing=elsewhere), Seen()
    sink = Sink(seen)

    sink.follow(upstream.stream, AT_ONCE)

    assert (1, list(signs)) == (upstream.disposals, seen.received)


def test_disposal_from_many_threads():
    """When many threads dispose at once, the source is disposed once, and none fails."""
    for _ in range(20):
        upstream, faults, run_serialized = Upstream(), [], threading.Barrier(8)
        sink = Sink(Seen()).follow(upstream.stream, AT_ONCE)

        def dispose(sink=sink, faults=faults, run_serialized=run_serialized):
            run_serialized.wait(WATCHDOG)
            try:
                sink.dispose()
            except Exception as fault:
                faults.append(fault)

        threads = [threading.Thread(target=dispose) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WATCHDOG)

        sink.dispose()
        assert (1, [], True) == (upstream.disposals, faults, sink.is_stopped)


@each_operator
@pytest.mark.parametrize("end", ENDS)
def test_disposal_between_any_two_steps(operator, item, end):
    """Another thread may dispose at any step; the current item is the last."""
    for step in count(1):
        upstream, seen, received = Upstream(), Seen(), []
        subscription = operator(upstream.stream).subscribe(seen, scheduler=AT_ONCE)

        def dispose(subscription=subscription, seen=seen, received=received):
            subscription.dispose()
            received += seen.received

        if not meanwhile(lambda upstream=upstream: upstream.emit(item, end), step, dispose):
            break
        assert 1 == upstream.disposals
        assert seen.received[:-1] == received or seen.received == received
    assert step > 1


@each_operator
def test_what_subscribing_raises_is_the_error(operator, item):
    """What the source raises on subscribe is emitted as its error."""

    def fail():
        raise FAULT

    upstream, seen = Upstream(item, subscribing=fail), Seen()

    operator(upstream.stream).subscribe(seen, scheduler=AT_ONCE)

    assert ["#"] == [sign for sign in seen.received if sign in ("|", "#")]


@pytest.mark.parametrize("end", ENDS)
def test_what_subscribing_raises_after_the_end_comes_out(end):
    """After the end was emitted, an error on subscribe is raised to the subscriber."""

    def fail():
        raise ValueError("late")

    seen = Seen()
    stream = lift(Sink)(Upstream(1, end, subscribing=fail).stream)

    with pytest.raises(ValueError, match="late"):
        stream.subscribe(seen.on_next, seen.on_error, seen.on_completed)
    assert [1, end] == seen.received


@pytest.mark.parametrize("name", sorted(OPERATORS.keys() - {"flat_map"}))
def test_an_observer_that_raises(name):
    """What the observer raises comes out at the source, which can still be disposed."""

    def fail():
        raise ValueError("ours")

    operator, item = OPERATORS[name]
    upstream, seen = Upstream(), Seen()
    subscription = operator(upstream.stream).subscribe(seen, scheduler=AT_ONCE)
    before = len(seen.received)
    seen.doing = fail

    with pytest.raises(ValueError, match="ours"):
        upstream.emit(item, "|")
    assert before + 1 == len(seen.received)

    subscription.dispose()
    assert 1 == upstream.disposals


def test_an_observer_that_raises_while_a_stream_is_subscribed_to():
    """What the observer raises while an inner stream is subscribed to ends the whole."""

    def fail():
        if seen.received == [1]:
            raise ValueError("ours")

    upstream, seen = Upstream(), Seen(fail)
    stream_ops.flat_map(rx.of)(upstream.stream).subscribe(seen, scheduler=AT_ONCE)

    upstream.emit(1, 2, "|")

    assert ([1, "#"], 1) == (seen.received, upstream.disposals)


@pytest.mark.parametrize("end", ENDS)
def test_an_observer_that_raises_at_the_end(end):
    """When the observer raises at the end, the source is disposed nonetheless."""

    def fail():
        raise ValueError("ours")

    upstream, seen = Upstream(), Seen(fail)
    Sink(seen).follow(upstream.stream, AT_ONCE)

    with pytest.raises(ValueError, match="ours"):
        upstream.emit(end)
    assert ([end], 1) == (seen.received, upstream.disposals)


def test_dispose_from_elsewhere_while_items_flow():
    """When another thread disposes, a prefix of the items was emitted; the source is disposed."""
    random, interval = Random(7), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            _flow_until_disposed(random.randrange(60), random.random() < 0.5)
    finally:
        sys.setswitchinterval(interval)


def _flow_until_disposed(limit, while_subscribing):
    seen, flowing, faults = Seen(), [], []
    reached, done = threading.Event(), threading.Event()

    def subscribe(observer, _=None):
        if while_subscribing:
            flow(observer)
        else:
            flowing.append(threading.Thread(target=flow, args=(observer,)))
            flowing[0].start()
        return Disposable(done.set)

    def flow(observer):
        try:
            for item in range(20_000):
                observer.on_next(item)
                if item == limit:
                    reached.set()
                if sink.is_stopped:
                    break
            observer.on_completed()
        except Exception as fault:
            faults.append(fault)

    def dispose():
        assert reached.wait(WATCHDOG)
        sink.dispose()

    sink = Sink(seen)
    disposing = threading.Thread(target=dispose)
    disposing.start()
    sink.follow(lift(Sink)(Producer(subscribe)), AT_ONCE)
    for thread in (disposing, *flowing):
        thread.join(WATCHDOG)

    assert ([], True, True) == (faults, done.is_set(), sink.is_stopped)
    items = [item for item in seen.received if item != "|"]
    assert list(range(len(items))) == items
    assert len(items) > limit


# Several sources


def merged_sink(*upstreams, doing=lambda: None):
    """Return an observer, and a merge sink of all sources before it; it follows the first."""
    seen = Seen(doing)
    merged = MergeSink(seen, AT_ONCE)
    first, *sides = upstreams
    for side in sides:
        merged.join(side.stream)
    return seen, merged.follow(first.stream, AT_ONCE)


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_a_merge_sink_completes_with_its_last_source(order):
    """The end is emitted when the last source ends, after all were disposed."""
    upstreams = [Upstream(), Upstream(), Upstream()]
    seen, _ = merged_sink(*upstreams)

    for place in order:
        assert [] == seen.received
        upstreams[place].emit("|")

    assert (["|"], [1, 1, 1]) == (seen.received, [upstream.disposals for upstream in upstreams])


def test_what_a_side_emits_after_its_end():
    """A side that has ended emits nothing more, and its second end is not that of another."""
    main, side, other = Upstream(), Upstream(), Upstream()
    seen, _ = merged_sink(main, side, other)

    side.emit(1, "|", 2, "|", "#", "|")
    assert ([1], 1) == (seen.received, side.disposals)

    main.emit("|")
    other.emit(3, "|")
    assert [1, 3, "|"] == seen.received


@pytest.mark.parametrize("failing", range(3))
@pytest.mark.parametrize("ended", [None, 0, 1, 2])
def test_an_error_of_any_source_ends_a_merge_sink(failing, ended):
    """The first error disposes all others before it is emitted, and is emitted once."""
    upstreams, disposed = [Upstream(), Upstream(), Upstream()], []
    seen, _ = merged_sink(
        *upstreams, doing=lambda: disposed.append([upstream.disposals for upstream in upstreams])
    )
    if ended not in (None, failing):
        upstreams[ended].emit("|")

    upstreams[failing].emit("#", 1, "#", "|")
    for upstream in upstreams:
        upstream.emit(2, "#", "|")

    assert (["#"], [[1, 1, 1]]) == (seen.received, disposed)


SCRIPT = [(0, 1), (1, 2), (2, 3), (1, "|"), (0, 4), (0, "|"), (2, 5), (2, "|")]


@pytest.mark.parametrize("position", range(len(SCRIPT)))
def test_disposing_a_merge_sink_disposes_all_sources(position):
    """Disposed before any event, it leaves nothing open, and emits nothing more."""
    upstreams = [Upstream(), Upstream(), Upstream()]
    seen, merged = merged_sink(*upstreams)
    for place, sign in SCRIPT[:position]:
        upstreams[place].emit(sign)
    before = list(seen.received)

    merged.dispose()

    assert [1, 1, 1] == [upstream.disposals for upstream in upstreams]
    for place, sign in SCRIPT[position:]:
        upstreams[place].emit(sign)
    merged.dispose()
    assert (before, [1, 1, 1]) == (seen.received, [upstream.disposals for upstream in upstreams])


@pytest.mark.parametrize("last", range(1, 6))
def test_disposing_a_merge_sink_at_an_item(last):
    """After disposal within an item, nothing of any source is emitted."""
    upstreams = [Upstream(), Upstream(), Upstream()]
    seen, merged = merged_sink(
        *upstreams, doing=lambda: seen.received[-1] == last and merged.dispose()
    )

    for place, sign in SCRIPT:
        upstreams[place].emit(sign)

    assert [*range(1, last + 1)] == seen.received
    assert [1, 1, 1] == [upstream.disposals for upstream in upstreams]


@pytest.mark.parametrize("stop", ["|", "#", "dispose"])
def test_what_has_stopped_subscribes_to_nothing(stop):
    """A merge sink that has ended, failed or was disposed subscribes to nothing more."""
    upstream, late = Upstream(), Upstream()
    seen, merged = merged_sink(upstream)
    if stop == "dispose":
        merged.dispose()
    else:
        upstream.emit(stop)

    merged.join(late.stream)

    assert (None, 0) == (late.observer, late.disposals)
    assert ([] if stop == "dispose" else [stop]) == seen.received


def test_joining_while_another_disposes():
    """When another thread disposes, all sources that have joined are disposed."""
    random, interval = Random(11), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            merged, reached, limit = (
                MergeSink(Seen(), AT_ONCE),
                threading.Event(),
                random.randrange(20),
            )

            def dispose(merged=merged, reached=reached):
                assert reached.wait(WATCHDOG)
                merged.dispose()

            elsewhere = threading.Thread(target=dispose)
            elsewhere.start()
            upstreams = []
            while not merged.is_stopped:
                upstreams.append(Upstream(1, *"|"[: random.randrange(2)]))
                merged.join(upstreams[-1].stream)
                if len(upstreams) > limit:
                    reached.set()
            elsewhere.join(WATCHDOG)

            subscribed = [upstream for upstream in upstreams if upstream.observer is not None]
            assert [1] * len(subscribed) == [upstream.disposals for upstream in subscribed]
    finally:
        sys.setswitchinterval(interval)


# Among ReactiveX's own


def test_outside_a_run_all_are_subscribed_before_the_first_is_notified():
    """Outside a run, streams made of sinks wait for the trampoline, as all others do."""

    def observed(flat_map, merge):
        received, trigger, echo = [], rx.Subject(), rx.Subject()
        inner = merge(rx.of(1, 2).pipe(rxo.do_action(echo.on_next)), echo)
        trigger.pipe(flat_map(lambda _: inner)).subscribe(received.append)
        trigger.on_next("go")
        return received

    assert observed(rxo.flat_map, rx.merge) == observed(stream_ops.flat_map, merge) == [1, 1, 2, 2]


def turned(item):
    """Return the negative of a number, and anything else as it is."""
    return -item if isinstance(item, int) else item


def is_odd(item):
    """Return whether a number is odd; raise TypeError for a text."""
    return item % 2 == 1


def instead_of(row):
    """Return a handler that goes on with a row, but raises another error after a TypeError."""

    def handle(error, _=None):
        if isinstance(error, TypeError):
            raise KeyError("another") from error
        return row

    return handle


def made_of(*rows):
    """Return a function that makes one of two streams of a number; it raises for a text."""
    return lambda item: rows[item % 2]


OURS_AND_THEIRS = {
    "of_type": (lambda _: ops.of_type(int), lambda _: rxo.filter(lambda x: isinstance(x, int))),
    "start_with": (lambda _: stream_ops.start_with(7), lambda _: rxo.start_with(7)),
    "reduce": (lambda _: stream_ops.reduce(add, 0), lambda _: rxo.reduce(add, 0)),
    "flat_map": (
        lambda row: stream_ops.flat_map(made_of(row, rx.timer(1))),
        lambda row: rxo.flat_map(made_of(row, rx.timer(1))),
    ),
    "of": (
        lambda _: stream_ops.flat_map(lambda item: stream_ops.of(item, 5)),
        lambda _: rxo.flat_map(lambda item: rx.of(item, 5)),
    ),
    "from_items": (
        lambda _: stream_ops.catch(lambda _: stream_ops.from_items(range(3))),
        lambda _: rxo.catch(rx.from_iterable(range(3))),
    ),
    "with_latest_from": (
        lambda row: stream_ops.with_latest_from(row, 0),
        lambda row: rxo.with_latest_from(row.pipe(rxo.start_with(0))),
    ),
    "merge": (lambda row: lambda source: merge(source, row), rxo.merge),
    "branch": (
        lambda row: ops.branch(rxo.map(turned), lambda source: merge(source, row)),
        lambda row: rxo.publish(
            lambda source: rx.merge(source, source.pipe(rxo.map(turned)), rx.merge(source, row))
        ),
    ),
    "then": (
        lambda row: stream_ops.then(lambda: row),
        lambda row: rxo.concat(row),
    ),
    "using": (
        lambda _: lambda source: stream_ops.using(Disposable, lambda _: source),
        lambda _: lambda source: rx.using(Disposable, lambda _: source),
    ),
    "defer": (
        lambda _: lambda source: stream_ops.defer(lambda: source),
        lambda _: lambda source: rx.defer(lambda _: source),
    ),
    "filter": (lambda _: stream_ops.filter(is_odd), lambda _: rxo.filter(is_odd)),
    "take_while": (lambda _: stream_ops.take_while(is_odd), lambda _: rxo.take_while(is_odd)),
    "map": (lambda _: stream_ops.map(neg), lambda _: rxo.map(neg)),
    "catch": (
        lambda row: stream_ops.catch(instead_of(row)),
        lambda row: rxo.catch(instead_of(row)),
    ),
    "scan": (lambda _: rxo.scan(add),) * 2,
    "take": (lambda _: rxo.take(2),) * 2,
    "share": (lambda _: rxo.share(),) * 2,
    "merge of theirs": (rxo.merge,) * 2,
    "catch of theirs": (rxo.catch,) * 2,
    "retry": (lambda _: rxo.retry(2),) * 2,
    "take_until": (rxo.take_until,) * 2,
}
ITEMS = st.sampled_from([1, 2, 3, "x"])


@st.composite
def rows(draw):
    """Draw when a source emits which items, and perhaps an end; sometimes it goes on after that."""
    signs = draw(st.lists(st.one_of(ITEMS, ITEMS, st.sampled_from(ENDS)), max_size=5))
    return [(draw(st.integers(1, 9)), sign) for sign in signs]


def cold(row, name):
    """Return a cold source of a row; no two names share an instant."""

    def subscribe(observer, scheduler=None):
        return CompositeDisposable(
            [
                scheduler.schedule_relative(
                    due + 2.0 ** -(name + 2), lambda *_, sign=sign: emit(observer, sign)
                )
                for due, sign in row
            ]
        )

    return opened(rx.Observable(subscribe))


def observed(whose, row, stages, until):
    """Return what a pipeline emits, when, and how often it has subscribed to each source."""
    received = []
    with VirtualScheduler() as scheduler:
        stream, ledger = cold(row, 0)
        ledgers = [ledger]
        for place, (stage, other) in enumerate(stages, 1):
            beside, ledger = cold(other, place)
            ledgers.append(ledger)
            stream = stream.pipe(OURS_AND_THEIRS[stage][whose](beside))
        subscription = stream.subscribe(
            lambda item: received.append((scheduler.clock, item)),
            lambda error: received.append((scheduler.clock, repr(error))),
            lambda: received.append((scheduler.clock, "|")),
            scheduler=scheduler,
        )
        scheduler.advance_to(until)
        now = [ledger.open for ledger in ledgers]
        subscription.dispose()
        assert {0} == {ledger.open for ledger in ledgers}
        scheduler.run()
    return received, now, [ledger.subscribed for ledger in ledgers]


def test_every_operator_of_ours_is_compared():
    """The law below covers all operators of `streams.operators`."""
    assert [] == [name for name in stream_ops.__all__ if name not in OURS_AND_THEIRS]


STAGES = st.sampled_from(sorted(OURS_AND_THEIRS))


@examples(400)
@given(rows(), st.lists(st.tuples(STAGES, rows()), min_size=1, max_size=4), st.integers(1, 40))
def test_our_operators_do_what_those_of_reactivex_do(row, stages, until):
    """In any pipeline ours emit and hold what ReactiveX's do, and subscribe no more often."""
    # Under `retry`, theirs that are shared may repeat the error without subscribing again.
    assume(not {"share", "retry"} <= {stage for stage, _ in stages})

    theirs, open_of_theirs, asked_by_theirs = observed(1, row, stages, until)
    ours, open_of_ours, asked_by_ours = observed(0, row, stages, until)
    assert (theirs, open_of_theirs) == (ours, open_of_ours)
    # Theirs subscribe to the other stream of `with_latest_from` after its first item only.
    names = ["", *(stage for stage, _ in stages)]
    assert all(
        name == "with_latest_from" or of_theirs >= of_ours
        for name, of_theirs, of_ours in zip(names, asked_by_theirs, asked_by_ours, strict=True)
    )
