"""The Sphinx extension: marble diagrams on a page, each of which must be true.

Add it to ``conf.py``, with the folder of the diagrams, relative to the source folder::

    extensions = ["rxagent.testing.sphinx"]
    marbles_folder = "../marble_diagrams"

Then ``.. marbles:: recover/retry`` shows ``recover/retry.marble``, in docstrings too;
``.. marbles:: recover/*`` shows all of that folder, each below its name; without a name, the
directive shows the diagram in its content.
"""

# mypy may run without Sphinx, whose classes are then Any.
# mypy: disable-error-code="misc"

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging as sphinx_logging
from sphinx.util.docutils import SphinxDirective

from .. import __version__
from ..errors import MarbleSyntaxError
from .marbles import Diagram, draw, parse, perform, report

__all__ = ["Marbles", "setup"]

_log = sphinx_logging.getLogger(__name__)


class Marbles(SphinxDirective):
    """Perform diagrams and draw them; one that is false or missing fails the build."""

    optional_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the pictures, each with its title above and its text folded below."""
        if not self.arguments:
            return self._shown("\n".join(self.content), None)
        folder = Path(self.env.srcdir, self.config.marbles_folder)
        name = self.arguments[0]
        paths = sorted(folder.glob(f"{name}.marble"))
        if not paths:
            self._refuse(f"There is no diagram {folder / name}.marble.")
        shown: list[nodes.Node] = []
        for path in paths:
            self.env.note_dependency(path)
            if len(paths) > 1:
                shown.append(nodes.rubric(path.stem, path.stem))
            shown += self._shown(path.read_text(encoding="utf-8"), str(path))
        return shown

    def _shown(self, text: str, file: str | None) -> list[nodes.Node]:
        try:
            diagram = parse(text, file)
            with _unlogged():
                wrong = report(diagram, perform(diagram))
        except MarbleSyntaxError as error:
            self._refuse(str(error))
            return []
        if wrong:
            self._refuse(wrong)
            return []
        for one in diagram.imports.values():
            if file := getattr(sys.modules[one.module], "__file__", None):
                self.env.note_dependency(file)
        number = self.env.new_serialno("marbles")
        return list(_figure(diagram, draw(diagram, f"marbles-{number}")))

    def _refuse(self, what: str) -> None:
        self.env.note_reread()  # The builder does not notice every change that fixes it.
        _log.error("%s", what, location=self.get_location(), type="marbles")
        _false(self.env).add(self.env.docname)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep failures that diagrams show on purpose out of the log."""
    log = logging.getLogger("rxagent")
    was, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = was


def _figure(diagram: Diagram, picture: str) -> Iterator[nodes.Node]:
    yield _html('<figure class="marbles-figure">')
    yield _caption(f"{diagram.title}\n{diagram.prose}".strip())
    yield _html(f'<div class="marbles-scroll">{picture}</div>')
    yield _html("<details><summary>As text</summary>")
    yield nodes.literal_block(diagram.text, diagram.text.strip("\n"), language="marble")
    yield _html("</details></figure>")


def _html(text: str) -> nodes.Node:
    return nodes.raw("", text, format="html")


def _caption(text: str) -> nodes.Node:
    caption = nodes.paragraph(text, classes=["marbles-caption"])
    for number, part in enumerate(re.split("`+", text)):
        caption += nodes.literal(part, part) if number % 2 else nodes.Text(part)
    return caption


def _false(env: BuildEnvironment) -> set[str]:
    """Return the pages with a false picture; they fail the build until they are read again."""
    pages: set[str] = env.__dict__.setdefault("marbles_false", set())
    return pages


def _forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    _false(env).discard(page)


def _merge(app: Sphinx, env: BuildEnvironment, pages: object, other: BuildEnvironment) -> None:
    _false(env).update(_false(other))


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error is None and _false(app.env):
        app.statuscode = 1


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and `marble` as a language of code blocks."""
    app.add_config_value("marbles_folder", "../marble_diagrams", "env", str)
    app.add_lexer("marble", TextLexer)
    app.add_directive("marbles", Marbles)
    app.connect("env-purge-doc", _forget)
    app.connect("env-merge-info", _merge)
    app.connect("build-finished", _finish)
    return {
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
        "version": __version__,
    }
