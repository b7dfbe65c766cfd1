"""Lean operators: what they emit, and when they let go."""

import pytest
from reactivex import operators as rxo

from rxagent.streams import lean
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
        m.expect(m.cold(row).pipe(lean.start_with("z"))).to_be(told)


def test_who_is_content_with_the_first_item_leaves_the_source_alone():
    """Disposing at the item that start_with emits never subscribes to the source."""
    with marbles(**LETTERS) as m:
        source = m.cold("a|")
        m.expect(source.pipe(lean.start_with("z"), rxo.take(1))).to_be("(z|)")
        m.expect(source).to_be_subscribed()


@pytest.mark.parametrize(
    ("row", "told"), [("a-b--|", "-----(c|)"), ("|", "(d|)"), ("a--#", "---#"), ("a--", "---")]
)
def test_reduce_emits_once_at_the_end(row, told):
    """What all items come to is emitted when they have completed, and nothing if they fail."""
    with marbles(**LETTERS, error=FAULT, c="ab", d="") as m:
        joined = m.cold(row).pipe(lean.reduce(lambda text, piece: text + piece, ""))
        m.expect(joined).to_be(told)


def test_a_fold_that_raises_ends_the_stream():
    """What the fold raises is the error, and the source is let go."""
    with marbles(**LETTERS, error=TypeError(UNJOINED), n=1) as m:
        source = m.cold("-a-n-a|")
        m.expect(source.pipe(lean.reduce(lambda text, piece: text + piece, ""))).to_be("---#")
        m.expect(source).to_be_subscribed("^--!")


def test_flat_map_emits_side_by_side():
    """Streams made of the items go on beside each other, and the last to complete ends all."""
    with marbles(**LETTERS) as m:
        one, other = m.cold("x---x|"), m.cold("-y--y|")
        source = m.cold("ab|")
        streams = {"a": one, "b": other}
        m.expect(source.pipe(lean.flat_map(streams.get))).to_be("x-y-xy|")
        m.expect(one).to_be_subscribed("^----!")
        m.expect(other).to_be_subscribed("-^----!")


def test_a_failing_stream_ends_its_siblings():
    """The first error is passed on, and all others are disposed at that moment."""
    with marbles(**LETTERS, error=FAULT) as m:
        one, other = m.cold("x-----|"), m.cold("-y#")
        source = m.cold("ab--|")
        m.expect(source.pipe(lean.flat_map({"a": one, "b": other}.get))).to_be("x-y#")
        m.expect(one).to_be_subscribed("^--!")
        m.expect(source).to_be_subscribed("^--!")


def test_a_projection_that_raises_ends_all():
    """What the projection raises is the error, and streams made before are disposed."""
    with marbles(**LETTERS, error=KeyError("b")) as m:
        one = m.cold("x-----|")
        source = m.cold("a-b--|")
        m.expect(source.pipe(lean.flat_map({"a": one}.__getitem__))).to_be("x-#")
        m.expect(one).to_be_subscribed("^-!")
        m.expect(source).to_be_subscribed("^-!")


def test_disposing_flat_map_disposes_all():
    """Who lets go of the whole lets go of the source and of each stream, once."""
    with marbles(**LETTERS) as m:
        one = m.cold("x-----|")
        source = m.cold("a-----|")
        m.expect(source.pipe(lean.flat_map({"a": one}.get), rxo.take_until(m.hot("---z")))).to_be(
            "x--|"
        )
        m.expect(one).to_be_subscribed("^--!")
        m.expect(source).to_be_subscribed("^--!")


@pytest.mark.parametrize(
    ("row", "told"), [("-a-b|", "-x-y|"), ("-z-|", "-#"), ("|", "|"), ("-a#", "-x#")]
)
def test_map_emits_what_is_made_of_each_item(row, told):
    """Each item is projected when it comes; what the projection raises is the error."""
    with marbles(**LETTERS, error=KeyError("z")) as m:
        m.expect(m.cold(row).pipe(lean.map({"a": "x", "b": "y"}.__getitem__))).to_be(told)


def test_just_emits_at_once():
    """An item and the end, in the moment of subscribing."""
    with marbles(**LETTERS) as m:
        m.expect(lean.just("a")).to_be("(a|)")


def test_with_latest_pairs_each_item():
    """Each item comes with what the other has emitted last, a default before that."""
    with marbles(**LETTERS, p=("a", "z"), q=("b", "x"), r=("a", "y")) as m:
        source, other = m.cold("a-b-a|"), m.cold("-x-y-------|")
        m.expect(source.pipe(lean.with_latest(other, "z"))).to_be("p-q-r|")
        m.expect(source).to_be_subscribed("^----!")
        m.expect(other).to_be_subscribed("^----!")


def test_with_latest_fails_with_the_other():
    """An error of the other ends the whole, and the source is let go."""
    with marbles(**LETTERS, p=("a", "z"), error=FAULT) as m:
        source = m.cold("a----|")
        m.expect(source.pipe(lean.with_latest(m.cold("--#"), "z"))).to_be("p-#")
        m.expect(source).to_be_subscribed("^-!")


def test_catch_goes_on_with_what_is_made_of_the_error():
    """The handler's stream takes the place of the error, and its own error is not caught."""
    with marbles(**LETTERS, error=FAULT) as m:
        other = m.cold("-b-#")
        m.expect(m.cold("-a#").pipe(lean.catch(lambda _: other))).to_be("-a-b-#")
        m.expect(other).to_be_subscribed("--^--!")


def test_a_handler_that_raises_ends_the_stream():
    """What the handler of catch raises is the error."""
    raised = TypeError("no")

    def handler(_):
        raise raised

    with marbles(**LETTERS, error=FAULT, e=raised) as m:
        m.expect(m.cold("-a#").pipe(lean.catch(handler))).to_be("-ae")


def test_disposing_catch_disposes_what_goes_on():
    """Whether the source or what replaced it is told, disposing lets go of it."""
    with marbles(**LETTERS, error=FAULT) as m:
        source, other = m.cold("-a#"), m.cold("-b-----|")
        caught = source.pipe(lean.catch(lambda _: other))
        m.expect(caught).to_be("-a-b", "^---!")
        m.expect(source).to_be_subscribed("^-!")
        m.expect(other).to_be_subscribed("--^-!")
