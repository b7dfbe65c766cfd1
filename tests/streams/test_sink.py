"""Links: the laws of streams, also where a source or an observer heeds none."""

import sys
import threading
from itertools import count, permutations
from operator import add, neg
from random import Random

import pytest
import reactivex as rx
from hypothesis import assume, given, settings
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

from ..meanwhile import meanwhile
from .recorder import WATCHDOG

AT_ONCE = ImmediateScheduler()
FAULT = LookupError("no")
ENDS = ["|", "#"]


def tell(observer, *signs):
    """Tell an observer items, errors and ends, however wrong their order is."""
    for sign in signs:
        if sign == "|":
            observer.on_completed()
        elif sign == "#":
            observer.on_error(FAULT)
        else:
            observer.on_next(sign)


class Spring:
    """A source that nothing guards: it tells whatever it is bidden, at once and ever after."""

    def __init__(self, *at_once, subscribing=lambda: None):
        self.observer = None
        self.disposals = 0

        def subscribe(observer, _=None):
            self.observer = observer
            tell(observer, *at_once)
            subscribing()
            return Disposable(self._close)

        self.stream = Producer(subscribe)

    def _close(self):
        self.disposals += 1

    def tell(self, *signs):
        tell(self.observer, *signs)


class Ear(Sink):
    """An observer that notes all it is told, also what it must not be, and may do something."""

    def __init__(self, doing=lambda: None):
        super().__init__(None)
        self.told = []
        self.doing = doing

    def on_next(self, item):
        self.told.append(item)
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
    "merge": (merge, 1),
    "iterate": (once, 1),
}
each_operator = pytest.mark.parametrize(("operator", "item"), OPERATORS.values(), ids=OPERATORS)


# One source


@each_operator
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("at_once", [True, False])
def test_nothing_is_told_after_the_end(operator, item, end, at_once):
    """A source may go on after its end: nobody hears of it, and it is let go of, once."""
    signs = [item, end, item, "#", item, "|", item]
    spring, ear = Spring(*signs if at_once else ()), Ear()

    operator(spring.stream).subscribe(ear, scheduler=AT_ONCE)
    if not at_once:
        assert 0 == spring.disposals
        spring.tell(*signs)

    assert [ear.told[-1]] == [sign for sign in ear.told if sign in ("|", "#")]
    assert 1 == spring.disposals


@each_operator
@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_told_after_the_end_from_within_it(operator, item, end):
    """Whoever makes the source go on when told of the end hears nothing of that."""

    def again():
        if ear.told[-1] in ("|", "#"):
            spring.tell(item, "#", "|")

    spring, ear = Spring(), Ear(again)
    operator(spring.stream).subscribe(ear, scheduler=AT_ONCE)

    spring.tell(item, end)

    assert [ear.told[-1]] == [sign for sign in ear.told if sign in ("|", "#")]
    assert 1 == spring.disposals


@each_operator
def test_nothing_is_told_after_disposal(operator, item):
    """Disposing lets go of the source, and whatever that still tells goes to nobody."""
    spring, ear = Spring(item), Ear()
    subscription = operator(spring.stream).subscribe(ear, scheduler=AT_ONCE)
    before = list(ear.told)

    subscription.dispose()
    assert 1 == spring.disposals

    spring.tell(item, "|", item, "#")
    assert before == ear.told


@each_operator
def test_disposal_in_the_midst_of_an_item(operator, item):
    """Who disposes while told an item is told no other, be there more of the same item."""
    disposing = []
    spring, ear = Spring(), Ear(lambda: [dispose() for dispose in disposing])
    subscription = operator(spring.stream).subscribe(ear, scheduler=AT_ONCE)
    before = len(ear.told)
    disposing.append(subscription.dispose)

    spring.tell(item, item, "|", item)

    assert (before + 1, 1) == (len(ear.told), spring.disposals)
    assert "|" not in ear.told


@pytest.mark.parametrize("signs", [(), (1,), (1, "|"), (1, "#")], ids=str)
def test_disposal_while_subscribing(signs):
    """A source that comes to hand after the link has stopped is disposed there and then."""

    def elsewhere():
        thread = threading.Thread(target=link.dispose)
        thread.start()
        thread.join(WATCHDOG)

    spring, ear = Spring(*signs, subscribing=elsewhere), Ear()
    link = Sink(ear)

    link.follow(spring.stream, AT_ONCE)

    assert (1, list(signs)) == (spring.disposals, ear.told)


