"""Diagrams: what a marble file says, once it is read."""

import ast
from collections.abc import Mapping
from types import CodeType
from typing import Any

from attrs import field, frozen

from .imports import Import
from .lines import Line
from .rows import Kind
from .snippets import Snippet
from .timeline import Timeline

__all__ = ["Diagram", "Note", "Pipeline", "Source", "Watch"]


@frozen
class Note:
    """What a stream tells at a time; `sign` is how a diagram writes it."""

    at: float
    kind: Kind
    value: Any = None
    sign: str = field(default="", eq=False)


@frozen
class Source:
    """A stream that plays what its row says; a cold one begins when it is subscribed.

    `drawn` is the time of its first column, and times of a cold one count from there.
    """

    name: str
    is_hot: bool
    drawn: float
    notes: tuple[Note, ...]
    line: Line


@frozen
class Watch:
    """When a stream must be subscribed, and when disposed; None means never."""

    name: str
    subscribed: float | None
    disposed: float | None
    line: Line


@frozen
class Pipeline:
    """The expression under test; `names` is what it asks for from outside, and where."""

    snippet: Snippet
    code: CodeType
    names: Mapping[str, ast.Name]


@frozen
class Diagram:
    """A marble diagram: sources, a pipeline, and what must come out of it.

    `watches` may hold one of the name `out`: it says when the result is to be subscribed and
    disposed, while the others say when their stream must have been. `written` holds how the
    text writes what each letter is bound to. Nothing of `imports` is looked up before it is
    performed.
    """

    text: str
    file: str | None
    title: str
    prose: str
    timeline: Timeline
    bindings: Mapping[str, Any]
    written: Mapping[str, str]
    sources: tuple[Source, ...]
    watches: tuple[Watch, ...]
    imports: Mapping[str, Import]
    pipeline: Pipeline
    out: Source

    def watches_of(self, name: str) -> list[Watch]:
        """Return the rows that say when a stream is subscribed."""
        return [watch for watch in self.watches if watch.name == name]
