"""Diagrams: what a marble file contains, after it is read."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import CodeType
from typing import Any

from attrs import define, field, frozen

from .rows import Kind, Line, Timeline
from .snippets import Import, Snippet

__all__ = ["Diagram", "Note", "Pipeline", "Source", "Subscription", "Watch"]


@frozen
class Note:
    """A notification at a time; `sign` is how a diagram writes it."""

    at: float
    kind: Kind
    value: Any = None
    sign: str = field(default="", eq=False)


@frozen
class Source:
    """A stream that plays the notes of its row; a cold one begins when it is subscribed.

    `drawn` is the time of its first column; the times of a cold one count from there.
    """

    name: str
    is_hot: bool
    drawn: float
    notes: tuple[Note, ...]
    line: Line


@define
class Subscription:
    """When a stream was subscribed and disposed; None means not disposed."""

    subscribed: float
    disposed: float | None = None


@frozen
class Watch:
    """When a stream must be subscribed and disposed; None means never."""

    name: str
    subscribed: float | None
    disposed: float | None
    line: Line


@frozen
class Pipeline:
    """The expression under test; `names` are the names it uses from outside, and where."""

    snippet: Snippet
    code: CodeType
    names: Mapping[str, ast.Name]


@frozen
class Diagram:
    """A marble diagram: sources, a pipeline, and its expected result.

    A watch with the name `out` says when the result is to be subscribed and disposed; the others
    say when their stream must have been. `written` is the source text of each binding. `imports`
    are loaded when the diagram is performed, not before.
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
        """Return the rows of subscriptions of a stream."""
        return [watch for watch in self.watches if watch.name == name]
