"""Rewriting the row `out:`, so that the picture is true again."""

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import MarbleSyntaxError
from rxagent.testing.marbles import parse, perform, report, updated

from ...laws import examples

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
    """The new row replaces the old one, shows what comes, and needs no second update."""
    text = f"{row}\n{pipeline}\nout: ---x\nx = Usage(1, 1)\ny = Usage(2, 2)\n! = KeyError('k')\n"
    diagram = parse(text)
    new = updated(diagram, perform(diagram).notes)

    again = parse(new)
    outcome = perform(again)
    assert out in new.split("\n")
    assert "" == report(again, outcome)
    assert new == updated(again, outcome.notes)


def test_new_values_are_bound_to_new_letters():
    """Values without a letter are bound at the end of the file."""
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


def test_errors_are_bound_with_their_fields():
    """A new error is bound in a form that can be read again."""
    text = "> rx.throw(RateLimited('slow', retry_after=2.0, status=429))\nout: -\n"
    diagram = parse(text)

    new = updated(diagram, perform(diagram).notes)

    assert "! = RateLimited('slow', status=429, retry_after=2.0)" in new.split("\n")
    assert "" == report(parse(new), perform(parse(new)))


DELAYED = """\
# A retried request is answered 5 ms later.

tick:   10ms
time:   0ms  2010ms
first:  -#
second:      --x|
# A remark stays.
first^  ^!
second^      ^--!
hot~    --y
> rx.merge(attempts(first, second).pipe(ops.retry(2)), hot).pipe(rxo.delay(0.005))
out:    -rx
! = RateLimited("slow", retry_after=2.0)
r = StepRetried(1, "...")
x = Usage(1, 1)
y = Usage(2, 2)
"""

RULED = {
    "between columns": (
        "a: -x\n> a.pipe(rxo.delay(0.0005))\nout: -\nx = Usage(1, 1)\n",
        """\
time: 0ms 1500us
a:    -x
> a.pipe(rxo.delay(0.0005))
out:  ----x
x = Usage(1, 1)
""",
    ),
    "groups closer than they are wide": (
        "a: xy|\n> a.pipe(rxo.flat_map(lambda it: rx.of(it, it)))\nout: -\nx = 1\ny = 2\n",
        """\
time: 0ms  1ms  2ms
a:    x----y----|
> a.pipe(rxo.flat_map(lambda it: rx.of(it, it)))
out:  (xx)-(yy)-|
x = 1
y = 2
""",
    ),
    "rows of all kinds, after a long silence": (
        DELAYED,
        """\
# A retried request is answered 5 ms later.

tick:   10ms
time:   0ms 15ms 20ms 25ms 2010ms 2035ms 2040ms
first:  -#
second:                    --x-----------|
# A remark stays.
first^  ^!
second^                    ^-------------!
hot~    ---------y
> rx.merge(attempts(first, second).pipe(ops.retry(2)), hot).pipe(rxo.delay(0.005))
out:    ----r---------y-----------x
! = RateLimited("slow", retry_after=2.0)
r = StepRetried(1, "...")
x = Usage(1, 1)
y = Usage(2, 2)
""",
    ),
    "a ruler that says too little": (
        "time: 0ms  1s\na:    x    |\n> a.pipe(rxo.delay(0.5))\nout:  -\nx = Usage(1, 1)\n",
        """\
time: 0ms 500ms 1000ms 1500ms
a:    x---------|
> a.pipe(rxo.delay(0.5))
out:  ----x------------|
x = Usage(1, 1)
""",
    ),
}


@pytest.mark.parametrize(("text", "expected"), RULED.values(), ids=RULED)
def test_what_has_no_column_is_given_a_ruler(text, expected):
    """All rows are laid out again under a row `time:`, with the same meaning."""
    diagram = parse(text)

    assert expected == updated(diagram, perform(diagram).notes)


silences = st.integers(0, 3).map("-".__mul__)
rows = st.lists(
    st.tuples(silences, st.sampled_from(["x", "y", "'Hi'", "(xy)", "(x'a')"])), max_size=3
)


@examples(30)
@given(rows, rows, st.integers(0, 30), st.sampled_from([0.0001, 0.0007, 0.01, 0.5]), silences)
def test_every_picture_can_be_updated(cold, hot, delay, unit, later):
    """Whatever comes, the new picture is true, keeps its rows, and needs no second update."""
    first, second = ("".join(silence + sign for silence, sign in row) for row in (cold, hot))
    text = (
        f"tick: 1ms\na: {first}-|\nb~ {later}-{second}\nc: {' ' * delay}-x|\n"
        f"> rx.merge(a.pipe(rxo.delay({delay * unit})), b, c.pipe(rxo.delay_subscription("
        f"{delay / 1000})))\nout: -\nx = Usage(1, 1)\ny = Usage(2, 2)\n"
    )
    diagram = parse(text)
    new = updated(diagram, perform(diagram).notes)
    again = parse(new)
    outcome = perform(again)

    assert "" == report(again, outcome)
    assert new == updated(again, outcome.notes)


IMPOSSIBLE = [
    "a: x\n> a.pipe(rxo.map(lambda it: object()))\nout: -\nx = Usage(1, 1)",
]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_what_cannot_be_written_is_left_to_a_hand(text):
    """A value that cannot be written as a binding is an error at the row."""
    diagram = parse(text, "x.marble")

    with pytest.raises(MarbleSyntaxError, match=r"x\.marble:3:1: What came cannot be written"):
        updated(diagram, perform(diagram).notes)
