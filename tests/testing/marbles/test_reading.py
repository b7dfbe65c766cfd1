"""Reading diagrams: the meaning of a text, and the places of its errors."""

import re
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import MarbleSyntaxError, RateLimited
from rxagent.events import TextDelta, ToolCallDelta, Usage
from rxagent.messages import Message, ToolCall
from rxagent.testing.marbles import Diagram, parse, read
from rxagent.testing.marbles.picture import strands
from rxagent.testing.marbles.rows import ENDS, Kind, quoted

PAGE = Path(__file__).parents[3] / "docs" / "reading-marbles.md"


def test_the_page_has_each_sign_of_a_row():
    """The table of marbles shows a tick, a text, a letter, a group, and each end."""
    table = PAGE.read_text("utf-8").partition("| marble | meaning |")[2].partition("\n\n")[0]
    shown = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)

    assert ["-", "'Hi'", "a", "(ab)", *ENDS] == [sign.replace("\\", "") for sign in shown]


def test_each_end_can_be_drawn():
    """A picture has a width and words for each kind of end."""
    assert set(ENDS.values()) == strands._HALF_END.keys() == strands._ENDS.keys()


WHOLE = """\
# A rate limit is waited out.
# The provider says for how long.

from shop.till import paid, Receipt as R

tick: 10ms
time:    0ms        2030ms
first:   ---#
second:             --'Hi'--|
bell~    -a-(ab)--
first^   ^--!
second^             ^-------!
out^     -------------------!

> attempts(first, second).pipe(
      ops.retry(2), rxo.merge(bell), paid(1))
out:     ---r       --'Hi'--|

! = RateLimited("slow down", retry_after=2.0)
r = StepRetried(1, "...")
a = Usage(1, 2)
b = Message("assistant", "Hi",
            tool_calls=[ToolCall("c", "add", '{"a": 1}')])
c = R("Peru", [R(1)])
"""


def notes_of(source):
    """Return the notes of a source, as (milliseconds, kind, value)."""
    return [(round(note.at * 1000, 3), note.kind, note.value) for note in source.notes]


def test_a_diagram_is_read_whole():
    """Title, prose, imports, time, sources, watches, pipeline, bindings and result are there."""
    diagram = parse(WHOLE, "retry.marble")
    first, second, bell = diagram.sources

    assert "A rate limit is waited out." == diagram.title
    assert "The provider says for how long." == diagram.prose
    assert [("paid", "shop.till", "paid"), ("R", "shop.till", "Receipt")] == [
        (one.name, one.module, one.attribute) for one in diagram.imports.values()
    ]
    assert 0.01 == diagram.timeline.tick
    assert ["first", "second", "bell"] == [source.name for source in diagram.sources]
    assert [False, False, True] == [source.is_hot for source in diagram.sources]
    assert [0.0, 2.03, 0.0] == [source.drawn for source in diagram.sources]
    assert [(20, Kind.NEXT, TextDelta("Hi")), (80, Kind.COMPLETED, None)] == notes_of(second)
    assert [(10, Usage(1, 2)), (30, Usage(1, 2))] == [
        (at, value) for at, _, value in notes_of(bell) if isinstance(value, Usage)
    ]
    assert Message("assistant", "Hi", (ToolCall("c", "add", '{"a": 1}'),)) == bell.notes[2].value
    ((at, kind, error),) = notes_of(first)
    assert (30, Kind.ERROR, RateLimited, 2.0) == (at, kind, type(error), error.retry_after)
    assert [("first", 0.0, 0.03), ("second", 2.03, 2.11), ("out", None, 2.11)] == [
        (watch.name, watch.subscribed, watch.disposed) for watch in diagram.watches
    ]
    assert 'R("Peru", [R(1)])' == repr(diagram.bindings["c"])
    assert {"attempts", "first", "second", "bell", "ops", "rxo", "paid"} == set(
        diagram.pipeline.names
    )
    assert [2.05, 2.11] == [note.at for note in diagram.out.notes][1:]


