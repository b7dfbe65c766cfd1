"""Operators that split a model's text into lines, words and sentences, however it is cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from reactivex import Observable, abc

from ..events import (
    FinalAnswer,
    Finish,
    MessageCompleted,
    PlanStarted,
    StepRetried,
    StepStarted,
    TextDelta,
)
from ..streams.sink import HoldingSink, lift
from ._operator import operator

__all__ = ["lines", "sentences", "words"]


@operator(emits="str")
def lines() -> Callable[[Observable[Any]], Observable[str]]:
    """Emit the model's text in whole lines, each with the line break that ends it.

    How the text is split into deltas makes no difference, and what is emitted, joined, is the
    text. What has no line break behind it is emitted when the turn ends, and dropped at
    StepRetried. Takes events, deltas, or pieces of text, as `text` emits them.

    .. marbles:: split/lines
    """
    return lift(partial(_Splitting, _Lines))


@operator(emits="str")
def words() -> Callable[[Observable[Any]], Observable[str]]:
    """Emit the model's text in whole words, each with the white space behind it.

    A word is emitted when the next one begins, or the turn ends; otherwise it is as `lines`.

    .. marbles:: split/words
    """
    return lift(partial(_Splitting, partial(_Words, lambda *_: True)))


@operator(emits="str")
def sentences() -> Callable[[Observable[Any]], Observable[str]]:
    """Emit the model's text in whole sentences, each with the white space behind it: for speech.

    A sentence ends with a full stop, a question mark or an exclamation mark before white space,
    or with a line break. It does not end after a common abbreviation (``Dr.``, ``e.g.``), an
    initial, the number of a list's item, or where the next word begins with a small letter. It is
    emitted when the next one begins, or the turn ends; otherwise it is as `lines`.

    .. marbles:: split/sentences
    """
    return lift(partial(_Splitting, partial(_Words, _ends_sentence, _FULL_STOPS)))


_ENDS = {Finish, MessageCompleted, StepStarted, PlanStarted, FinalAnswer}
"""The events after which the text of a turn does not grow."""


class _Splitting(HoldingSink[Any, str]):
    __slots__ = ("_make", "_parts")

    def __init__(
        self, make: Callable[[], _Lines | _Words], observer: abc.ObserverBase[str]
    ) -> None:
        super().__init__(observer)
        self._make = make
        self._parts = make()

    def on_next(self, value: Any) -> None:
        kind = type(value)
        if kind is TextDelta or kind is str:
            for part in self._parts.add(value if kind is str else value.text):
                self.observer.on_next(part)
        elif kind is StepRetried:
            self._parts = self._make()
        elif kind in _ENDS:
            self.flush()

    def flush(self) -> None:
        rest, self._parts = self._parts.rest, self._make()
        if rest:
            self.observer.on_next(rest)


class _Lines:
    """A text in lines; each character is looked at once."""

    def __init__(self) -> None:
        self._open: list[str] = []

    def add(self, piece: str) -> Iterator[str]:
        """Add a piece, and yield the lines that it ends."""
        *whole, left = piece.split("\n")
        for end in whole:
            yield f"{self._taken()}{end}\n"
        if left:
            self._open.append(left)

    def _taken(self) -> str:
        taken, self._open = self._open, []
        return "".join(taken)

    @property
    def rest(self) -> str:
        """What no line break has ended."""
        return "".join(self._open)


_Ends = Callable[[str, str, str, bool], bool]
"""Whether a part ends, by its last word, the white space behind it, the next character, and
whether the word is its first."""

_FULL_STOPS = "。！？｡"  # these of Chinese and Japanese are meant
_CLOSING = "\"'”’»)]}*_」』）】"  # likewise


class _Words:
    """A text in parts of one or more words; each character is looked at once.

    `stops` are characters after which a part ends without white space.
    """

    def __init__(self, ends: _Ends, stops: str = "") -> None:
        self._ends = ends
        self._runs = _runs(stops)
        self._stops = stops
        self._open: list[str] = []
        self._word: list[str] = []
        self._gap: list[str] = []
        self._count = 0
        self._is_stopped = False

    def add(self, piece: str) -> Iterator[str]:
        """Add a piece, and yield the parts that it ends."""
        for run in self._runs(piece):
            if run.isspace():
                self._gap.append(run)
            else:
                if self._is_end(run):
                    yield self._taken()
                self._begin_word(run)
            self._open.append(run)

    def _is_end(self, run: str) -> bool:
        if self._gap:
            word = "".join(self._word)
            is_first = self._count == 1
            return bool(word) and self._ends(word, "".join(self._gap), run[0], is_first)
        return self._is_stopped and not (run[0] in self._stops or run[0] in _CLOSING)

    def _begin_word(self, run: str) -> None:
        if self._gap or not self._word:
            self._word, self._gap = [], []
            self._count += 1
        self._word.append(run)
        is_closing = self._is_stopped and run[0] in _CLOSING
        self._is_stopped = is_closing or run[0] in self._stops

    def _taken(self) -> str:
        taken, self._open = self._open, []
        self._word, self._count, self._is_stopped = [], 0, False
        return "".join(taken)

    @property
    def rest(self) -> str:
        """What has not ended."""
        return "".join(self._open)


def _runs(stops: str) -> Callable[[str], Iterable[str]]:
    """Return what splits a text into runs of white space, of stops, of closing marks, of others."""
    if not stops:
        return re.compile(r"\s+|\S+").findall
    stop, closing = f"[{stops}]", f"[{re.escape(_CLOSING)}]"
    other = rf"[^\s{stops}{re.escape(_CLOSING)}]"
    return re.compile(rf"\s+|{stop}+|{closing}+|{other}+").findall


_ENDED = re.compile(rf"[.!?…{_FULL_STOPS}][{re.escape(_CLOSING)}]*\Z")
_ABBREVIATED = re.compile(
    r"[(\[\"'“‘*_]*"  # opening marks
    r"(?:[^\W\d_]|(?:\w\.)+\w|Mrs?|Ms|Mx|Drs?|Prof|Rev|Gen|Col|Sgt|Capt|Lt|St|Mt|vs|cf|ca|approx"
    r"|No|Nos|Fig|Figs|Eq|Sec|Ch|Vol|pp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.\Z"
)
"""Words whose full stop ends no sentence."""

_NUMBER = re.compile(r"\(?\d{1,3}[.)]+\Z")


def _ends_sentence(word: str, gap: str, following: str, is_first: bool) -> bool:
    if "\n" in gap:
        return True
    end = word[-64:]  # a longer word is no abbreviation
    if _ENDED.search(end) is None or following.islower():
        return False
    return not (_ABBREVIATED.match(end) or (is_first and _NUMBER.match(end)))
