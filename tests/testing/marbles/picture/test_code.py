"""Code in a picture: lines that are not too long, and say what the expression says."""

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.testing.marbles.picture.code import filled, folded, unfolded

NAMES = st.sampled_from(["a", "ops", "events.ToolStarted", "'a text'", "x=5", "lambda: 0"])
CODE = st.recursive(
    NAMES,
    lambda inner: (
        st.builds(
            "{}({})".format,
            st.sampled_from(["f", "rxo.flat_map", "a.pipe"]),
            st.lists(inner).map(", ".join),
        )
        | st.builds("{}.pipe({})".format, inner.filter(str.isidentifier), inner)
    ),
    max_leaves=12,
)


def bare(text):
    """Return a text without its blanks."""
    return "".join(text.split())


@given(CODE, st.integers(10, 60))
def test_no_sign_is_lost(source, width):
    """However the lines are broken, together they are the expression."""
    assert bare(source) == bare("".join(folded(source, width)))
    assert bare(source) == bare("".join(filled(source, width)))
    assert bare(source) == bare(unfolded(source))


@given(CODE, st.integers(44, 60))
def test_lines_are_broken_where_they_are_too_long(source, width):
    """A line is longer than it may be only where there is nothing to break."""
    for line in folded(source, width):
        assert len(line) <= width or not any(sign in line.strip()[:-1] for sign in "([")


def test_what_fits_stays_on_one_line():
    """A short expression is one line, whatever lines its author wrote."""
    source = """\
        attempts(
            first,  # the first
            second,
        ).pipe(
            ops.retry(2))"""

    assert ["attempts(first, second).pipe(ops.retry(2))"] == folded(dedent(source).strip(), 80)


BROKEN = [
    (
        "ops.hedge(model_of(primary), model_of(backup), after=0.04)(request)",
        """\
        ops.hedge(
            model_of(primary), model_of(backup),
            after=0.04
        )(request)""",
    ),
    (
        "attempts(first, second, third).pipe(ops.retry(3))",
        """\
        attempts(first, second, third)
            .pipe(ops.retry(3))""",
    ),
    (
        "model.pipe(ops.branch(ops.accumulate(partial=False), ops.text()))",
        """\
        model.pipe(ops.branch(
            ops.accumulate(partial=False),
            ops.text()
        ))""",
    ),
]


@pytest.mark.parametrize(("source", "lines"), BROKEN, ids=["call", "chain", "last argument"])
def test_code_is_broken_as_one_would_write_it(source, lines):
    """Brackets open a block, a chain goes on under its beginning, a last argument stays close."""
    assert dedent(lines).split("\n") == folded(source, 40)


def test_a_last_comma_stays_where_it_makes_a_tuple():
    """A comma before a closing bracket goes, but from a tuple of one."""
    assert "f(a, b)" == unfolded("f(a, b,)")
    assert "(a,)" == unfolded("(a,)")


def test_full_lines_break_after_commas():
    """A value is told in full lines; a text breaks only where it is too long for one."""
    value = "StepRetried(1, 'ModelTimeout: It was silent.')"

    assert ["StepRetried(1,", "    'ModelTimeout: It was silent.')"] == filled(value, 36)
    assert ["StepRetried(1,", "    'ModelTimeout: It", "    was silent.')"] == filled(value, 22)
