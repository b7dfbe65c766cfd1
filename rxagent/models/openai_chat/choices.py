"""Choices: which one of a reply is the answer, since only one was requested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fields import number
from .reasoning import REASONING_FIELDS

__all__ = ["Choices", "Undecided"]

_FEW = 32
"""How many choices of a chunk are searched for the answer."""

_ANSWERS = frozenset(("content", "refusal"))
_TEXTS = _ANSWERS.union(REASONING_FIELDS)
_CONTENTS = _TEXTS | {"tool_calls", "function_call"}


class Undecided(Exception):
    """What a reply holds can be read in two ways, and one of them would lose text."""


class Choices:
    """Decides which choice is the answer, as the chunks arrive.

    The first choice that holds anything is the answer; of several in one chunk, the lowest index.
    Some servers count their chunks in the index, so that it grows from chunk to chunk. So the text
    of a second index is held until a third one shows that, or the first one goes on, which shows
    that the second is another choice, as does an empty chunk with which a choice begins.

    Attributes:
        answer: The index of the answer; None until a choice holds anything.
        are_decided: Whether all text has come at one index, as far as it is known.
        have_moved: Whether the answer has come at several indexes.
    """

    def __init__(self) -> None:
        self.answer: int | None = None
        self.are_decided = True
        self.have_moved = False
        self._are_single = True
        self._has_text = self._has_answer = self._has_dropped = False
        self._finished: set[int] = set()
        self._reason: str | None = None
        """The finish reason of the choice whose text is held."""
        self._begun: set[int] = set()
        """The choices that have begun with an empty chunk."""
        self._held: list[tuple[Mapping[str, Any], int]] = []
        self._released: list[tuple[Mapping[str, Any], int]] = []

    def look(self, choices: Any) -> None:
        """Look at the choices of the next chunk."""
        for choice in choices[:_FEW]:
            if choice and _begins(choice):
                self._begun.add(number(choice.get("index")) or 0)
        if len(choices) > 1 and sum(map(bool, choices[:_FEW])) > 1:
            self._are_single = False
        if self.answer is None:
            self.answer = _answer_among(choices[:_FEW])

    def takes(self, index: int, fields: Mapping[str, Any]) -> bool:
        """Return whether the text of a choice belongs to the answer, as far as it is known.

        Raises:
            Undecided: Texts of several choices were taken for one answer.
        """
        if not _any_of(fields, _TEXTS):
            return index == (self.answer or 0)
        answer = self.answer or 0
        if index == answer or not self._moves(index, answer, fields):
            self._has_dropped = self._has_dropped or index != answer
            self._are_single = self._are_single and not self._held
            self._held.clear()
        elif self._has_answer and not (self.have_moved or self._held_before(index)):
            self._held.append((fields, index))
        else:
            self._release()
            self.have_moved = self.have_moved or self._has_text
            answer = self.answer = index
        self.are_decided = not (self.have_moved or self._held)
        if index == answer:
            self._has_text = True
            self._has_answer = self._has_answer or _any_of(fields, _ANSWERS)
        return index == answer

    def released(self) -> list[tuple[Mapping[str, Any], int]]:
        """Return the fields that were held, once they are known to be the answer's, and indexes."""
        released, self._released = self._released, []
        return released

    def finishes(self, index: int, reason: str) -> bool:
        """Return whether a choice ends the answer, as far as it is known.

        Raises:
            Undecided: Texts of several choices were taken for one answer.
        """
        is_held = bool(self._held) and index == self._held[-1][1] and not self._finished
        self._finished.add(index)
        if is_held:
            self._reason = reason
            return False
        if len(self._finished) > 1:
            self._held.clear()
            if self.have_moved:
                raise Undecided("text in several choices, though one was requested")
        return self.have_moved or index == (self.answer or 0)

    def end(self) -> str | None:
        """Release what is held, as nothing shows that it is another choice; return its reason."""
        reason = self._reason if self._held else None
        self._release()
        return reason

    def check(self, has_calls: bool) -> None:
        """Check, at the end, that the text of other choices was not the answer.

        Raises:
            Undecided: It was the only text.
        """
        if self._has_dropped and not (self._has_text or has_calls):
            raise Undecided("text in another choice than the first")

    def _held_before(self, index: int) -> bool:
        return bool(self._held) and self._held[-1][1] < index

    def _release(self) -> None:
        self._released += self._held
        self._held = []

    def _moves(self, index: int, answer: int, fields: Mapping[str, Any]) -> bool:
        """Return whether the answer may go on at another index."""
        if not self._has_text:
            return self._are_single or index < answer
        if index < answer:
            if self.have_moved:
                raise Undecided("text in several choices, though one was requested")
            return False
        if not self._are_single or answer in self._finished:
            return False
        if not self._has_answer:
            return True  # the thoughts before it stand at an index of their own
        return index not in self._begun and not (self._held and index < self._held[-1][1])


def _begins(choice: Mapping[str, Any]) -> bool:
    """Return whether a choice begins with a chunk that holds nothing but its role."""
    fields = choice.get("delta")
    if not fields or not isinstance(fields, dict | Mapping) or not fields.get("role"):
        return False
    return not _holds_anything(choice)


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


def _any_of(fields: Mapping[str, Any], names: frozenset[str]) -> bool:
    return any(map(fields.get, names.intersection(fields)))