def row(text):
    """Return what a cold row means, its letters bound to usages."""
    diagram = parse(f"a: {text}\n> a\nout: -\nx = Usage(1, 1)\ny = Usage(2, 2)\n! = KeyError()")
    return [(at, value) for at, _, value in notes_of(diagram.sources[0])]


X, Y = Usage(1, 1), Usage(2, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-", []),
        ("x", [(0, X)]),
        ("xy", [(0, X), (1, Y)]),
        ("--x-y-|", [(2, X), (4, Y), (6, None)]),
        ("- x  y", [(2, X), (5, Y)]),
        ("-(xy)-x", [(1, X), (1, Y), (6, X)]),
        ("(x|)", [(0, X), (0, None)]),
        ("( x y )", [(0, X), (0, Y)]),
        ("'Hel''lo'|", [(0, TextDelta("Hel")), (5, TextDelta("lo")), (9, None)]),
        ("('a''b')", [(0, TextDelta("a")), (0, TextDelta("b"))]),
        ("''x", [(0, TextDelta("")), (2, X)]),
        (r"'it\'s\n'", [(0, TextDelta("it's\n"))]),
        ("'-|#()^!x'", [(0, TextDelta("-|#()^!x"))]),
        ("'größer'|", [(0, TextDelta("größer")), (8, None)]),
    ],
)
def test_what_lines_up_happens_together(text, expected):
    """A marble's time is its column; a group's is the column of its bracket."""
    assert expected == row(text)


def test_a_letter_may_be_an_error():
    """A letter that is bound to an error ends the stream, as # does."""
    diagram = parse('a: -e\n> a\nout: -e\ne = ModelTimeout("late")')

    assert [Kind.ERROR] == [note.kind for note in diagram.sources[0].notes]


def test_time_begins_in_the_first_column_of_all():
    """A row that is indented further begins later; a common indent does not matter."""
    diagram = parse("a:     -'x'\nb:   -'x'\n> a.pipe(rxo.merge(b))\nout: -")

    assert [("a", 0.002), ("b", 0.0)] == [(one.name, one.drawn) for one in diagram.sources]


def test_bindings_are_read_and_not_evaluated():
    """A binding is a literal or a constructor call with literals; it runs no code of the file."""
    diagram = parse(
        "a: -\n> a\nout: -\n"
        "x = ToolCallDelta(0, id='c', arguments='{}')\n"
        "y = [1, -2.5, None, True, (1, 'a'), {'k': ...}]\n"
        "z = ToolOutput('c', Usage(1, 2))"
    )

    assert ToolCallDelta(0, "c", None, "{}") == diagram.bindings["x"]
    assert [1, -2.5, None, True, (1, "a"), {"k": ...}] == diagram.bindings["y"]
    assert Usage(1, 2) == diagram.bindings["z"].value


