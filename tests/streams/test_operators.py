"""Lean operators: what they emit, and when they let go."""

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo
from reactivex.disposable import Disposable
from reactivex.subject import Subject

from rxagent.streams import from_async, from_worker, merge
from rxagent.streams import operators as stream_ops
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.ledger import opened
from rxagent.testing.marbles import marbles

from .recorder import Recorder

FAULT = ValueError("no")
UNJOINED = 'can only concatenate str (not "int") to str'
LETTERS = {letter: letter for letter in "abxyz"}


@pytest.mark.parametrize(
    ("row", "told"),
    [("-a-b-|", "za-b-|"), ("|", "(z|)"), ("#", "(z#)"), ("-a-#", "za-#"), ("---", "z--")],
)
def test_start_with_emits_its_item_and_then_the_source(row, told):
    """The item comes at once, and the source is subscribed to in the same moment."""
    with marbles(**LETTERS, error=FAULT) as m:
        m.expect(m.cold(row).pipe(stream_ops.start_with("z"))).to_be(told)


def test_who_is_content_with_the_first_item_leaves_the_source_alone():
    """Disposing at the item that start_with emits never subscribes to the source."""
    with marbles(**LETTERS) as m:
        source = m.cold("a|")
        m.expect(source.pipe(stream_ops.start_with("z"), rxo.take(1))).to_be("(z|)")
        m.expect(source).to_be_subscribed()


@pytest.mark.parametrize(
    ("row", "told"), [("a-b--|", "-----(c|)"), ("|", "(d|)"), ("a--#", "---#"), ("a--", "---")]
)
def test_reduce_emits_once_at_the_end(row, told):
    """What all items come to is emitted when they have completed, and nothing if they fail."""
    with marbles(**LETTERS, error=FAULT, c="ab", d="") as m:
        joined = m.cold(row).pipe(stream_ops.reduce(lambda text, piece: text + piece, ""))
        m.expect(joined).to_be(told)


def test_a_fold_that_raises_ends_the_stream():
    """What the fold raises is the error, and the source is let go."""
    with marbles(**LETTERS, error=TypeError(UNJOINED), n=1) as m:
        source = m.cold("-a-n-a|")
        m.expect(source.pipe(stream_ops.reduce(lambda text, piece: text + piece, ""))).to_be("---#")
        m.expect(source).to_be_subscribed("^--!")


def test_flat_map_emits_side_by_side():
    """Streams made of the items go on beside each other, and the last to complete ends all."""
    with marbles(**LETTERS) as m:
        one, other = m.cold("x---x|"), m.cold("-y--y|")
        source = m.cold("ab|")
        streams = {"a": one, "b": other}
        m.expect(source.pipe(stream_ops.flat_map(streams.get))).to_be("x-y-xy|")
        m.expect(one).to_be_subscribed("^----!")
        m.expect(other).to_be_subscribed("-^----!")


def test_a_failing_stream_ends_its_siblings():
    """The first error is passed on, and all others are disposed at that moment."""
    with marbles(**LETTERS, error=FAULT) as m:
        one, other = m.cold("x-----|"), m.cold("-y#")
        source = m.cold("ab--|")
        m.expect(source.pipe(stream_ops.flat_map({"a": one, "b": other}.get))).to_be("x-y#")
        m.expect(one).to_be_subscribed("^--!")
        m.expect(source).to_be_subscribed("^--!")


def test_a_projection_that_raises_ends_all():
    """What the projection raises is the error, and streams made before are disposed."""
    with marbles(**LETTERS, error=KeyError("b")) as m:
        one = m.cold("x-----|")
        source = m.cold("a-b--|")
        m.expect(source.pipe(stream_ops.flat_map({"a": one}.__getitem__))).to_be("x-#")
        m.expect(one).to_be_subscribed("^-!")
        m.expect(source).to_be_subscribed("^-!")


