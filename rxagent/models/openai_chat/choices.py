"""Choices: which one of a reply is the answer, since only one was requested."""

from collections.abc import Iterable, Mapping
from typing import Any

from .fields import number
from .reasoning import REASONING_FIELDS

__all__ = ["Choices", "Undecided"]

_FEW = 32
"""How many choices of a chunk are searched for the answer."""

_TEXTS = (*REASONING_FIELDS, "content", "refusal")
_TEXTS_SET = frozenset(_TEXTS)
_CONTENTS = (*_TEXTS, "tool_calls", "function_call")


class Undecided(Exception):
    """What a reply holds can be read in two ways, and one of them would lose text."""


class Choices:
    """Decides which choice is the answer, as the chunks arrive.

    Where each chunk has one choice, it is the answer, even if its index grows from chunk to chunk.
    Of several choices in one chunk, the lowest index is the answer.

    Attributes:
        answer: The index of the answer; None until a choice holds anything.
        have_moved: Whether the answer has come at several indexes.
    """

    def __init__(self) -> None:
        self.answer: int | None = None
        self.have_moved = False
        self._are_single = True
        self._has_text = self._has_dropped = False
        self._finished: set[int] = set()

    def look(self, choices: Any) -> None:
        """Look at the choices of the next chunk."""
        if len(choices) > 1 and sum(map(bool, choices[:_FEW])) > 1:
            self._are_single = False
        if self.answer is None:
            self.answer = _answer_among(choices[:_FEW])

    def takes(self, index: int, fields: Mapping[str, Any]) -> bool:
        """Return whether the text of a choice belongs to the answer.

        Raises:
            Undecided: That cannot be known.
        """
        if _TEXTS_SET.isdisjoint(fields) or not _any_of(fields, _TEXTS):
            return index == (self.answer or 0)
        answer = self.answer or 0
        if index != answer and not self._moves(index, answer):
            self._has_dropped = True
            return False
        self.have_moved = self.have_moved or (index != answer and self._has_text)
        self.answer = index
        self._has_text = True
        return True

    def finishes(self, index: int) -> bool:
        """Return whether the finish reason of a choice is that of the answer.

        Raises:
            Undecided: Several choices have finished that may all be the answer.
        """
        self._finished.add(index)
        if self.have_moved and len(self._finished) > 1:
            raise Undecided("text in several choices, though one was requested")
        return self.have_moved or index == (self.answer or 0)

    def check(self, has_calls: bool) -> None:
        """Check, at the end, that the text of other choices was not the answer.

        Raises:
            Undecided: It was the only text.
        """
        if self._has_dropped and not (self._has_text or has_calls):
            raise Undecided("text in another choice than the first")

    def _moves(self, index: int, answer: int) -> bool:
        if not self._has_text:
            return self._are_single or index < answer
        if index < answer:
            raise Undecided("text in several choices, though one was requested")
        return self._are_single and answer not in self._finished


def _answer_among(choices: Any) -> int | None:
    """Return the lowest index of choices, once one of them holds anything: that is the answer.

    A choice that is still being streamed may hold something later.
    """
    found = [choice for choice in choices if choice]
    holding = [choice for choice in found if _holds_anything(choice)]
    if not holding:
        return None
    able = [choice for choice in found if choice.get("delta") is not None] + holding
    return min(number(choice.get("index")) or 0 for choice in able)


def _holds_anything(choice: Mapping[str, Any]) -> bool:
    if choice.get("finish_reason") or choice.get("text"):
        return True
    fields = choice.get("delta") or choice.get("message")
    return isinstance(fields, Mapping) and _any_of(fields, _CONTENTS)


def _any_of(fields: Mapping[str, Any], names: Iterable[str]) -> bool:
    return any(fields.get(name) for name in names)