def test_disposal_from_many_threads():
    """However many dispose at the same moment, the source is disposed and nobody is harmed."""
    for _ in range(20):
        spring, faults, run_serialized = Spring(), [], threading.Barrier(8)
        link = Sink(Ear()).follow(spring.stream, AT_ONCE)

        def dispose(link=link, faults=faults, run_serialized=run_serialized):
            run_serialized.wait(WATCHDOG)
            try:
                link.dispose()
            except Exception as fault:
                faults.append(fault)

        threads = [threading.Thread(target=dispose) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WATCHDOG)

        link.dispose()
        assert (1, [], True) == (spring.disposals, faults, link.is_stopped)


@each_operator
@pytest.mark.parametrize("end", ENDS)
def test_disposal_between_any_two_steps(operator, item, end):
    """Whenever others dispose, it harms nobody, and what is just being told is the last."""
    for step in count(1):
        spring, ear, told = Spring(), Ear(), []
        subscription = operator(spring.stream).subscribe(ear, scheduler=AT_ONCE)

        def dispose(subscription=subscription, ear=ear, told=told):
            subscription.dispose()
            told += ear.told

        if not meanwhile(lambda spring=spring: spring.tell(item, end), step, dispose):
            break
        assert 1 == spring.disposals
        assert ear.told[:-1] == told or ear.told == told
    assert step > 1


@each_operator
def test_what_subscribing_raises_is_the_error(operator, item):
    """What the source raises while it is subscribed to is told as its error."""

    def fail():
        raise FAULT

    spring, ear = Spring(item, subscribing=fail), Ear()

    operator(spring.stream).subscribe(ear, scheduler=AT_ONCE)

    assert ["#"] == [sign for sign in ear.told if sign in ("|", "#")]


@pytest.mark.parametrize("end", ENDS)
def test_what_subscribing_raises_after_the_end_comes_out(end):
    """When the end has been told already, it is whoever subscribes who learns of the fault."""

    def fail():
        raise ValueError("late")

    ear = Ear()
    stream = lift(Sink)(Spring(1, end, subscribing=fail).stream)

    with pytest.raises(ValueError, match="late"):
        stream.subscribe(ear.on_next, ear.on_error, ear.on_completed)
    assert [1, end] == ear.told


@pytest.mark.parametrize("name", sorted(OPERATORS.keys() - {"flat_map"}))
def test_an_observer_that_raises(name):
    """What the observer raises comes out at the source, and the source can still be let go of."""

    def fail():
        raise ValueError("ours")

    operator, item = OPERATORS[name]
    spring, ear = Spring(), Ear()
    subscription = operator(spring.stream).subscribe(ear, scheduler=AT_ONCE)
    before = len(ear.told)
    ear.doing = fail

    with pytest.raises(ValueError, match="ours"):
        spring.tell(item, "|")
    assert before + 1 == len(ear.told)

    subscription.dispose()
    assert 1 == spring.disposals


def test_an_observer_that_raises_while_a_stream_is_subscribed_to():
    """What it raises when told by a stream just being subscribed to is the error of all."""

    def fail():
        if ear.told == [1]:
            raise ValueError("ours")

    spring, ear = Spring(), Ear(fail)
    stream_ops.flat_map(rx.of)(spring.stream).subscribe(ear, scheduler=AT_ONCE)

    spring.tell(1, 2, "|")

    assert ([1, "#"], 1) == (ear.told, spring.disposals)


@pytest.mark.parametrize("end", ENDS)
def test_an_observer_that_raises_at_the_end(end):
    """An observer that raises when told of the end has nonetheless let go of the source."""

    def fail():
        raise ValueError("ours")

    spring, ear = Spring(), Ear(fail)
    Sink(ear).follow(spring.stream, AT_ONCE)

    with pytest.raises(ValueError, match="ours"):
        spring.tell(end)
    assert ([end], 1) == (ear.told, spring.disposals)


def test_dispose_from_elsewhere_while_items_flow():
    """Whenever another thread disposes, items stop as a prefix, and the source is let go of."""
    random, interval = Random(7), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            _flow_until_disposed(random.randrange(60), random.random() < 0.5)
    finally:
        sys.setswitchinterval(interval)


