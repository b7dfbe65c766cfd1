"""Our operators, where the law that compares them with ReactiveX's in test_sink says nothing."""

import pytest
import reactivex as rx
from reactivex import operators as rxo
from reactivex.disposable import Disposable
from reactivex.subject import Subject

from rxagent.streams import from_async, from_worker, merge
from rxagent.streams import operators as stream_ops
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.ledger import opened
from rxagent.testing.marbles import marbles

from .recorder import Recorder


def test_start_with_emits_before_it_subscribes():
    """A subscriber that disposes at the first item of start_with never opens the source."""
    with marbles(a="a", z="z") as m:
        source = m.cold("a|")
        m.expect(source.pipe(stream_ops.start_with("z"), rxo.take(1))).to_be("(z|)")
        m.expect(source).to_be_subscribed()


@pytest.mark.parametrize("items", [(), (1,), (1, 2, 3)])
def test_of_emits_its_items_on_subscribe(items):
    """All items and the end are emitted before `subscribe` returns, each time again."""
    received, stream = [], stream_ops.of(*items)
    for _ in range(2):
        stream.subscribe(received.append, on_completed=lambda: received.append("end"))
    assert [*items, "end"] * 2 == received


def received_from(stream):
    """Return all that a stream emits in virtual time, with the seconds."""
    received = []
    with VirtualScheduler() as scheduler:
        stream.subscribe(
            lambda item: received.append((scheduler.clock, item)),
            lambda error: received.append((scheduler.clock, type(error))),
            lambda: received.append((scheduler.clock, "|")),
            scheduler=scheduler,
        )
        scheduler.run()
    return received


def test_sources_of_all_kinds_are_merged():
    """Sources that emit at once, on a worker or on the loop are merged alike."""

    async def letters():
        yield "a"
        yield "b"

    stream = merge(rx.of(1, 2), from_async(letters), from_worker(lambda: "xy"), rx.empty())

    items = [item for _, item in received_from(stream)]
    assert "|" == items.pop()
    assert {1, 2, "a", "b", "x", "y"} == set(items)


def test_merging_nothing_completes():
    """Without any source, merge completes at once."""
    assert [(0, "|")] == received_from(merge())


def failing(observer, _=None):
    """Fail while being subscribed to."""
    observer.on_error(LookupError())
    return Disposable()


@pytest.mark.parametrize("fault", [rx.throw(LookupError()), rx.Observable(failing)])
@pytest.mark.parametrize("position", range(3))
def test_the_first_error_ends_all_merged(fault, position):
    """An error at once disposes the sources before it, and those after it."""
    others, ledgers = zip(*(opened(rx.never()) for _ in range(2)), strict=True)

    assert [(0, LookupError)] == received_from(merge(*others[:position], fault, *others[position:]))
    assert [0, 0] == [ledger.open for ledger in ledgers]


def test_no_source_is_subscribed_after_an_error_on_subscribe():
    """After a source has failed while it was subscribed to, the next is not subscribed to."""
    after, ledger = opened(rx.never())

    assert [(0, LookupError)] == received_from(merge(rx.Observable(failing), after))
    assert 0 == ledger.subscribed


def test_leaving_merge_within_a_source():
    """A subscriber may dispose while a source that emits at once is emitting."""
    stream = merge(rx.of(1, 2, 3), rx.never()).pipe(rxo.take(2))
    assert [(0, 1), (0, 2), (0, "|")] == received_from(stream)


def test_merge_holds_no_lock_while_emitting():
    """An observer may subscribe to the same merged stream, and emit into its sources."""
    subject = Subject()
    stream = merge(subject, subject.pipe(rxo.map(lambda item: -item)))
    inner, outer = Recorder(), Recorder()

    def again(item):
        if item == 1:
            stream.subscribe(inner)
            subject.on_next(5)

    outer._on_next = again
    stream.subscribe(outer)
    subject.on_next(1)

    assert sorted([1, -1, 5, -5]) == sorted(outer.items)
    assert {5, -5} <= set(inner.items)


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_stream_uses_is_disposed_before_its_end_is_seen(fails):
    """Each subscription opens its own, and the next run finds it closed."""
    happened, source = [], Subject()

    def open():
        happened.append("opened")
        return Disposable(lambda: happened.append("closed"))

    stream = stream_ops.using(open, lambda _: source)
    assert [] == happened
    stream.subscribe(
        happened.append, lambda _: happened.append("end"), lambda: happened.append("end")
    )
    source.on_next(1)
    if fails:
        source.on_error(ValueError())
    else:
        source.on_completed()

    assert ["opened", 1, "closed", "end"] == happened


def test_what_a_stream_uses_is_disposed_once_after_the_stream():
    """Disposing hangs up on the stream first."""
    happened = []
    source = rx.create(lambda *_: Disposable(lambda: happened.append("hung up")))
    opened_thing = Disposable(lambda: happened.append("closed"))
    subscription = stream_ops.using(lambda: opened_thing, lambda _: source).subscribe()
    subscription.dispose()
    subscription.dispose()

    assert ["hung up", "closed"] == happened


def test_then_makes_its_stream_when_the_source_has_completed():
    """Not before, and not at all if the source fails or the making does."""
    made, received, source = [], [], Subject()

    def make():
        made.append(1)
        return rx.of("z")

    source.pipe(stream_ops.then(make)).subscribe(received.append)
    source.on_next("a")
    assert [] == made
    source.on_completed()
    assert ["a", "z"] == received

    errors = []
    rx.throw(ValueError()).pipe(stream_ops.then(make)).subscribe(None, errors.append)
    rx.empty().pipe(stream_ops.then(lambda: 1 / 0)).subscribe(None, errors.append)
    assert [1] == made
    assert [ValueError, ZeroDivisionError] == list(map(type, errors))
