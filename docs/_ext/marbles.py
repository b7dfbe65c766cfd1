"""The directive `.. marbles:: family/name`: a diagram of the repository on a page.

A diagram is shown as it is written, and a name that leads to none fails the build.
"""

from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

DIAGRAMS = Path(__file__).parents[2] / "marble_diagrams"


class Marbles(SphinxDirective):
    """Shows a diagram by its name: its family, a slash, and its file's name without the suffix."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the diagram's nodes."""
        path = DIAGRAMS / f"{self.arguments[0]}.marble"
        if not path.is_file():
            raise self.error(f"There is no diagram {path}.")
        self.env.note_dependency(str(path))
        text = path.read_text(encoding="utf-8")
        return [nodes.literal_block(text, text, language="marble")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known to Sphinx, and blocks of ```marble`` to its pages."""
    app.add_lexer("marble", TextLexer)
    app.add_directive("marbles", Marbles)
    return {"parallel_read_safe": True}