def _flow_until_disposed(limit, while_subscribing):
    ear, flowing, faults = Ear(), [], []
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
                if link.is_stopped:
                    break
            observer.on_completed()
        except Exception as fault:
            faults.append(fault)

    def dispose():
        assert reached.wait(WATCHDOG)
        link.dispose()

    link = Sink(ear)
    disposing = threading.Thread(target=dispose)
    disposing.start()
    link.follow(lift(Sink)(Producer(subscribe)), AT_ONCE)
    for thread in (disposing, *flowing):
        thread.join(WATCHDOG)

    assert ([], True, True) == (faults, done.is_set(), link.is_stopped)
    items = [item for item in ear.told if item != "|"]
    assert list(range(len(items))) == items
    assert len(items) > limit


# Several sources


def knotted(*springs, doing=lambda: None):
    """Return an ear, and the joint before it of all sources; it follows the first."""
    ear = Ear(doing)
    knot = MergeSink(ear, AT_ONCE)
    first, *sides = springs
    for side in sides:
        knot.join(side.stream)
    return ear, knot.follow(first.stream, AT_ONCE)


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_a_joint_completes_with_its_last_source(order):
    """Whichever source ends last, the end is told then, and by then all are let go of."""
    springs = [Spring(), Spring(), Spring()]
    ear, _ = knotted(*springs)

    for place in order:
        assert [] == ear.told
        springs[place].tell("|")

    assert (["|"], [1, 1, 1]) == (ear.told, [spring.disposals for spring in springs])


def test_what_a_side_tells_after_its_end():
    """A side that has ended tells nothing more, and its second end is not that of another."""
    main, side, other = Spring(), Spring(), Spring()
    ear, _ = knotted(main, side, other)

    side.tell(1, "|", 2, "|", "#", "|")
    assert ([1], 1) == (ear.told, side.disposals)

    main.tell("|")
    other.tell(3, "|")
    assert [1, 3, "|"] == ear.told


@pytest.mark.parametrize("failing", range(3))
@pytest.mark.parametrize("ended", [None, 0, 1, 2])
def test_an_error_of_any_ends_a_joint(failing, ended):
    """The first error lets go of all others before it is told, and it is told once."""
    springs, disposed = [Spring(), Spring(), Spring()], []
    ear, _ = knotted(
        *springs, doing=lambda: disposed.append([spring.disposals for spring in springs])
    )
    if ended not in (None, failing):
        springs[ended].tell("|")

    springs[failing].tell("#", 1, "#", "|")
    for spring in springs:
        spring.tell(2, "#", "|")

    assert (["#"], [[1, 1, 1]]) == (ear.told, disposed)


SCRIPT = [(0, 1), (1, 2), (2, 3), (1, "|"), (0, 4), (0, "|"), (2, 5), (2, "|")]


@pytest.mark.parametrize("position", range(len(SCRIPT)))
def test_disposing_a_joint_lets_go_of_all(position):
    """Before whatever event it is disposed, nothing stays open, and nothing more is told."""
    springs = [Spring(), Spring(), Spring()]
    ear, knot = knotted(*springs)
    for place, sign in SCRIPT[:position]:
        springs[place].tell(sign)
    before = list(ear.told)

    knot.dispose()

    assert [1, 1, 1] == [spring.disposals for spring in springs]
    for place, sign in SCRIPT[position:]:
        springs[place].tell(sign)
    knot.dispose()
    assert (before, [1, 1, 1]) == (ear.told, [spring.disposals for spring in springs])


@pytest.mark.parametrize("last", range(1, 6))
def test_disposing_a_joint_at_an_item(last):
    """Who disposes while told an item is told nothing of any source after it."""
    springs = [Spring(), Spring(), Spring()]
    ear, knot = knotted(*springs, doing=lambda: ear.told[-1] == last and knot.dispose())

    for place, sign in SCRIPT:
        springs[place].tell(sign)

    assert [*range(1, last + 1)] == ear.told
    assert [1, 1, 1] == [spring.disposals for spring in springs]


@pytest.mark.parametrize("stop", ["|", "#", "dispose"])
def test_who_joins_what_has_stopped_is_not_subscribed(stop):
    """Once it has ended, failed or been disposed, a joint subscribes to nothing more."""
    spring, late = Spring(), Spring()
    ear, knot = knotted(spring)
    if stop == "dispose":
        knot.dispose()
    else:
        spring.tell(stop)

    knot.join(late.stream)

    assert (None, 0) == (late.observer, late.disposals)
    assert ([] if stop == "dispose" else [stop]) == ear.told


