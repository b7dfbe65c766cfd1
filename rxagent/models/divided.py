"""Divided text: the text of a reply, whose beginning may be a thought between tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..events import Delta, ReasoningDelta, TextDelta
from .blocks import Blocks
from .own_tags import Tags
from .think_tags import ThinkTags

__all__ = ["THINK_TAGS", "Divided", "between_tags"]

THINK_TAGS = "think_tags"
"""The name, in the data of a block, of the tags between which a thought stood."""


class Divided:
    """Separates a thought at the beginning of the text of a reply, and keeps it as a block.

    A closing tag alone is text here, so that nothing is retracted.

    Attributes:
        blocks: The blocks of the reply, where the text and the thought are counted.

    Args:
        blocks: They.
        tags: The tags that the model may use.
        beside: What the data of the block has beside its tags.
    """

    def __init__(
        self, blocks: Blocks, tags: Sequence[Tags], beside: Mapping[str, Any] | None = None
    ) -> None:
        self.blocks = blocks
        self._beside = beside or {}
        self._tags = ThinkTags("", tags)
        self._tags.settle()

    @property
    def are_over(self) -> bool:
        """Whether all further text is the answer's."""
        return self._tags.are_over

    def add(self, text: str) -> Iterator[Delta]:
        """Yield what a piece of the text brings."""
        if self._tags.are_over:
            self.blocks.text += len(text)
            yield TextDelta(text)
        else:
            yield from self._deltas(self._tags.add(text))

    def settle(self) -> Iterator[Delta]:
        """Yield what keeps a thought that has ended, where something else than text follows."""
        yield from self._deltas(self._tags.settle())

    def end(self) -> Iterator[Delta]:
        """Yield what was held back, at the end of the text."""
        yield from self._deltas(self._tags.end())

    def _deltas(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        for delta in deltas:
            match delta:
                case TextDelta(text):
                    self.blocks.text += len(text)
                    yield delta
                case ReasoningDelta(text, ()):
                    yield self.blocks.reason(text)
                case ReasoningDelta(extra=(kept,)):
                    yield from self.blocks.keep({**self._beside, **kept.data})


def between_tags(data: Mapping[str, Any], thought: str | None) -> str | None:
    """Return a thought between its tags, as the model wrote it; None for another block."""
    match data.get(THINK_TAGS):
        case [str(opening), str(closing)] if thought is not None:
            return f"{opening}{thought}{closing}"
    return None
