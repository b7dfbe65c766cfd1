"""The mould of a chunk with text."""

from __future__ import annotations

from typing import Any

from ..mould import Mould, mould_of

__all__ = ["mould_of_text"]

_PADDINGS = "obfuscation", "p"
"""What hides the length of the text: OpenAI's random letters, and Mistral's."""


def mould_of_text(frame: bytes, value: Any) -> Mould | None:
    """Return the mould of a chunk with one choice, if nothing else in it depends on its text.

    Args:
        frame: The bytes of the chunk.
        value: The chunk, which is changed.

    Raises:
        ValueError, LookupError, TypeError: It has another shape.
    """
    (choice,) = value["choices"]
    return mould_of(frame, value, choice["delta"], "content", *_PADDINGS)