def test_joining_while_another_disposes():
    """Whenever another thread disposes, whoever had joined by then is let go of."""
    random, interval = Random(11), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            knot, reached, limit = (
                MergeSink(Ear(), AT_ONCE),
                threading.Event(),
                random.randrange(20),
            )

            def dispose(knot=knot, reached=reached):
                assert reached.wait(WATCHDOG)
                knot.dispose()

            elsewhere = threading.Thread(target=dispose)
            elsewhere.start()
            springs = []
            while not knot.is_stopped:
                springs.append(Spring(1, *"|"[: random.randrange(2)]))
                knot.join(springs[-1].stream)
                if len(springs) > limit:
                    reached.set()
            elsewhere.join(WATCHDOG)

            subscribed = [spring for spring in springs if spring.observer is not None]
            assert [1] * len(subscribed) == [spring.disposals for spring in subscribed]
    finally:
        sys.setswitchinterval(interval)


# Among ReactiveX's own


def test_outside_a_run_all_are_subscribed_before_the_first_is_told():
    """Without a run's gate, streams made of links wait for the trampoline, as all others do."""

    def heard(flat_map, merge):
        told, trigger, echo = [], rx.Subject(), rx.Subject()
        inner = merge(rx.of(1, 2).pipe(rxo.do_action(echo.on_next)), echo)
        trigger.pipe(flat_map(lambda _: inner)).subscribe(told.append)
        trigger.on_next("go")
        return told

    assert heard(rxo.flat_map, rx.merge) == heard(stream_ops.flat_map, merge) == [1, 1, 2, 2]


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
    """Draw when a source tells which items, and perhaps an end; sometimes it goes on after that."""
    signs = draw(st.lists(st.one_of(ITEMS, ITEMS, st.sampled_from(ENDS)), max_size=5))
    return [(draw(st.integers(1, 9)), sign) for sign in signs]


def cold(row, name):
    """Return a cold source of a row; no two names share an instant."""

    def subscribe(observer, scheduler=None):
        return CompositeDisposable(
            [
                scheduler.schedule_relative(
                    due + 2.0 ** -(name + 2), lambda *_, sign=sign: tell(observer, sign)
                )
                for due, sign in row
            ]
        )

    return opened(rx.Observable(subscribe))


def heard(whose, row, stages, until):
    """Return what a pipeline tells, when, and how often it has subscribed to each source."""
    told = []
    with VirtualScheduler() as scheduler:
        stream, ledger = cold(row, 0)
        ledgers = [ledger]
        for place, (stage, other) in enumerate(stages, 1):
            beside, ledger = cold(other, place)
            ledgers.append(ledger)
            stream = stream.pipe(OURS_AND_THEIRS[stage][whose](beside))
        subscription = stream.subscribe(
            lambda item: told.append((scheduler.clock, item)),
            lambda error: told.append((scheduler.clock, repr(error))),
            lambda: told.append((scheduler.clock, "|")),
            scheduler=scheduler,
        )
        scheduler.advance_to(until)
        now = [ledger.open for ledger in ledgers]
        subscription.dispose()
        assert {0} == {ledger.open for ledger in ledgers}
        scheduler.run()
    return told, now, [ledger.subscribed for ledger in ledgers]


def test_every_operator_of_ours_is_compared():
    """The law below covers all operators of `streams.operators`."""
    assert [] == [name for name in stream_ops.__all__ if name not in OURS_AND_THEIRS]


STAGES = st.sampled_from(sorted(OURS_AND_THEIRS))


@settings(max_examples=400)
@given(rows(), st.lists(st.tuples(STAGES, rows()), min_size=1, max_size=4), st.integers(1, 40))
def test_our_operators_do_what_those_of_reactivex_do(row, stages, until):
    """In any pipeline ours emit and hold what ReactiveX's do, and subscribe no more often."""
    # Asked again by `retry`, theirs that are shared may repeat the error, and not ask the source.
    assume(not {"share", "retry"} <= {stage for stage, _ in stages})

    theirs, open_of_theirs, asked_by_theirs = heard(1, row, stages, until)
    ours, open_of_ours, asked_by_ours = heard(0, row, stages, until)
    assert (theirs, open_of_theirs) == (ours, open_of_ours)
    # Theirs subscribe to the other stream of `with_latest_from` after its first item only.
    names = ["", *(stage for stage, _ in stages)]
    assert all(
        name == "with_latest_from" or of_theirs >= of_ours
        for name, of_theirs, of_ours in zip(names, asked_by_theirs, asked_by_ours, strict=True)
    )