WRONG = {
    "unknown letter": ("a: --z|\n> a\nout: -", 1, 6, "Nothing is bound to 'z'"),
    "stray sign": ("a: --?|\n> a\nout: -", 1, 6, "'?' is no marble"),
    "double quotes": ('a: -"x"|\n> a\nout: -', 1, 5, "written in single quotes"),
    "comment after the end": ("a: -|  # said\n> a\nout: -", 1, 8, "a comment has its own line"),
    "tab": ("a: -\tx\n> a\nout: -", 1, 5, "The width of a tab is unknown"),
    "open group": ("a: --(x\n> a\nout: -\nx = Usage(1, 1)", 1, 6, "group is not closed"),
    "group in group": ("a: -((\n> a\nout: -", 1, 6, "cannot contain another group"),
    "closed group": ("a: -)\n> a\nout: -", 1, 5, "No group is open"),
    "empty group": ("a: -()\n> a\nout: -", 1, 6, "This group is empty"),
    "time in group": ("a: ('x'-)\n> a\nout: -", 1, 8, "No time passes within a group"),
    "open text": ("a: -'x|\n> a\nout: -", 1, 5, "This text is not closed"),
    "unknown escape": (r"a: -'\q'|" + "\n> a\nout: -", 1, 6, "The escapes of a text are"),
    "after completion": ("a: -|-\n> a\nout: -", 1, 6, "Nothing may follow"),
    "after error": ("a: -#'x'\n> a\nout: -\n! = KeyError()", 1, 6, "Nothing may follow"),
    "subscription sign": ("a: -^-|\n> a\nout: -", 1, 5, "belongs in a row of subscriptions"),
    "disposal sign": ("a: -\n> a\nout: --!", 3, 8, "belongs in a row of subscriptions"),
    "no error": ("a: -#\n> a\nout: -", 1, 5, "The # carries no error"),
    "# is no error": ("a: -\n> a\nout: -\n! = Usage(1, 2)", 4, 5, "what is bound to `!` is none"),
    "blank row": ("a:\n> a\nout: -", 1, 2, "silence is written `-`"),
    "value in watch": ("a: -\na^ ^-x\n> a\nout: -", 2, 6, "'x' is not allowed"),
    "two subscriptions": ("a: -\na^ ^-!-^\n> a\nout: -", 2, 8, "one subscription"),
    "watch without ^": ("a: -\na^ --!\n> a\nout: -", 2, 4, "does not say when"),
    "open group in watch": ("a: -\na^ (^!\n> a\nout: -", 2, 4, "group is not closed"),
    "watch of nothing": ("a: -\nb^ ^\n> a\nout: -", 2, 1, "There is no row 'b'"),
    "two watches of out": ("a: -\nout^ -!\nout^ -!\n> a\nout: -", 3, 1, "one row `out^`"),
    "unused source": ("a: -\nbb: -\n> a\nout: -", 2, 1, "never uses 'bb'"),
    "shadowed source": ("a: -\n> rx.of(1).pipe(rxo.map(lambda a: a))\nout: -", 1, 1, "never uses"),
    "two rows": ("a: -\na~ -\n> a\nout: -", 2, 1, "There is already a row 'a'"),
    "taken name": ("ops: -\n> ops\nout: -", 1, 1, "cannot be called 'ops'"),
    "keyword": ("if: -\n> 1\nout: -", 1, 1, "cannot be called 'if'"),
    "hot result": ("a: -\n> a\nout~ -", 3, 4, "written `out:`"),
    "no result": ("a: -\n> a", 1, 1, "The row `out:` is missing"),
    "no pipeline": ("a: -\nout: -", 1, 1, "The pipeline is missing"),
    "two pipelines": (
        "a: -\n> a\n> a\nout: -",
        3,
        1,
        "already a pipeline; indent its further lines.",
    ),
    "empty pipeline": ("a: -\n>\nout: -", 2, 2, "An expression is missing"),
    "broken pipeline": ("a: -\n> a.pipe(ops.\nout: -", 2, 9, "no Python expression"),
    "await": ("a: -\n> a if (\n  await a) else a\nout: -", 3, 3, "'await' outside function"),
    "statement": ("a: -\n> x = 1\nout: -", 2, 5, "no Python expression"),
    "two bindings": (
        "a: -\n> a\nout: -\nx = Usage(1, 1)\nx = Usage(2, 2)",
        5,
        1,
        "'x' is already bound",
    ),
    "long binding": ("a: -\n> a\nout: -\nxy = Usage(1, 1)", 4, 1, "'xy' is no letter"),
    "empty binding": ("a: -\n> a\nout: -\nx =", 4, 4, "An expression is missing"),
    "sum": ("a: -\n> a\nout: -\nx = 1 + 1", 4, 5, "A letter is bound to an event"),
    "name": ("a: -\n> a\nout: -\nx = Usage", 4, 5, "A letter is bound to an event"),
    "attribute": ("a: -\n> a\nout: -\nx = Usage.sum(1, 2)", 4, 5, "A letter is bound to"),
    "inner call": ("a: -\n> a\nout: -\nx = Usage(1, ord('a'))", 4, 14, "ord is no event"),
    "comprehension": ("a: -\n> a\nout: -\nx = [y for y in ()]", 4, 5, "A letter is bound to"),
    "unknown class": ("a: -\n> a\nout: -\nx = Usag(1)", 4, 5, "module import Usag`."),
    "wrong arguments": ("a: -\n> a\nout: -\nx = Usage()", 4, 5, "Usage refuses its arguments"),
    "list as key": ("a: -\n> a\nout: -\nx = {[]: 1}", 4, 5, "This is no mapping"),
    "broken binding": ("a: -\n> a\nout: -\nx = Usage(1,,)", 4, 13, "no Python expression"),
    "second line": ("a: -\n> a\nout: -\nx = Usage(\n  1, q)", 5, 6, "A letter is bound to"),
    "non-ASCII before": ("a: -\n> a\nout: -\nx = Planned('ä', q)", 4, 18, "A letter is bound"),
    "tick is no time": ("tick: soon\na: -\n> a\nout: -", 1, 7, "A tick is a time"),
    "tick is zero": ("tick: 0ms\na: -\n> a\nout: -", 1, 7, "A tick is a time"),
    "two ticks": ("tick: 1ms\ntick: 1ms\na: -\n> a\nout: -", 2, 1, "already a line `tick:`"),
    "ruler without times": ("time: 0ms x\na: -\n> a\nout: -", 1, 11, "'x' is no time"),
    "ruler runs back": ("time: 0ms 9ms 8ms\na: -\n> a\nout: -", 1, 15, "is not later than"),
    "ruler begins late": ("time: 5ms 9ms\na:    -\n> a\nout:  -", 1, 7, "Time begins with 0"),
    "ruler begins twice": ("time:    0ms 9ms\na:    -\n> a\nout:  -", 1, 10, "Time begins with 0"),
    "column without time": (
        "time: 0ms 2ms\na:    ---'x'\n> a\nout:  -",
        2,
        10,
        "later than the label to its right",
    ),
    "import": ("import shop\na: -\n> a\nout: -", 1, 1, "written `from package.module import name"),
    "broken import": ("from shop import\na: -\n> a\nout: -", 1, 17, "An import is written `from"),
    "prose as import": ("from Peter to Paul\na: -\n> a\nout: -", 1, 12, "An import is written"),
    "two statements": ("from a import b; b()\na: -\n> a\nout: -", 1, 1, "An import is written"),
    "relative import": ("from .a import b\na: -\n> a\nout: -", 1, 1, "does not begin with a dot"),
    "import of all": ("from a import *\na: -\n> a\nout: -", 1, 15, "list the names"),
    "row imported": ("from s import b, a\na: -\n> b(a)\nout: -", 1, 18, "'a' is already a row"),
    "imported twice": ("from s import b, c as b\na: -\n> b(a)\nout: -", 1, 18, "already imported"),
    "taken import": (
        "from s import ops\na: -\n> ops(a)\nout: -",
        1,
        15,
        "'ops' has another meaning",
    ),
    "unused import": ("from s import b\na: -\n> a\nout: -", 1, 15, "Nothing here uses 'b'"),
    "second line of import": (
        "from s import (b,\n  ä, a)\na: -\n> b(a)\nout: -",
        2,
        6,
        "'a' is already a row",
    ),
    "imported class as value": (
        "from s import C\na: -\n> a\nout: -\nx = C",
        5,
        5,
        "bound to an event",
    ),
    "bracket first": (")\na: -\n> a\nout: -", 1, 1, "continues nothing"),
    "indented first line": ("  a: -\n> a\nout: -", 1, 1, "continues nothing"),
    "prose": ("a: -\nWhat is this?\n> a\nout: -", 2, 1, "no row, pipeline (>), binding"),
    "nothing": ("", 1, 1, "missing"),
}


