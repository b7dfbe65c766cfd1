"""The diagrams: every public operator has one, and none is true when it is drawn otherwise."""

import inspect
import re
from pathlib import Path

import pytest

from rxagent import operators as ops
from rxagent.events import Stamped, ToolOutput, UnknownEvent
from rxagent.testing.marbles import parse, perform, read, report
from rxagent.testing.marbles.bindings import made
from rxagent.testing.marbles.writing import LETTERS

DIAGRAMS = Path(__file__).parents[1] / "marble_diagrams"
FILES = sorted(DIAGRAMS.rglob("*.marble"))
NAMES = [path.relative_to(DIAGRAMS).with_suffix("").as_posix() for path in FILES]


@pytest.mark.parametrize("name", ops.__all__)
def test_every_operator_has_a_diagram(name):
    """The docstring of an operator names its diagram: that of its family, with its name."""
    operator = getattr(ops, name)
    family = operator.__module__.rpartition(".")[2]

    (named,) = re.findall(r"^\.\. marbles:: (\S+)$", inspect.getdoc(operator), re.MULTILINE)

    assert f"{family}/{name}" == named
    assert named in NAMES


def drawn():
    """Yield the types of what comes out of the diagrams, inner events included."""
    for path in FILES:
        for note in read(path).out.notes:
            value = made(note.value)
            yield type(value)
            while isinstance(value, ToolOutput | Stamped):
                value = value.value if isinstance(value, ToolOutput) else value.event
                yield type(value)


def test_every_event_has_a_diagram():
    """Each event comes out of a diagram, but for one that stands for those of later versions."""
    assert LETTERS.keys() - {UnknownEvent} == LETTERS.keys() & set(drawn())


def test_every_family_is_in_the_gallery():
    """The documentation shows the diagrams of every family."""
    gallery = (DIAGRAMS.parent / "docs" / "reference" / "marbles.md").read_text(encoding="utf-8")

    assert {path.parent.name for path in FILES} == set(
        re.findall(r"^```\{marbles\} (\w+)/\*$", gallery, re.MULTILINE)
    )


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_diagram_is_titled(path):
    """The first line says in a sentence what is to be seen, and fits a page."""
    diagram = read(path)

    assert re.fullmatch(r"[A-Z].*\.", diagram.title)
    assert max(map(len, diagram.text.split("\n"))) <= 100


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_diagram_drawn_otherwise_is_false(path):
    """A picture in which the last marble of what comes out is missing does not pass."""
    diagram = read(path)
    lines = diagram.text.split("\n")
    row = diagram.out.line.text.rstrip()
    last = re.search(r"(\((?:'[^']*'|[^()'])*\)|'[^']*'|[^-])$", row)
    lines[diagram.out.line.number - 1] = row[: last.start()] + "-"

    false = parse("\n".join(lines))

    assert "" != report(false, perform(false))
