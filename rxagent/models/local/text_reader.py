"""TextReader: reads the text of a model as its answer, its thoughts and its calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from ...call_forms import Schemas
from ...events import Delta, StepRetried, TextDelta
from ..own_tags import THINK, Tags
from ..think_tags import ThinkTags
from .written_calls import WrittenCalls

__all__ = ["AnswerReader", "TextReader"]


class AnswerReader(Protocol):
    """Reads the text that a model generates as deltas."""

    @property
    def calls(self) -> int:
        """How many calls there were so far."""

    def add(self, text: str, /) -> Iterable[Delta]:
        """Add a piece of the text, and return the deltas that are certain now."""

    def end(self, *, is_cut: bool) -> Iterable[Delta]:
        """Return what was held back, at the end of the text."""


class TextReader:
    """Reads a text with the marks of calls that most models use, as `<tool_call>`.

    Args:
        prompt: The prompt; templates of some models open the thought at its end.
        tools: The tools that are offered.
        tags: The tags of thoughts that the model may use.
    """

    def __init__(self, prompt: str, tools: Schemas, tags: Sequence[Tags] = (THINK,)) -> None:
        self._thoughts = ThinkTags(tags=tags)
        self._tools = tools
        self._written = WrittenCalls(tools)
        for opening, _ in tags:
            if prompt.rstrip().endswith(opening):
                self._thoughts.add(opening)

    @property
    def calls(self) -> int:
        """How many calls there were so far."""
        return self._written.count

    def add(self, text: str) -> list[Delta]:
        """Add a piece of the text, and return the deltas that are certain now."""
        if self._thoughts.may_pass and self._written.passes(text):
            self._thoughts.passed(text)
            return [TextDelta(text)] if text else []
        return self._calls_in(self._thoughts.add(text))

    def end(self, *, is_cut: bool) -> list[Delta]:
        """Return what was held back, at the end of the text.

        Args:
            is_cut: Whether the model was interrupted.
        """
        return [*self._calls_in(self._thoughts.end()), *self._written.end(is_cut)]

    def _calls_in(self, deltas: Iterable[Delta]) -> list[Delta]:
        found: list[Delta] = []
        for delta in deltas:
            if isinstance(delta, StepRetried):  # the text so far, and calls in it, was a thought
                self._written = WrittenCalls(self._tools)
            found += self._written.add(delta.text) if isinstance(delta, TextDelta) else [delta]
        return found
