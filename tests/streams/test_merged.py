"""Merging without a lock: all sources, in their order, until all have ended or one has failed."""

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo
from reactivex.disposable import Disposable
from reactivex.subject import Subject

from rxagent.streams import from_async, from_worker, merged
from rxagent.testing.clock import VirtualHome
from rxagent.testing.ledger import opened

from .told import Told


def ticks(name, *dues):
    """Return a stream that emits its name at some seconds."""
    return rx.merge(*map(rx.timer, dues)).pipe(rxo.map(lambda _: name))


def heard(stream, until=None):
    """Return all that a stream tells in virtual time, with the seconds."""
    told = []
    with VirtualHome() as home:
        subscription = stream.subscribe(
            lambda item: told.append((home.clock, item)),
            lambda error: told.append((home.clock, type(error))),
            lambda: told.append((home.clock, "|")),
            scheduler=home,
        )
        if until is not None:
            home.advance_to(until)
            subscription.dispose()
        home.run()
    return told


def test_items_come_as_they_are_emitted():
    """Items of all sources come in the order of their times; the end is that of the last."""
    stream = merged(ticks("a", 1, 4), ticks("b", 2), ticks("c", 3, 5))

    assert [(1, "a"), (2, "b"), (3, "c"), (4, "a"), (5, "c"), (5, "|")] == heard(stream)


def test_sources_of_all_kinds_are_merged():
    """What emits at once, on a worker or on the loop is merged alike."""

    async def letters():
        yield "a"
        yield "b"

    stream = merged(rx.of(1, 2), from_async(letters), from_worker(lambda: "xy"), rx.empty())

    told = [item for _, item in heard(stream)]
    assert "|" == told.pop()
    assert {1, 2, "a", "b", "x", "y"} == set(told)


def test_nothing_merged_is_empty():
    """No source at all completes at once."""
    assert [(0, "|")] == heard(merged())


@pytest.mark.parametrize("failing", range(3))
def test_the_first_error_ends_all(failing):
    """When one fails, the others are disposed, and those not begun are not subscribed."""
    ledgers, streams = [], []
    for place in range(3):
        stream = rx.throw(LookupError()) if place == failing else rx.never()
        watched, ledger = opened(stream)
        streams.append(watched)
        ledgers.append(ledger)

    assert [(0, LookupError)] == heard(merged(*streams))
    assert [0, 0, 0] == [ledger.open for ledger in ledgers]


def test_what_fails_while_it_is_subscribed_ends_all():
    """After an error at once, no other source is subscribed."""

    def fail(observer, _):
        observer.on_error(LookupError())
        return Disposable()

    after, ledger = opened(rx.never())

    assert [(0, LookupError)] == heard(merged(rx.Observable(fail), after))
    assert 0 == ledger.subscribed


@pytest.mark.parametrize("until", [0.5, 1.5, 2.5, 3.5])
def test_disposing_lets_go_of_all(until):
    """Whenever it is disposed, all sources are, and nothing follows."""
    sources = [ticks("a", 1, 3), ticks("b", 2)]
    streams, ledgers = zip(*map(opened, sources), strict=True)

    told = heard(merged(*streams), until)

    assert [] == [item for item in told if item[0] > until]
    assert [(1, 1)] * 2 == [(ledger.subscribed, ledger.disposed) for ledger in ledgers]


def test_leaving_from_within():
    """A subscriber that has enough leaves in the midst of a source that emits at once."""
    assert [(0, 1), (0, 2), (0, "|")] == heard(merged(rx.of(1, 2, 3), rx.never()).pipe(rxo.take(2)))


def test_no_lock_is_held_while_emitting():
    """An observer may subscribe to the same merged stream, and emit into its sources."""
    subject = Subject()
    stream = merged(subject, subject.pipe(rxo.map(lambda item: -item)))
    inner, outer = Told(), Told()

    def again(item):
        if item == 1:
            stream.subscribe(inner)
            subject.on_next(5)

    outer._on_next = again
    stream.subscribe(outer)
    subject.on_next(1)

    assert sorted([1, -1, 5, -5]) == sorted(outer.items)
    assert {5, -5} <= set(inner.items)


@given(st.lists(st.lists(st.integers(1, 9), max_size=4), max_size=4))
def test_nothing_is_lost(dues):
    """For all times, every item comes at its time, and the end is told once."""
    streams = [ticks(place, *times) for place, times in enumerate(dues)]

    told = heard(merged(*streams))

    expected = [(due, place) for place, times in enumerate(dues) for due in times]
    assert sorted(expected) == sorted(told[:-1])
    assert (max([0, *(due for due, _ in expected)]), "|") == told[-1]
