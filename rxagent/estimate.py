"""Estimates: about how many tokens a text or a message has, where no model has reported it."""

from __future__ import annotations

from math import ceil

from .messages import Message

__all__ = ["estimate", "estimated"]

_MESSAGE_TOKENS = 4
"""What a message costs beside its text; https://cookbook.openai.com, How to count tokens, 2024."""
_IMAGE_TOKENS = 1000
"""About what an image of a megapixel costs: 765 with gpt-4o, 1,334 with Claude (2025)."""


def estimated(text: str) -> float:
    """Return about how many tokens a text has: a fourth of one for each letter of ASCII, and one
    for each other.
    """
    if text.isascii():
        return len(text) / 4
    plain = len(text.encode("ascii", "ignore"))
    return len(text) - plain + plain / 4


def estimate(message: Message) -> int:
    """Return about how many tokens a message has: one for 4 letters, or for one not in ASCII."""
    texts = [message.text, message.reasoning]
    texts += [part for call in message.tool_calls for part in (call.name, call.arguments)]
    tokens = _MESSAGE_TOKENS + _IMAGE_TOKENS * len(message.images)
    return tokens + sum(ceil(estimated(text)) for text in texts)
