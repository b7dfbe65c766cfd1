"""Thoughts: what a model thinks aloud in the text of its answer, between think tags."""

from enum import Enum, auto
from io import StringIO

from ..events import Delta, ReasoningDelta, StepRetried, TextDelta
from .mentions import ends_thought

__all__ = ["Thoughts"]

_OPEN = "<think>"
_CLOSE = "</think>"
_LONGEST = 1 << 20
"""Characters after which a closing tag is no longer looked for."""

_MOST_MENTIONS = 16
"""After so many tags that a text merely mentions, none is looked for."""

_ENOUGH = 200
"""So many characters behind a tag tell whether it is mentioned."""

_TAKEN_BACK = "The text so far was a thought: it ended in </think>."


class _Place(Enum):
    START = auto()
    THOUGHT = auto()
    WATCH = auto()
    GAP = auto()
    ANSWER = auto()


class Thoughts:
    """Tells an answer from the thoughts before it, by think tags at the start of its text.

    A tag may come in pieces, so what could be the beginning of one is held back. White
    space that parts the two is dropped. Some servers send the closing tag alone, since their
    template has opened the thought already. Until then its text has passed as the answer's, so a
    `StepRetried` takes it back, and it follows as reasoning.

    Attributes:
        are_over: Whether all further text is the answer's.
        may_pass: Whether text without the sign `<` is the answer's, as far as can be told.
    """

    def __init__(self) -> None:
        self._place = _Place.START
        self._blank: list[str] = []
        self._held = ""
        self._said = StringIO()
        self._length = 0
        self._watches = True
        self._mentions = 0
        self.are_over = self.may_pass = False

    def passed(self, text: str) -> None:
        """Note a text without the sign `<`, which has passed as the answer's."""
        if self._place is _Place.WATCH:
            self._said.write(text)
            self._length += len(text)
            if self._length > _LONGEST:
                self._settle()

    def add(self, text: str) -> list[Delta]:
        """Return what the text so far tells, beyond what was returned before."""
        told: list[Delta] = []
        self._held += text
        if self._place is _Place.START:
            self._begin()
        if self._place is _Place.THOUGHT:
            told += self._think()
        if self._place is _Place.WATCH:
            told += self._watch()
        if self._place is _Place.GAP:
            self._held = self._held.lstrip()
            if self._held:
                self._place = _Place.ANSWER
        if self._place is _Place.ANSWER and self._held:
            told.append(TextDelta(self._held))
            self._held = ""
        self.are_over = self._place is _Place.ANSWER
        self.may_pass = self.are_over or (self._place is _Place.WATCH and not self._held)
        return told

    def settle(self) -> list[Delta]:
        """Look for no closing tag any more, and return the text that was held back for it."""
        self._watches = False
        if self._place is not _Place.WATCH:
            return []
        told = self._watch(at_end=True)
        if self._place is _Place.WATCH:
            self._settle()
        return told + self.add("")

    def end(self) -> list[Delta]:
        """Return what was held back, now that no more text will come."""
        told = self._watch(at_end=True) if self._place is _Place.WATCH else []
        kind = ReasoningDelta if self._place is _Place.THOUGHT else TextDelta
        held = "".join(self._blank) + self._held
        self._blank, self._held = [], ""
        return [*told, kind(held)] if held and self._place is not _Place.GAP else told

    def _settle(self) -> None:
        self._place = _Place.ANSWER
        self._said = StringIO()
        self.are_over = True

    def _begin(self) -> None:
        """Find out whether the text opens a thought; the blanks before it are looked at once."""
        seen = self._held.lstrip()
        self._blank.append(self._held[: len(self._held) - len(seen)])
        self._held = seen
        if seen.startswith(_OPEN):
            self._held = seen[len(_OPEN) :]
            self._blank = []
            self._place = _Place.THOUGHT
        elif seen == _CLOSE or not (_OPEN.startswith(seen) or _CLOSE.startswith(seen)):
            self._held = "".join(self._blank) + seen
            self._blank = []
            self._place = _Place.WATCH if self._watches else _Place.ANSWER

    def _think(self) -> list[Delta]:
        thought, tag, after = self._held.partition(_CLOSE)
        if tag:
            self._held = after
            self._place = _Place.GAP
        else:
            kept = _beginning_of(_CLOSE, thought)
            thought, self._held = thought[: len(thought) - kept], thought[len(thought) - kept :]
        return [ReasoningDelta(thought)] if thought else []

    def _watch(self, at_end: bool = False) -> list[Delta]:
        told: list[Delta] = []
        while self._place is _Place.WATCH and self._held:
            before, tag, after = self._held.partition(_CLOSE)
            if _OPEN in before:  # then no tag stands alone
                self._settle()
            elif not tag:
                kept = max(_beginning_of(_CLOSE, before), _beginning_of(_OPEN, before))
                self._held = before[len(before) - kept :]
                told += self._pass(before[: len(before) - kept])
                break
            else:
                is_known = at_end or len(after) > _ENOUGH
                ends = ends_thought(self._said.getvalue() + before, after, is_known)
                if ends is None:  # what follows will tell
                    break
                if ends:
                    told += self._take_back(before)
                    self._held = after
                else:
                    self._held = after
                    self._mentions += 1
                    told += self._pass(before + tag)
                    if self._mentions >= _MOST_MENTIONS:
                        self._settle()
        return told

    def _pass(self, text: str) -> list[Delta]:
        self.passed(text)
        return [TextDelta(text)] if text else []

    def _take_back(self, before: str) -> list[Delta]:
        said = self._said.getvalue()
        self._settle()
        self._place, self.are_over = _Place.GAP, False  # from which `add` goes on
        told: list[Delta] = [StepRetried(1, _TAKEN_BACK)] if said else []
        thought = said + before
        return [*told, ReasoningDelta(thought)] if thought.strip() else told


def _beginning_of(tag: str, text: str) -> int:
    """Return the length of the end of a text that may be the beginning of a tag."""
    return next(size for size in range(len(tag) - 1, -1, -1) if text.endswith(tag[:size]))
