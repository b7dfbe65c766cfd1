"""Imports: a diagram uses the user's own code, which is imported when it is performed."""

import sys
from textwrap import dedent

import pytest

from rxagent.errors import MarbleSyntaxError
from rxagent.testing.marbles import draw, parse, perform, report, updated

SHOP = """\
from attrs import frozen
from reactivex import operators as rxo

from rxagent.events import TextDelta

@frozen
class Cut:
    why: str
    at: int = 0

class Closed(Exception): pass

def loud(mark="!"):
    return rxo.map(lambda delta: TextDelta(delta.text.upper() + mark))

def cut(why):
    return rxo.map(lambda _: Cut(why))

def close(_):
    raise Closed("It is late.")
"""


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """Write a project's modules into a folder on the path, and unload them afterwards."""
    (tmp_path / "shop").mkdir()
    modules = {
        "shop/__init__.py": "",
        "shop/till.py": SHOP,
        "torn.py": "def (",
        "needy.py": "import nowhere_to_be_found",
        "leaving.py": "raise SystemExit(3)",
    }
    for name, text in modules.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def report_of(text):
    """Perform a diagram, and return the report."""
    diagram = parse(dedent(text), "x.marble")
    return report(diagram, perform(diagram))


TRUE = {
    "an operator": """\
        from shop.till import loud

        a:   -'hi'-|
        > a.pipe(loud())
        out: -'HI!'|
        """,
    "by another name": """\
        from shop.till import loud as shouted
        a:   -'hi'-|
        > a.pipe(shouted("?"))
        out: -'HI?'|
        """,
    "a module": """\
        from shop import till
        a:   -'hi'-|
        > a.pipe(till.loud())
        out: -'HI!'|
        """,
    "on several lines": """\
        from shop.till import (
            loud,  # one
            cut,
        )
        a:   -'hi'-|
        > a.pipe(loud(), cut("noise"), rxo.map(lambda cut: cut.why))
        out: -n----|
        n = "noise"
        """,
    "a class in bindings": """\
        from shop.till import Cut
        a:   -x--'no'-|
        > a.pipe(rxo.map(lambda it: it if isinstance(it, Cut) else Cut(it.text)))
        out: -x--y----|
        x = Cut("yes", at=-1)
        y = Cut("...")
        """,
    "within another value": """\
        from shop.till import Cut
        a:   -x|
        > a.pipe(rxo.map(lambda cut: events.FinalAnswer([cut])))
        out: -f|
        x = Cut("no")
        f = FinalAnswer([Cut("no", 0)])
        """,
    "an error": """\
        from shop.till import Closed, close
        a:   -'x'|
        > a.pipe(rxo.map(close))
        out: -#
        ! = Closed("It is ...")
        """,
}


@pytest.mark.parametrize("text", TRUE.values(), ids=TRUE.keys())
def test_a_diagram_uses_what_it_imports(text):
    """Imported names work in the pipeline, and imported classes in bindings."""
    assert "" == report_of(text)


def test_what_is_imported_differs_as_anything_does():
    """A value of an imported class is reported as it is written, and as it came."""
    assert report_of("""\
        from shop.till import Cut, cut
        a:   -'x'|
        > a.pipe(cut("noise"))
        out: -c--|
        c = Cut( "silence",
            at=0)
        """).endswith(
        "expected: -c--|\n"
        "actual:   -a--|\n"
        "a = Cut(why='noise', at=0)\n"
        "At 1ms Cut( \"silence\", at=0) was expected, but Cut(why='noise', at=0) came."
    )


def test_an_update_writes_what_is_imported():
    """`out:` is rewritten with values of an imported class."""
    diagram = parse(
        "from shop.till import Cut, cut\na:   -'x'|\n> a.pipe(cut('b'))\nout: -c\nc = Cut('a')\n"
    )

    new = updated(diagram, perform(diagram).notes)

    assert "a = Cut(why='b', at=0)" in new.split("\n")
    assert "" == report(parse(new), perform(parse(new)))


def test_nothing_is_imported_before_it_is_performed():
    """A diagram is read and drawn without its modules."""
    diagram = parse("from nowhere import op, It\na: -x|\n> a.pipe(op())\nout: -x|\nx = It(1)")

    assert "It(1)" in draw(diagram)


WRONG = {
    "no module": ("from shoop.till import loud\n> loud()\nout: -", 1, 6, "no module 'shoop'"),
    "no submodule": (
        "from shop.bill import loud\n> loud()\nout: -",
        1,
        6,
        "no module 'shop.bill'",
    ),
    "no name": (
        "from shop.till import loud, sorted as s\n> s(loud())\nout: -",
        1,
        29,
        "There is no 'sorted' in the module 'shop.till'.",
    ),
    "broken module": ("from torn import x\n> x\nout: -", 1, 18, "'torn' raises SyntaxError: "),
    "needy module": (
        "from needy import x\n> x\nout: -",
        1,
        19,
        "'needy' raises ModuleNotFoundError: No module named 'nowhere_to_be_found'",
    ),
    "leaving module": (
        "from leaving import x\n> x\nout: -",
        1,
        21,
        "'leaving' raises SystemExit: 3",
    ),
    "no class": (
        "from shop.till import loud\na: -x\n> a\nout: -x\nx = loud()",
        1,
        23,
        "loud is no class",
    ),
    "wrong arguments": (
        "from shop.till import Cut\na: -x\n> a\nout: -x\nx = [Cut()]",
        5,
        6,
        "Cut refuses its arguments: ",
    ),
    "no error": (
        "from shop.till import Cut\na: -#\n> a\nout: -#\n! = Cut('a')",
        5,
        5,
        "what is bound to `!` is none.",
    ),
    "error as a letter": (
        "from shop.till import Closed\na: -x\n> a\nout: -x\nx = Closed()",
        5,
        5,
        "is bound to `!`",
    ),
}


@pytest.mark.parametrize(("text", "line", "column", "what"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_imported_is_reported_at_its_place(text, line, column, what):
    """A missing or broken module and a missing name are reported at the import."""
    diagram = parse(text, "wrong.marble")

    with pytest.raises(MarbleSyntaxError) as raised:
        perform(diagram)

    assert what in str(raised.value)
    assert ("wrong.marble", line, column) == (
        raised.value.file,
        raised.value.line,
        raised.value.column,
    )