def test_disposing_flat_map_disposes_all():
    """Who lets go of the whole lets go of the source and of each stream, once."""
    with marbles(**LETTERS) as m:
        one = m.cold("x-----|")
        source = m.cold("a-----|")
        m.expect(
            source.pipe(stream_ops.flat_map({"a": one}.get), rxo.take_until(m.hot("---z")))
        ).to_be("x--|")
        m.expect(one).to_be_subscribed("^--!")
        m.expect(source).to_be_subscribed("^--!")


@pytest.mark.parametrize(
    ("row", "other", "told"),
    [
        ("-a-b-|", "--x----", "-a-b-|"),
        ("-a-b-|", "|", "-a-c-|"),
        ("-a-b-|", "--#", "-a#"),
        ("-a-#", "----x-", "-a-#"),
        ("|", "x-", "|"),
    ],
)
def test_with_latest_from_tells_each_item_with_what_the_other_told_last(row, other, told):
    """Before there is anything it is the first; the other's end changes nothing, its error all."""
    with marbles(error=FAULT, c="c", **LETTERS) as m:
        pairs = m.cold(row).pipe(stream_ops.with_latest_from(m.cold(other), "z"))
        named = {("a", "z"): "a", ("b", "x"): "b", ("b", "z"): "c"}
        m.expect(pairs.pipe(rxo.map(named.get))).to_be(told)


@pytest.mark.parametrize("row", ["-a-b-|", "-a-#", "|"])
def test_with_latest_from_lets_go_of_both(row):
    """When the source has ended, the other is disposed."""
    with marbles(error=FAULT, **LETTERS) as m:
        source, other = m.cold(row), m.cold("--x-y-x-y-x")
        m.expect(source.pipe(stream_ops.with_latest_from(other, "z"), rxo.ignore_elements())).to_be(
            "-" * (len(row) - 1) + row[-1]
        )
        m.expect(other).to_be_subscribed("^" + "-" * (len(row) - 2) + "!" if row[1:] else "(^!)")


def test_of_emits_its_items_as_soon_as_somebody_subscribes():
    """All is told before `subscribe` returns, each time anew; with no items only the end."""
    for items in [(), (1,), (1, 2, 3)]:
        told, stream = [], stream_ops.of(*items)
        for _ in range(2):
            stream.subscribe(told.append, on_completed=lambda told=told: told.append("end"))
        assert [*items, "end"] * 2 == told


@pytest.mark.parametrize(
    ("row", "told", "while_"),
    [("-a-b-|", "-x-y-|", "^----!"), ("-a-#", "-x-#", "^--!"), ("-z-a|", "-#", "^!")],
)
def test_map_emits_what_a_function_makes_of_each_item(row, told, while_):
    """What the function raises ends the stream, and lets go of the source."""

    def made(item):
        if item == "z":
            raise FAULT
        return {"a": "x", "b": "y"}[item]

    with marbles(error=FAULT, **LETTERS) as m:
        source = m.cold(row)
        m.expect(source.pipe(stream_ops.map(made))).to_be(told)
        m.expect(source).to_be_subscribed(while_)


@pytest.mark.parametrize(
    ("row", "other", "told"),
    [
        ("-a-|", "-b|", "-a-|"),
        ("-a-#", "-b|", "-a--b|"),
        ("#", "-b-#", "-b-#"),
        ("-a-#", "(b|)", "-a-(b|)"),
    ],
)
def test_catch_goes_on_with_another_stream_when_the_source_fails(row, other, told):
    """An error is caught once; that of the other stream passes."""
    with marbles(error=FAULT, **LETTERS) as m:
        m.expect(m.cold(row).pipe(stream_ops.catch(lambda _: m.cold(other)))).to_be(told)


def test_what_the_handler_of_catch_raises_takes_the_place_of_the_error():
    """Who handles an error may raise another, which the next one catches."""
    caught = []

    def handle(error):
        raise KeyError("another") from error

    def note(error):
        caught.append(error)
        return stream_ops.of("x")

    with marbles(error=FAULT, **LETTERS) as m:
        m.expect(m.cold("-a-#").pipe(stream_ops.catch(handle), stream_ops.catch(note))).to_be(
            "-a-(x|)"
        )
    assert [KeyError] == [type(error) for error in caught]
    assert FAULT is caught[0].__cause__


