"""Rewriting a diagram's row `out:` as what really comes."""

from ...errors import MarbleSyntaxError
from .diagram import Diagram, Note
from .matching import matches
from .reader import parse
from .signs import Signs, binding
from .writing import strand_of, write_on

__all__ = ["updated"]


def updated(diagram: Diagram, notes: tuple[Note, ...]) -> str:
    """Return the diagram's text with these notes as its row `out:`.

    Raises:
        MarbleSyntaxError: They cannot be written down in the columns that there are.
    """
    for quoting in (True, False):
        signs = Signs(diagram.bindings, quoting)
        row = write_on(strand_of(notes, signs.of), diagram.timeline)
        if row is not None:
            text = _rewritten(diagram, row, signs)
            if _says(text, signs):
                return text
    raise diagram.out.line.flaw(
        0, "What came has no place in these columns; write it by hand, with another tick or ruler."
    )


def _rewritten(diagram: Diagram, row: str, signs: Signs) -> str:
    lines = diagram.text.rstrip("\n").split("\n")
    zero, _ = diagram.timeline.labels[0]
    lines[diagram.out.line.number - 1] = "out:".ljust(zero) + row
    added = [binding(letter, value) for letter, value in signs.added.items()]
    return "\n".join([*lines, *added, ""])


def _says(text: str, signs: Signs) -> bool:
    try:
        bindings = parse(text).bindings
    except MarbleSyntaxError:
        return False
    return all(matches(bindings[letter], value) for letter, value in signs.added.items())