@pytest.mark.parametrize(("text", "line", "column", "what"), WRONG.values(), ids=WRONG.keys())
def test_an_error_says_where(text, line, column, what):
    """Each malformed diagram gives one error with its file, line, column and a sentence."""
    with pytest.raises(MarbleSyntaxError) as raised:
        parse(text, "wrong.marble")

    error = raised.value
    assert what in str(error)
    assert ("wrong.marble", line, column) == (error.file, error.line, error.column)
    assert f"wrong.marble:{line}:{column}: " in str(error)
    shown, pointer = str(error).split("\n")[1:]
    assert shown == "    " + text.split("\n")[line - 1].rstrip()
    assert "    " + " " * (column - 1) + "^" == pointer.replace("\t", " ")


def is_read_or_refused(text):
    """Tell whether a text is a diagram, or refused with its place; anything else raises."""
    try:
        return isinstance(parse(text), Diagram)
    except MarbleSyntaxError as error:
        return error.line >= 1 and error.column >= 1


@given(st.text())
def test_any_text_is_read_or_refused(text):
    """The parser returns a diagram or raises MarbleSyntaxError, nothing else."""
    assert is_read_or_refused(text)


SIGNS = "abxy01 --''||##((^^!!))>>:~^=.,[]{}\\\"\n\n\t_tickmesouläΩ"


