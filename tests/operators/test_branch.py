"""Branches: one subscription, and several pipelines that drink from it."""

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo
from reactivex.disposable import Disposable

from rxagent import operators as ops
from rxagent.streams import each, from_async, from_worker, run_scoped
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.ledger import opened


def tens(source):
    """Emit ten times each item."""
    return source.pipe(rxo.map(lambda item: item * 10))


def summed(source):
    """Emit the sum, at the end."""
    return source.pipe(rxo.sum())


def at_once(*items):
    """Return a stream that emits while it is subscribed to."""

    def subscribe(observer, _=None):
        for item in items:
            observer.on_next(item)
        observer.on_completed()
        return Disposable()

    return rx.Observable(subscribe)


SOURCES = {
    "of ReactiveX": rx.of,
    "at once": at_once,
    "on a worker": lambda *items: from_worker(lambda: items),
    "on the loop": lambda *items: from_async(lambda: _items(items)),
}


async def _items(items):
    for item in items:
        yield item


@pytest.mark.parametrize("of", SOURCES.values(), ids=SOURCES)
def test_an_item_passes_before_what_is_made_of_it(of):
    """Each item is passed on first, then to each operator, in their order."""
    stream = of(1, 2, 3).pipe(ops.branch(tens, lambda source: source.pipe(rxo.map(str)), summed))

    assert [1, 10, "1", 2, 20, "2", 3, 30, "3", 6] == list(each(stream))


@pytest.mark.parametrize("of", SOURCES.values(), ids=SOURCES)
def test_the_source_is_subscribed_once(of):
    """However many operators there are, the source is opened once, and disposed once."""
    source, ledger = opened(of(1, 2))

    assert [1, 10, 10, 2, 20, 20] == list(each(source.pipe(ops.branch(tens, tens))))

    ledger.wait_disposed()
    assert (1, 1) == (ledger.subscribed, ledger.disposed)


def test_without_operators_the_stream_passes():
    """No branch is a stream as it was."""
    assert [1, 2] == rx.of(1, 2).pipe(ops.branch(), rxo.to_list()).run()


def test_branches_are_ready_before_the_first_item():
    """All operators are subscribed before the source is."""
    order = []
    source = rx.defer(lambda _: order.append("source") or rx.empty())

    def branch(name):
        return lambda trunk: rx.defer(lambda _: order.append(name) or trunk)

    source.pipe(ops.branch(branch("a"), branch("b"))).subscribe()

    assert ["a", "b", "source"] == order


def test_the_end_waits_for_what_branches_still_do():
    """A branch may go on after the source has ended; the end is that of the last."""
    received = []
    with VirtualScheduler() as scheduler:
        late = ops.branch(lambda source: source.pipe(rxo.flat_map(lambda _: rx.timer(5))))
        rx.of("a").pipe(late).subscribe(
            lambda item: received.append((scheduler.clock, item)),
            on_completed=lambda: received.append((scheduler.clock, "|")),
            scheduler=scheduler,
        )
        scheduler.run()

    assert [(0, "a"), (5, 0), (5, "|")] == received


def test_a_branch_may_end_early():
    """A branch that has enough receives no more, and the others go on."""
    observed = []
    first = ops.branch(
        lambda source: source.pipe(rxo.do_action(observed.append), rxo.take(1)), tens
    )

    assert [1, 1, 10, 2, 20] == rx.of(1, 2).pipe(first, rxo.to_list()).run()
    assert [1] == observed


@pytest.mark.parametrize("at", range(3))
def test_the_error_of_the_source_passes(at):
    """An error comes once, after the items before it; branches need not take it."""
    received = []
    source = rx.concat(rx.of(*range(at)), rx.throw(LookupError()))

    source.pipe(ops.branch(summed)).subscribe(received.append, received.append)

    assert list(range(at)) == received[:-1]
    assert LookupError is type(received[-1])


@pytest.mark.parametrize("failing", range(3))
def test_the_error_of_a_branch_ends_all(failing):
    """When a branch fails, the source and the other branches are disposed."""
    ledgers, received = [], []

    def branch(place):
        def lasting(trunk):
            made = rx.throw(LookupError()) if place == failing else rx.merge(trunk, rx.never())
            stream, ledger = opened(made)
            ledgers.append(ledger)
            return stream

        return lasting

    source, ledger = opened(rx.never())
    source.pipe(ops.branch(*map(branch, range(3)))).subscribe(received.append, received.append)

    assert [LookupError] == [type(error) for error in received]
    assert [0, 0, 0, 0] == [ledger.open for ledger in (ledger, *ledgers)]


def test_an_operator_that_raises_opens_nothing():
    """When an operator cannot be applied, neither the source nor another branch is opened."""
    source, ledger = opened(rx.never())
    branch, other = opened(rx.never())
    errors = []

    source.pipe(ops.branch(lambda _: branch, lambda _: 1 / 0)).subscribe(on_error=errors.append)

    assert [ZeroDivisionError] == [type(error) for error in errors]
    assert (0, 0) == (ledger.subscribed, other.subscribed)


@pytest.mark.parametrize("position", range(9))
def test_leaving_at_each_item(position):
    """After disposal at an item nothing is emitted, and everything is disposed."""
    ledgers, received = [], []

    def watched(stream):
        stream, ledger = opened(stream)
        ledgers.append(ledger)
        return stream

    async def items():
        for item in (1, 2, 3):
            yield item

    with VirtualScheduler() as scheduler:
        branches = [lambda trunk: watched(tens(trunk)), lambda trunk: watched(tens(trunk))]
        stream = run_scoped(watched(from_async(items)).pipe(ops.branch(*branches)))
        stream.pipe(rxo.take(position + 1)).subscribe(received.append, scheduler=scheduler)
        scheduler.run()

    assert [1, 10, 10, 2, 20, 20, 3, 30, 30][: position + 1] == received
    assert 3 == len(ledgers)
    assert [(1, 1)] * 3 == [(ledger.subscribed, ledger.disposed) for ledger in ledgers]


def test_no_lock_is_held_while_emitting():
    """An observer may feed the source from within, and subscribe to the same stream."""
    subject = rx.Subject()
    stream, received, again = subject.pipe(ops.branch(tens)), [], []

    def on_next(item):
        received.append(item)
        if item == 1:
            stream.subscribe(again.append)
            subject.on_next(2)

    stream.subscribe(on_next)
    subject.on_next(1)

    assert [1, 2, 20, 10] == received
    assert [2, 20] == again


@given(st.lists(st.integers(), max_size=10), st.integers(0, 5))
def test_nothing_is_lost(items, branches):
    """Every item comes once as it is, and once of each branch."""
    received = rx.from_iterable(items).pipe(ops.branch(*[tens] * branches), rxo.to_list()).run()

    assert [each for item in items for each in (item, *[item * 10] * branches)] == received
