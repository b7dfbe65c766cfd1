"""The parts of a JSON text that are complete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..json_text import escaped
from ..shapes.parts import Parts
from ..shapes.paths import Path

if TYPE_CHECKING:
    from ..shapes import Shape

__all__ = ["SealedParts"]

_FIELD = "answer"


class SealedParts:
    """Reads one text: the parts at a path.

    The value is the text's, or that of the field `answer` in a call of final_answer, and in the
    object that structured output puts around a list.
    """

    def __init__(self, path: Path, shape: Shape | None, is_answer: bool) -> None:
        inner = path.inside(_FIELD)
        begins_in_list = path.kinds[0] is int
        paths = [inner] if is_answer else [path, inner] if begins_in_list else [path]
        self._parts = Parts(paths)
        self._shape = shape

    def add(self, piece: str) -> Iterator[Any]:
        """Add a piece, and yield the parts that it completes."""
        for part in self._parts.add(piece):
            try:
                if self._shape is None:
                    yield json.loads(part, strict=False)
                else:
                    yield self._shape.validated(self._shape.parsed(escaped(part)))
            except (ValueError, RecursionError):  # not JSON, or not of the type
                continue

    def end(self) -> Iterator[Any]:
        """Yield nothing: what is not complete at the end never is."""
        return iter(())
