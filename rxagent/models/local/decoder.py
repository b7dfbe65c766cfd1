"""Decoder: the text of a transformers tokenizer's ids, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib import import_module
from itertools import chain
from typing import Any

from ..own_tags import ALL_TAGS

__all__ = ["Decoder"]

_MARKS = {"<tool_call>", "</tool_call>", *chain.from_iterable(ALL_TAGS)}
"""Special tokens that are read as text."""

_LONGEST = 64
"""Tokens after which a text that ends in half a character is passed on as it is."""


class Decoder:
    """Decodes the ids of one answer.

    Args:
        tokenizer: The tokenizer.
        all_tokens: Whether special tokens are text too.
    """

    def __init__(self, tokenizer: Any, *, all_tokens: bool) -> None:
        self._hidden: Collection[int] = frozenset()
        if not all_tokens:
            shown = {tokenizer.convert_tokens_to_ids(mark) for mark in _MARKS}
            self._hidden = frozenset(tokenizer.all_special_ids) - shown
        fast = getattr(tokenizer, "backend_tokenizer", None)
        self._step = _slow(tokenizer) if fast is None else _fast(fast)

    def add(self, token: int) -> str:
        """Add an id, and return the text that is certain now; it may be empty."""
        return "" if token in self._hidden else self._step(token)


def _fast(backend: Any) -> Callable[[int], str]:
    stream = import_module("tokenizers").decoders.DecodeStream(skip_special_tokens=False)
    step = stream.step
    return lambda token: step(backend, token) or ""


def _slow(tokenizer: Any) -> Callable[[int], str]:
    """Decode the last ids again and again: such a tokenizer cannot decode a stream."""
    ids: list[int] = []
    known = ""

    def step(token: int) -> str:
        nonlocal known
        ids.append(token)
        text: str = tokenizer.decode(ids, skip_special_tokens=False)
        if text.endswith("\ufffd") and len(ids) < _LONGEST:  # half a character
            return ""
        added = text[len(known) :]
        if len(ids) < _LONGEST:
            known = text
        else:  # the last id remains, since a tokenizer may drop the blank before the first
            del ids[:-1]
            known = tokenizer.decode(ids, skip_special_tokens=False)
        return added

    return step
