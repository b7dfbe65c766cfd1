"""Laws of the sandbox: a program does in it what it does in CPython."""

import contextlib
import io
import re
import warnings
from keyword import kwlist

from hypothesis import given
from hypothesis import strategies as st

from rxagent.executors import CodeResult, Limits, SandboxExecutor

from ..laws import examples
from .coding import Ran

EXECUTOR = SandboxExecutor()
QUICK = SandboxExecutor(Limits(seconds=0.2))

NAMES = st.sampled_from("abcd")
NUMBERS = st.integers(-20, 20).map(str) | st.floats(-9, 9, width=16).map(repr)
TEXTS = st.text("xyz é", max_size=4).map(repr)


def compound(inner):
    """Return expressions made of expressions."""
    binary = st.sampled_from(
        ["+", "-", "*", "/", "//", "%", "==", "!=", "<", ">=", "and", "or", "in", "is not"]
    )
    return (
        st.tuples(inner, binary, inner).map("({0[0]} {0[1]} {0[2]})".format)
        | st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.tuples(inner, inner).map("({0[0]}, {0[1]})".format)
        | st.tuples(TEXTS, inner).map("{{{0[0]}: {0[1]}}}".format)
        | st.tuples(inner, inner, inner).map("({0[0]} if {0[1]} else {0[2]})".format)
        | st.tuples(inner, NAMES, inner).map("[{0[0]} for {0[1]} in [{0[2]}, 1, 'x']]".format)
        | st.tuples(
            st.sampled_from(["len", "str", "list", "sorted", "abs", "bool", "sum"]), inner
        ).map("{0[0]}({0[1]})".format)
        | inner.map("(not {})".format)
        | st.tuples(inner, inner).map("({0[0]})[{0[1]}]".format)
        | NAMES.map("f'<{{{}}}>'".format)
    )


EXPRESSIONS = st.recursive(
    NUMBERS | TEXTS | NAMES | st.sampled_from(["None", "True"]), compound, max_leaves=6
)


def indented(block):
    """Return the lines of statements, indented."""
    return "\n".join(f"    {line}" for text in block for line in text.split("\n"))


def blocks(inner):
    """Return statements made of statements."""
    some = st.lists(inner, min_size=1, max_size=3).map(indented)
    return (
        st.tuples(EXPRESSIONS, some, some).map("if {0[0]}:\n{0[1]}\nelse:\n{0[2]}".format)
        | st.tuples(NAMES, some).map("for {0[0]} in [1, 2]:\n{0[1]}".format)
        | some.map("try:\n{}\nexcept Exception as error:\n    print(type(error).__name__)".format)
        | st.tuples(NAMES, NAMES, some, EXPRESSIONS).map(
            "def {0[0]}({0[1]}=1):\n{0[2]}\n    return {0[3]}\nprint({0[0]}())".format
        )
        | st.tuples(NAMES, some).map("{0[0]} = 3\nwhile {0[0]}:\n{0[1]}\n    break".format)
    )


STATEMENTS = st.recursive(
    EXPRESSIONS.map("print({})".format)
    | st.tuples(NAMES, EXPRESSIONS).map("{0[0]} = {0[1]}".format)
    | st.tuples(NAMES, EXPRESSIONS).map("{0[0]} += {0[1]}".format),
    blocks,
    max_leaves=6,
)
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=5).map("\n".join)


FUNCTION = re.compile(r"<function '?(\w+)'? at 0x[0-9a-f]+>")
"""The text of a function, in which the sandbox quotes the name."""


def in_python(code):
    """Return what code prints in CPython, and the type of its error."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(code, {})
        except Exception as error:
            return FUNCTION.sub(r"\1", printed.getvalue()), type(error).__name__
    return FUNCTION.sub(r"\1", printed.getvalue()), None


def in_sandbox(*codes):
    """Return what pieces of code print in one session, and the type of the last one's error."""
    session = EXECUTOR.open({})
    try:
        ran = [Ran(session, code) for code in codes]
    finally:
        session.close()
    printed = "".join(each.printed for each in ran)
    error = ran[-1].error
    return FUNCTION.sub(r"\1", printed), error and error.partition(":")[0].partition("\n")[0]


@examples(100)
@given(PROGRAMS)
def test_a_program_does_what_it_does_in_python(code):
    """Small programs print the same, and fail with the same type of error at the same point."""
    assert in_python(code) == in_sandbox(code)


WORDS = st.sampled_from([*kwlist, "match", "case", "print", "open", "x", "1"])
SIGNS = st.sampled_from("()[]{},.=:+-*@'\"\\\n\t")


@examples(100)
@given(st.text(max_size=30) | st.lists(WORDS | SIGNS, max_size=12).map(" ".join))
def test_any_text_is_a_value_or_an_error(code):
    """Whatever the text, it has a result or a CodeError, and the session goes on."""
    session = QUICK.open({})
    try:
        ran = Ran(session, code)
        assert ran.error or isinstance(ran.items[-1], CodeResult)
        assert 2 == Ran(session, "1 + 1").value
    finally:
        session.close()


@examples(25)
@given(st.lists(STATEMENTS, min_size=2, max_size=4))
def test_pieces_of_a_program_do_what_the_whole_does(statements):
    """A program in pieces, one after the other, is the whole program."""
    whole = in_sandbox("\n".join(statements))
    if whole[1] is None:
        assert whole == in_sandbox(*statements)
