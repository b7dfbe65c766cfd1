"""Rewriting the row `out:`, so that the picture is true again."""

from textwrap import dedent

import pytest

from rxagent.errors import MarbleSyntaxError
from rxagent.testing.marbles import parse, perform, report, updated

FALSE = {
    "bound letters": ("a:   -x-y-|", "> a", "out: -x-y-|"),
    "texts": ("a:   'Hel'-'lo'|", "> a", "out: 'Hel'-'lo'|"),
    "texts without room": ("a:   (x'y'|)", "> a", "out: (x'y'|)"),
    "an error": ("a:   -#", "> a", "out: -#"),
    "groups": ("a:   -(xy)-x", "> a", "out: -(xy)-x"),
    "silence": ("a:   -", "> a", "out: -"),
    "texts closer than they are wide": (
        "a:   xyx|",
        "> a.pipe(rxo.map(lambda it: events.TextDelta('Hello')))",
        "out: ddd|",
    ),
}


@pytest.mark.parametrize(("row", "pipeline", "out"), FALSE.values(), ids=FALSE.keys())
def test_an_updated_picture_is_true(row, pipeline, out):
    """The new row stands where the old one did, says what comes, and needs no second update."""
    text = f"{row}\n{pipeline}\nout: ---x\nx = Usage(1, 1)\ny = Usage(2, 2)\n! = KeyError('k')\n"
    diagram = parse(text)
    new = updated(diagram, perform(diagram).notes)

    again = parse(new)
    outcome = perform(again)
    assert out in new.split("\n")
    assert "" == report(again, outcome)
    assert new == updated(again, outcome.notes)


def test_new_values_are_bound_to_new_letters():
    """What no letter means yet is written at the end of the file."""
    diagram = parse(
        dedent("""\
        # A title stays.

        a:   -b-#
        > a.pipe(ops.settle())
        out: -
        b = Usage(1, 2)
        ! = RateLimited("slow", retry_after=2.0)
        """)
    )

    assert dedent("""\
        # A title stays.

        a:   -b-#
        > a.pipe(ops.settle())
        out: -b-(X|)
        b = Usage(1, 2)
        ! = RateLimited("slow", retry_after=2.0)
        X = RunFailed(kind='RateLimited', error='RateLimited: slow')
        """) == updated(diagram, perform(diagram).notes)


def test_errors_are_bound_with_their_facts():
    """An error that is not drawn yet is bound as it can be read again."""
    text = "> rx.throw(RateLimited('slow', retry_after=2.0, status=429))\nout: -\n"
    diagram = parse(text)

    new = updated(diagram, perform(diagram).notes)

    assert "! = RateLimited('slow', status=429, retry_after=2.0)" in new.split("\n")
    assert "" == report(parse(new), perform(parse(new)))


IMPOSSIBLE = [
    "a: -x\n> a.pipe(rxo.delay(0.0005))\nout: -\nx = Usage(1, 1)",
    "a: x\n> a.pipe(rxo.map(lambda it: object()))\nout: -\nx = Usage(1, 1)",
    "a: xyx\n> a.pipe(rxo.flat_map(lambda it: rx.of(it, it)))\nout: -\nx = Planned('a')\ny = 1",
]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_what_has_no_place_is_left_to_a_hand(text):
    """What falls between columns, or cannot be written as a binding, is refused at its row."""
    diagram = parse(text, "x.marble")

    with pytest.raises(MarbleSyntaxError, match=r"x\.marble:3:1: What came has no place"):
        updated(diagram, perform(diagram).notes)
