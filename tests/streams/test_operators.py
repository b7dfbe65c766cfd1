"""Lean operators: what they emit, and when they let go."""

import pytest
from reactivex import operators as rxo

from rxagent.streams import operators as stream_ops
from rxagent.testing.marbles import marbles

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
