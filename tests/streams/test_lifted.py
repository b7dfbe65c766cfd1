"""Lifted operators: a layer less, and all is let go of as ever."""

import pytest
from reactivex import Observable
from reactivex import operators as rxo

from rxagent.streams import lean
from rxagent.streams.lifted import Between, lifted
from rxagent.testing.marbles import marbles

FAULT = ValueError("no")
LETTERS = {"a": "a", "b": "b"}


def doubled():
    """Return an operator that emits each item twice."""

    def lift(observer):
        def on_next(item):
            observer.on_next(item)
            observer.on_next(item)

        return Between(on_next, observer.on_error, observer.on_completed)

    return lifted(lift)


def joined():
    """Return an operator that emits all texts as one."""
    return lean.reduce(lambda text, piece: text + piece, "")


def test_operators_in_a_row():
    """What one operator emits is told to the next, in their order."""
    with marbles(**LETTERS, x="aabb", y="aaaa") as m:
        m.expect(m.cold("a-b-|").pipe(doubled(), joined())).to_be("----(x|)")
        m.expect(m.cold("a-|").pipe(doubled(), doubled(), joined())).to_be("--(y|)")


@pytest.mark.parametrize("row", ["-a-|", "-a-#"])
def test_the_source_is_let_go_of_at_its_end(row):
    """A row of operators holds its source until that has ended, well or not."""
    with marbles(**LETTERS, error=FAULT) as m:
        source = m.cold(row)
        m.expect(source.pipe(lean.map(str), doubled(), rxo.distinct())).to_be(row)
        m.expect(source).to_be_subscribed("^--!")


def test_disposing_reaches_the_source():
    """Who has heard enough lets go of the source through all operators."""
    with marbles(**LETTERS) as m:
        source = m.cold("-a-b-|")
        m.expect(source.pipe(lean.map(str), doubled(), rxo.take(1))).to_be("-(a|)")
        m.expect(source).to_be_subscribed("^!")


def test_a_source_that_cannot_be_subscribed_to_has_failed():
    """What is raised while subscribing is the error, wherever in the row."""

    def refuse(*_):
        raise FAULT

    with marbles(**LETTERS, error=FAULT) as m:
        refusing = Observable(refuse).pipe(doubled())
        m.expect(refusing).to_be("#")
        m.expect(m.cold("-a-|").pipe(lean.flat_map(lambda _: refusing))).to_be("-#")
        m.expect(refusing.pipe(lean.start_with("a"))).to_be("(a#)")


def test_nothing_is_told_after_the_end():
    """A source that goes on after its end is not heard."""

    def talk(observer, _):
        observer.on_next("a")
        observer.on_completed()
        observer.on_next("b")
        observer.on_error(FAULT)

    with marbles(**LETTERS, error=FAULT) as m:
        m.expect(Observable(talk).pipe(lean.map(str), lean.map(str))).to_be("(a|)")
        m.expect(m.cold("a|").pipe(lean.flat_map(lambda _: Observable(talk)))).to_be("a|")
