"""Code in a picture: short lines with the same meaning as the expression."""

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
    """Return a text without its spaces."""
    return "".join(text.split())


@given(CODE, st.integers(10, 60))
def test_no_sign_is_lost(source, width):
    """However the lines are broken, together they are the expression."""
    assert bare(source) == bare("".join(folded(source, width)))
    assert bare(source) == bare("".join(filled(source, width)))
    assert bare(source) == bare(unfolded(source))


@given(CODE, st.integers(44, 60))
def test_lines_are_broken_where_they_are_too_long(source, width):
    """A line is too long only where it cannot be broken."""
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
    """Brackets open a block, a chain continues below its start, a last argument stays inline."""
    assert dedent(lines).split("\n") == folded(source, 40)


def test_a_last_comma_stays_where_it_makes_a_tuple():
    """A comma before a closing bracket is removed, except in a tuple of one."""
    assert "f(a, b)" == unfolded("f(a, b,)")
    assert "(a,)" == unfolded("(a,)")


def test_full_lines_break_after_commas():
    """A value fills its lines; a string breaks only if it is longer than a line."""
    value = "StepRetried(1, 'ModelTimeout: It was silent.')"

    assert ["StepRetried(1,", "    'ModelTimeout: It was silent.')"] == filled(value, 36)
    assert ["StepRetried(1,", "    'ModelTimeout: It", "    was silent.')"] == filled(value, 22)
