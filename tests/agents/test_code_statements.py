"""A statement is complete once no further text can change it."""

import ast
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent.agents.code_statements import StatementReader, complete_statements, parsed

PIECES = [
    *("x = 1", "y = (1,", "2)", "a; b", "if x:", "elif y:", "else:", "for i in x:", "while x:"),
    *("try:", "except E:", "finally:", "with a as b:", "@d", "def f(a):", "async def g():"),
    *("class C:", "match x:", "match = 2", "    case 1:", "    pass", "    y = 'a\\", "  b'"),
    *(
        "s = '''",
        "'''",
        "# note",
        "    # note",
        "x = 1 \\",
        "\\",
        "",
        "    ",
        "import a",
        "else_ = 1",
    ),
    *("if x: y", "else: z", "def h(): pass", "print('''a", "b''')", "await f()", "\x0c", "async"),
    *("f'''{", "x}'''", "    return 1", "        pass", "return", "lambda: 0", ")", '"', "é = 1"),
]

lines = st.lists(st.sampled_from(PIECES), max_size=8)
programs = st.builds(
    lambda lines, end: end.join(lines) + end, lines, st.sampled_from(["\n", "\r\n"])
)
texts = programs | st.text("xif:els=1'\"#\\()\n\r\t @", max_size=30)
cuts = st.integers(0, 1000)


def dumped(code):
    """Return the statements of code, as comparable texts."""
    tree = parsed(code)
    return None if tree is None else [ast.dump(node) for node in tree.body]


@given(texts, cuts)
@example("if x:\n    pass\nelse_ = 1\n", 22)
@example("if x:\n  y\n\\\nelse: z\nq()\n", 11)
@example("x\rif x:\n  pass\nelse: z\n", 15)
def test_more_text_changes_nothing(text, cut):
    """What is complete in a part of a text is what the whole text begins with."""
    before, after = complete_statements(text[:cut]), complete_statements(text)

    assert before == after[: len(before)]


@given(texts, cuts)
@example("if x:\n  y\n\\\nelse: z\nq()\n", 13)
@example("x\rif x:\n  pass\nelse: z\n", 15)
def test_no_statement_is_split(text, cut):
    """One after another, complete statements are the first ones of the whole program."""
    program = dumped(text)
    if program is None:
        return
    seen = []
    for statement in complete_statements(text[:cut]):
        seen += dumped(statement)

    assert seen == program[: len(seen)]


@given(texts)
def test_statements_and_the_rest_are_the_text(text):
    """Nothing is lost, and each complete statement is a program of its own."""
    reader = StatementReader()
    statements = reader.add(text)

    assert text == "".join(statements) + reader.rest
    assert all(dumped(statement) for statement in statements)


@given(texts, st.lists(cuts, max_size=5))
def test_how_a_text_is_split_makes_no_difference(text, places):
    """A text that arrives in pieces has the same statements."""
    reader, statements = StatementReader(), []
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    for begin, end in pairwise(edges):
        statements += reader.add(text[begin:end])

    assert complete_statements(text) == tuple(statements)


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("x = 1", 0),
        ("x = 1\n", 1),
        ("x = 1\ny = 2\n", 2),
        ("if x:\n    y\n", 0),
        ("if x:\n    y\nel", 0),
        ("if x:\n    y\nelse:\n    z\n", 0),
        ("if x:\n    y\nelse:\n    z\nx", 0),
        ("if x:\n    y\nelse:\n    z\nx ", 1),
        ("@d\n", 0),
        ("@d\ndef f():\n    pass\n\n\n@", 1),
        ("s = '''\nx = 1\n", 0),
        ("s = '''\nx = 1\n'''\n", 1),
        ("x = (1,\n", 0),
        ("x = 1 \\\n", 0),
        ("# note\nx = 1\n", 1),
        ("try:\n    x\nexcept E:\n    y\nfinally:\n    z\nw(", 1),
        ("x = = 1\ny = 2\n", 0),
    ],
)
def test_when_a_statement_is_complete(text, complete):
    """An `else`, a decorator, an open string, bracket or line is not an end."""
    assert complete == len(complete_statements(text))


@pytest.mark.parametrize(
    ("first", "line", "last", "is_complete"),
    [
        ("x = [\n", "    (1, 'abc', {'a': 2}),\n", "]\n", True),
        ("def f():\n", "    x = [1, 2]\n", "y = 1\n", True),
        ("x = '''\n", "some text in a line\n", "'''\n", True),
        ("x = '''\n", "a bracket ( in a line\n", "'''\n", False),
    ],
)
def test_a_long_statement_is_read_in_a_moment(first, line, last, is_complete):
    """Its lines are not parsed again for each line that follows: it takes 0.2 s, not 20.

    A long one whose texts hold open brackets waits for the end of the code.
    """
    reader, began = StatementReader(), process_time()
    found = reader.add(first)
    for _ in range(2000):
        found += reader.add(line)
    found += reader.add(last)

    assert process_time() - began < 5
    assert (first + line * 2000 + last if is_complete else "") == "".join(found)


def test_a_long_text_takes_linear_time():
    """A line of a long function or text is looked at once, however small the pieces are."""
    reader = StatementReader()
    for _ in range(2000):
        reader.add("def f():\n")
        reader.add("    x = 1\n" * 3)

    assert "def f():\n    x = 1\n    x = 1\n    x = 1\n" == reader.rest
