"""Swapping: other tokens for those that a dialogue copies, so that every token is copied."""

from collections.abc import Sequence
from random import Random

__all__ = ["Swapping"]

_PART = 0.35
_SHARES = (0.3, 0.6, 1.0)


class Swapping:
    """Swaps tokens of some dialogues.

    A model copies a token only after it has seen it copied, and a tokenizer has some hundred that
    no made-up word has. So in some dialogues, tokens of names and arguments are others, at random,
    the same ones everywhere.

    Args:
        tokens: Those that may be swapped, and that may come instead.
        random: What chooses.
    """

    def __init__(self, tokens: Sequence[int], random: Random) -> None:
        self._tokens = tokens
        self._random = random

    def swapped(self, ids: list[int], learned: list[bool]) -> list[int]:
        """Return the tokens of a dialogue, with others for some of those that it copies.

        Args:
            ids: Its tokens.
            learned: Of each, whether it is to be learned; copied is what stands in both parts.
        """
        if self._random.random() > _PART:
            return ids
        share = self._random.choice(_SHARES)
        written = {each for each, is_learned in zip(ids, learned, strict=True) if is_learned}
        read = {each for each, is_learned in zip(ids, learned, strict=True) if not is_learned}
        copied = [each for each in self._tokens if each in written and each in read]
        old = [each for each in copied if self._random.random() < share]
        free = [each for each in self._tokens if each not in written and each not in read]
        new = self._random.sample(free, min(len(old), len(free)))
        swaps = dict(zip(old, new, strict=False))
        return [swaps.get(each, each) for each in ids]