@given(st.text(SIGNS, max_size=60), st.integers(0, len(WHOLE)), st.integers(0, 12))
def test_any_damage_is_read_or_refused(piece, start, length):
    """A diagram with any piece replaced by any other is read, or refused at its place."""
    assert is_read_or_refused(WHOLE[:start] + piece + WHOLE[start + length :])


@given(st.lists(st.text(SIGNS, max_size=30), max_size=3), st.text(SIGNS, max_size=40))
def test_any_rows_are_read_or_refused(rows, binding):
    """Any rows and any binding give a diagram or an error with a place."""
    lines = [f"r{n}: {row}" for n, row in enumerate(rows)]

    assert is_read_or_refused("\n".join([*lines, "> a", "out: -", f"x = {binding}"]))


WORDS = st.sampled_from(["from", "import", "as", "sys", "exit", "a", ".", "*", ",", "(", ")", ";"])


@given(st.lists(WORDS | st.text(max_size=3), max_size=8).map(" ".join), WORDS)
def test_any_import_is_read_or_refused(words, name):
    """Any import line gives a diagram or an error with a place, and nothing is imported."""
    assert is_read_or_refused(f"from {words}\nb: -\n> b.pipe({name})\nout: -")
    assert is_read_or_refused(f"from nowhere import {words}\nb: -\n> b.pipe(a)\nout: -")


@given(st.text(max_size=20), st.integers(0, 3))
def test_a_text_is_read_as_it_is_written(text, before):
    """Quoting a text and reading it gives the text again, in any column."""
    diagram = parse(f"a: {'-' * before}{quoted(text)}\n> a\nout: -")

    assert [(before, Kind.NEXT, TextDelta(text))] == notes_of(diagram.sources[0])


def test_a_file_is_read_by_its_name(tmp_path):
    """The errors of a file begin with its name; a binary file gives one too."""
    (tmp_path / "x.marble").write_bytes(b"\xff\xfea: -")

    with pytest.raises(MarbleSyntaxError, match=r"x\.marble:1:1: .* no text in UTF-8"):
        read(tmp_path / "x.marble")


def test_windows_files_are_read():
    """Carriage returns, a byte order mark and trailing blanks mean nothing."""
    text = dedent("""\
        a: --'x'|
        > a
        out: --'x'|
        """)

    assert notes_of(parse(text).out) == notes_of(parse("\ufeff" + text.replace("\n", "  \r\n")).out)