def ticks(name, *dues):
    """Return a stream that emits its name at some seconds."""
    return rx.merge(*map(rx.timer, dues)).pipe(rxo.map(lambda _: name))


def heard(stream, until=None):
    """Return all that a stream tells in virtual time, with the seconds."""
    told = []
    with VirtualScheduler() as scheduler:
        subscription = stream.subscribe(
            lambda item: told.append((scheduler.clock, item)),
            lambda error: told.append((scheduler.clock, type(error))),
            lambda: told.append((scheduler.clock, "|")),
            scheduler=scheduler,
        )
        if until is not None:
            scheduler.advance_to(until)
            subscription.dispose()
        scheduler.run()
    return told


def test_items_come_as_they_are_emitted():
    """Items of all sources come in the order of their times; the end is that of the last."""
    stream = merge(ticks("a", 1, 4), ticks("b", 2), ticks("c", 3, 5))

    assert [(1, "a"), (2, "b"), (3, "c"), (4, "a"), (5, "c"), (5, "|")] == heard(stream)


def test_sources_of_all_kinds_are_merged():
    """What emits at once, on a worker or on the loop is merged alike."""

    async def letters():
        yield "a"
        yield "b"

    stream = merge(rx.of(1, 2), from_async(letters), from_worker(lambda: "xy"), rx.empty())

    told = [item for _, item in heard(stream)]
    assert "|" == told.pop()
    assert {1, 2, "a", "b", "x", "y"} == set(told)


def test_nothing_merged_is_empty():
    """No source at all completes at once."""
    assert [(0, "|")] == heard(merge())


@pytest.mark.parametrize("failing", range(3))
def test_the_first_error_ends_all(failing):
    """When one fails, the others are disposed, and those not begun are not subscribed."""
    ledgers, streams = [], []
    for place in range(3):
        stream = rx.throw(LookupError()) if place == failing else rx.never()
        watched, ledger = opened(stream)
        streams.append(watched)
        ledgers.append(ledger)

    assert [(0, LookupError)] == heard(merge(*streams))
    assert [0, 0, 0] == [ledger.open for ledger in ledgers]


def test_what_fails_while_it_is_subscribed_ends_all():
    """After an error at once, no other source is subscribed."""

    def fail(observer, _):
        observer.on_error(LookupError())
        return Disposable()

    after, ledger = opened(rx.never())

    assert [(0, LookupError)] == heard(merge(rx.Observable(fail), after))
    assert 0 == ledger.subscribed


@pytest.mark.parametrize("until", [0.5, 1.5, 2.5, 3.5])
def test_disposing_lets_go_of_all(until):
    """Whenever it is disposed, all sources are, and nothing follows."""
    sources = [ticks("a", 1, 3), ticks("b", 2)]
    streams, ledgers = zip(*map(opened, sources), strict=True)

    told = heard(merge(*streams), until)

    assert [] == [item for item in told if item[0] > until]
    assert [(1, 1)] * 2 == [(ledger.subscribed, ledger.disposed) for ledger in ledgers]


def test_leaving_from_within():
    """A subscriber that has enough leaves in the midst of a source that emits at once."""
    assert [(0, 1), (0, 2), (0, "|")] == heard(merge(rx.of(1, 2, 3), rx.never()).pipe(rxo.take(2)))


def test_no_lock_is_held_while_emitting():
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


@given(st.lists(st.lists(st.integers(1, 9), max_size=4), max_size=4))
def test_nothing_is_lost(dues):
    """For all times, every item comes at its time, and the end is told once."""
    streams = [ticks(place, *times) for place, times in enumerate(dues)]

    told = heard(merge(*streams))

    expected = [(due, place) for place, times in enumerate(dues) for due in times]
    assert sorted(expected) == sorted(told[:-1])
    assert (max([0, *(due for due, _ in expected)]), "|") == told[-1]
